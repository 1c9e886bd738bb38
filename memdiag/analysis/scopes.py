"""The functions and classes of one module's source, what each of them says itself, and who mentions whom."""

from __future__ import annotations

import ast
import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)
_QUIET = {"staticmethod", "classmethod", "property", "cached_property", "contextmanager", "abstractmethod", "override"}
# Methods of the built-in containers: ``x.clear()`` may be any object's, so it may be a call of the program's own.
_COMMON = {*dir(list), *dir(dict), *dir(set), "popleft", "appendleft", "close", "put", "get_nowait"}

Tree = ast.Module
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Scope:
    """A module, class or function. ``nodes`` are its own: what nested functions and classes hold is theirs."""

    node: Tree | ast.ClassDef | Function
    name: str  # qualified, as ``__qualname__`` has it; "" for the module
    parent: Scope | None = None
    self_name: str = ""  # of the method that this is, or is within
    cls: str = ""  # the class of that method
    nodes: list[ast.AST] = field(default_factory=list)

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, _FUNCTIONS)

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def is_decorated(self) -> bool:
        return isinstance(self.node, _SCOPES) and bool(self.node.decorator_list)

    @property
    def bare(self) -> str:
        return self.name.rpartition(".")[2]

    @cached_property
    def parameters(self) -> list[str]:
        if not isinstance(self.node, _FUNCTIONS):
            return []
        given = self.node.args
        rest = [one for one in (given.vararg, given.kwarg) if one is not None]
        return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs, *rest)]

    @cached_property
    def elsewhere(self) -> set[str]:
        """Names that ``global`` and ``nonlocal`` declare to be another scope's."""
        return {name for node in self.nodes if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names}

    @cached_property
    def bound(self) -> set[str]:
        """Names that are this scope's own variables."""
        stored = {node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        return (stored | set(self.parameters)) - self.elsewhere

    @cached_property
    def mentions(self) -> set[str]:
        """Names and attributes that it reads: what it may call."""
        names = {node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        return names | {node.attr for node in self.nodes if isinstance(node, ast.Attribute)}

    def outward(self) -> Iterator[Scope]:
        """This scope and those around it, inner before outer."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


@dataclass(eq=False)
class Module:
    """The source of one file, taken apart. ``mentioned`` are names that the program's other files mention."""

    file: str
    lines: list[str]
    scopes: list[Scope]
    parents: dict[ast.AST, ast.AST]
    mentioned: frozenset[str] = frozenset()

    def text(self, line: int) -> str:
        found = self.lines[line - 1].strip()[:200] if 1 <= line <= len(self.lines) else ""
        return "".join(c if c.isprintable() else " " for c in found)

    def find(self, name: str) -> Scope | None:
        """The class or function of that qualified name, which may begin with its module's name."""
        wanted = [part.removesuffix("()") for part in name.split(".") if part and part != "<locals>"]
        for start in range(len(wanted)):
            for scope in self.scopes[1:]:
                if [part for part in scope.name.split(".") if part != "<locals>"] == wanted[start:]:
                    return scope
        return None

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What the node is within, inner before outer, up to the function or class."""
        while (node := self.parents.get(node, self.scopes[0].node)) is not self.scopes[0].node:
            if isinstance(node, _SCOPES):
                return
            yield node

    @cached_property
    def _mentioned_by(self) -> dict[str, list[Scope]]:
        found: dict[str, list[Scope]] = {}
        for scope in self.scopes:
            for name in scope.mentions:
                found.setdefault(name, []).append(scope)
        return found

    def callers(self, scope: Scope) -> list[Scope]:
        """Scopes that mention the function by its name, apart from itself."""
        return [one for one in self._mentioned_by.get(scope.bare, []) if scope not in one.outward()]

    def is_entered(self, scope: Scope) -> bool:
        """Whether anything that is known may call it: by its name, by a decorator's doing, or because Python does."""
        if not scope.is_function or not isinstance(scope.node, _FUNCTIONS):
            return True
        special = scope.bare.startswith("__") and scope.bare.endswith("__")
        decorated = any(last_name(one) not in _QUIET for one in scope.node.decorator_list)
        named = scope.bare in self.mentioned or scope.bare in _COMMON & set(self._mentioned_by)
        return special or decorated or named or bool(self.callers(scope))

    def reached(self, starts: Sequence[Scope]) -> set[Scope]:
        """Functions that those given may call, directly or not, themselves among them."""
        found, pending = set(starts), list(starts)
        while pending:
            names = pending.pop().mentions
            more = [scope for scope in self.scopes if scope.is_function and scope.bare in names and scope not in found]
            found.update(more)
            pending += more
        return found

    @cached_property
    def unentered(self) -> set[Scope]:
        """Functions that nothing calls, and those that only these call."""
        found: set[Scope] = set()
        pending = [scope for scope in self.scopes if not self.is_entered(scope)]
        while pending:
            found.update(pending)
            pending = [one for one in self.scopes if one not in found and self._only_by(one, found)]
        return found

    def _only_by(self, scope: Scope, those: set[Scope]) -> bool:
        if not scope.is_function or scope.bare in _COMMON | self.mentioned:
            return False
        callers = self.callers(scope)
        return bool(callers) and all(caller in those for caller in callers)


def parse(text: str, file: str) -> Module | None:
    """The module, or None where the text is not Python that this interpreter can read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the program's strings and comparisons, none of our business
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    return Module(file, io.StringIO(text).readlines(), _scopes(tree), parents)


def _scopes(tree: Tree) -> list[Scope]:
    found = [Scope(tree, "")]
    for scope in found:  # grows as it is read: nested scopes are met after those around them
        pending = list[ast.AST](reversed(scope.node.body))
        while pending:  # no recursion: sums of a thousand terms nest as deeply
            node = pending.pop()
            scope.nodes.append(node)
            if isinstance(node, _SCOPES):
                found.append(_nested(node, scope))
                pending += _outer_parts(node)
            else:
                pending += list(ast.iter_child_nodes(node))[::-1]
    return found


def _outer_parts(node: ast.ClassDef | Function) -> list[ast.AST]:
    """What of a definition the scope around it evaluates: decorators, and defaults or bases."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    defaults = [one for one in node.args.kw_defaults if one is not None]
    return [*node.decorator_list, *node.args.defaults, *defaults]


def _nested(node: ast.ClassDef | Function, scope: Scope) -> Scope:
    within = f"{scope.name}.<locals>." if scope.is_function else f"{scope.name}." if scope.name else ""
    made = Scope(node, within + node.name, scope, scope.self_name, scope.cls)
    if isinstance(node, ast.ClassDef):
        made.self_name = made.cls = ""
    elif scope.is_class and made.parameters and "staticmethod" not in map(last_name, node.decorator_list):
        made.self_name, made.cls = made.parameters[0], scope.name
    return made


def last_name(node: ast.expr) -> str:
    """``cache`` of ``functools.cache``, ``lru_cache`` of ``lru_cache(maxsize=9)``."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
