"""Which expressions of a module's source mean one attribute or variable: by ``self``, by an alias, from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from memdiag.analysis.scopes import Module, Scope

_INTO = {"setdefault", "get", "__getitem__"}  # calls whose result is an item of what they are called on
_OVER = {"values", "items", "copy"}
_WRAPS = {"list", "tuple", "sorted", "iter", "reversed", "enumerate"}


@dataclass(frozen=True)
class Reference:
    """``depth`` is 0 for the container itself, 1 for an item of it, and so on."""

    depth: int
    outside: bool = False  # by the attribute's name on another object, whose class the source does not tell

    def deeper(self, steps: int) -> Reference:
        return Reference(self.depth + steps, self.outside)


@dataclass(eq=False)
class Target:
    """The attribute or variable in question.

    ``owner`` is its class; or the function, or the module, whose variable it is; None if that is not in this file.
    In a file that is known not to define the owner, ``base`` is the class, or ``home`` the module, that does.
    """

    module: Module
    owner: Scope | None
    attribute: str
    base: str = ""
    home: str = ""

    @cached_property
    def family(self) -> set[str]:
        """Names of the owner, and of the classes in this file that it derives from or that derive from it."""
        bare = self.owner.bare if self.owner is not None and self.owner.is_class else self.base
        if not bare:
            return set()
        found = {self.owner.name} if self.owner is not None else set()
        classes = {scope.bare: scope for scope in self.module.scopes if scope.is_class}
        bases = {name: _bases(scope) & {*classes, bare} for name, scope in classes.items()}
        up, down = {bare}, {bare}
        for _ in classes:
            up |= {base for name in up for base in bases.get(name, set())}
            down |= {name for name, of in bases.items() if of & down}
        return found | {classes[name].name for name in (up | down) & set(classes)}

    @property
    def is_variable(self) -> bool:
        return self.owner is not None and not self.owner.is_class

    def meant(self, node: ast.AST, scope: Scope, aliases: bool = True) -> Reference | None:
        """What of the target the expression is, or None if it is something else."""
        steps = 0
        while True:
            found = self._named(node, scope, aliases)
            if found is not None:
                return found.deeper(steps)
            if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
                node, steps = node.value, steps + 1
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _INTO:
                node, steps = node.func.value, steps + 1
            else:
                return None

    def within(self, node: ast.AST, scope: Scope) -> bool:
        """Whether the container itself is part of the expression."""
        found = (self.meant(one, scope) for one in ast.walk(node))
        return any(one is not None and one.depth == 0 for one in found)

    def _named(self, node: ast.AST, scope: Scope, aliases: bool) -> Reference | None:
        if isinstance(node, ast.Attribute):
            return self._attribute(node, scope)
        if not isinstance(node, ast.Name):
            return None
        if self._is_variable_here(node.id, scope):
            return Reference(0)
        return self._alias(node.id, scope) if aliases else None

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Reference | None:
        if _mangled(node.attr, scope) != self.attribute:
            return None
        if self.is_variable:  # of a function, too, may be spoken of as its attribute
            own = self.owner is not None and isinstance(node.value, ast.Name) and node.value.id == self.owner.bare
            return Reference(0) if own and self.owner is not self.module.scopes[0] else None
        receiver = _receiver(node.value)
        if self.home:
            return Reference(0, outside=True) if receiver in self._imported[self.home] else None
        if receiver and receiver == scope.self_name:
            anywhere = self.owner is None and not self.base
            return Reference(0, anywhere) if anywhere or scope.cls in self.family else None
        if receiver in {name.rpartition(".")[2] for name in self.family} | {self.base} - {""}:
            return Reference(0)
        classes = {one.bare for one in self.module.scopes if one.is_class}
        return None if receiver in classes else Reference(0, outside=True)

    @cached_property
    def _imported(self) -> dict[str, set[str]]:
        """Local names of the module ``home``, and of the variable in question, as this file imports them."""
        found: dict[str, set[str]] = {self.home: set(), self.attribute: set()}
        for node in (node for scope in self.module.scopes for node in scope.nodes):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                source = (getattr(node, "module", None) or "").rpartition(".")[2]
                for alias in node.names:
                    local = alias.asname or alias.name.rpartition(".")[2]
                    if alias.name.rpartition(".")[2] == self.home:
                        found[self.home].add(local)
                    elif source == self.home and alias.name == self.attribute:
                        found[self.attribute].add(local)
        return found

    def _is_variable_here(self, name: str, scope: Scope) -> bool:
        if self.home:
            return name in self._imported[self.attribute] and not any(name in one.bound for one in scope.outward())
        if name != self.attribute or self.owner is None:
            return False
        if scope.is_class:
            return scope.name in self.family or (scope is not self.owner and self._seen_from(name, scope.parent))
        return self.is_variable and self._seen_from(name, scope)

    def _seen_from(self, name: str, scope: Scope | None) -> bool:
        """Whether the name, read in that scope, is the owner's variable."""
        while scope is not None and scope is not self.owner:
            if not scope.is_class and name in scope.bound:
                return False
            if not scope.is_class and name in scope.elsewhere and self.owner is self.module.scopes[0]:
                return True
            scope = scope.parent
        return scope is not None

    @cached_property
    def _aliases(self) -> dict[tuple[Scope, str], Reference]:
        """Local names that mean the target wherever they are assigned in their function."""
        found: dict[tuple[Scope, str], Reference | None] = {}
        for scope in self.module.scopes:
            for node in scope.nodes:
                for name, reference in self._assigned(node, scope):
                    known = found.get((scope, name), reference)
                    found[scope, name] = reference if known is not None else None
        return {key: reference for key, reference in found.items() if reference is not None}

    def _assigned(self, node: ast.AST, scope: Scope) -> Iterator[tuple[str, Reference | None]]:
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for to in targets:
                pairs = [(to, node.value)]
                if isinstance(to, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(to.elts, node.value.elts, strict=False))
                for name, value in pairs:
                    if isinstance(name, ast.Name):
                        yield name.id, self.meant(value, scope, aliases=False)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            last = node.target.elts[-1] if isinstance(node.target, ast.Tuple) and node.target.elts else node.target
            if isinstance(last, ast.Name):
                found = self.meant(iterated(node.iter), scope, aliases=False)
                yield last.id, found.deeper(1) if found is not None else None

    def _alias(self, name: str, scope: Scope) -> Reference | None:
        for one in scope.outward():
            if (one, name) in self._aliases:
                return self._aliases[one, name]
            if name in one.bound:
                return None
        return None


def iterated(node: ast.expr) -> ast.expr:
    """What a loop goes over, without ``list(...)``, ``.values()`` and the like around it."""
    while isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _OVER:
            node = node.func.value
        elif isinstance(node.func, ast.Name) and node.func.id in _WRAPS and node.args:
            node = node.args[0]
        else:
            break
    return node


def _bases(scope: Scope) -> set[str]:
    assert isinstance(scope.node, ast.ClassDef)
    plain = [base.value if isinstance(base, ast.Subscript) else base for base in scope.node.bases]
    return {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in plain}


def _receiver(node: ast.expr) -> str:
    """``self`` of ``self``, ``type(self)`` and ``self.__class__``; the name of any other variable; "" otherwise."""
    if isinstance(node, ast.Attribute) and node.attr == "__class__":
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("type", "super"):
        return node.args[0].id if node.args and isinstance(node.args[0], ast.Name) else "self"
    return node.id if isinstance(node, ast.Name) else ""


def _mangled(name: str, scope: Scope) -> str:
    """A private name as the instance has it (``__items`` in ``class Box`` is ``_Box__items``)."""
    if not name.startswith("__") or name.endswith("__") or not scope.cls:
        return name
    return f"_{scope.cls.rpartition('.')[2].lstrip('_')}{name}"
