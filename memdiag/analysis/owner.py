"""What the source says of a container: where it is made, added to, removed from and bounded, and who calls that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from memdiag.analysis.references import Target
from memdiag.analysis.results import LOOPS, results
from memdiag.analysis.scopes import Module, Scope, last_name, parse
from memdiag.analysis.touches import FIRST, Deed, acts, caches
from memdiag.model import OwnerFacts, Touch

UNCALLED = "which nothing in "  # "... this file calls", "... the program calls"
ELSEWHERE = "which only other files may call"
SKIPPED = "which an exception or an early return skips"
BY = ", by the attribute "  # goes before the name of a limit that the source does not have
RESULT = "the program's result: "  # begins the ``how`` of a place that uses the whole of a variable, once it is full

BY_AGE = ", by age"  # ... of an eviction in a function that speaks of time: its condition comes if one waits
_TIME = re.compile(
    r"(?:^|_)(?:\w*time|time\w*|clock|now|ttl|age|expir\w*|deadline|stale|old\w*|since|until|seen|last|fresh|idle|date"
    r"|ticks?|monotonic|perf_counter)(?:_|$)",
    re.IGNORECASE,
)


def read_owner(text: str, file: str, owner: str, attribute: str, others: Mapping[str, str] | None = None) -> OwnerFacts:
    """The facts about ``owner.attribute`` in the source ``text`` of the module that defines the owner.

    ``owner`` is the qualified name of a class, or of a function whose variable it is; "" for a variable of the module.
    ``others`` are sources of the program's other files, by name: they may touch it as well, or call what does.
    Nothing is executed; text that is not Python gives ``read=False``. The ``how`` of a touch begins with what is done
    (``append``, ``[key] =``, ``del``), goes on with ``to an item`` or ``from an item`` where it is done to what the
    container holds, with ``outside`` where only the attribute's name tells, and for removals with ``in close(), ...``
    where nothing calls the function that removes.
    """
    try:
        module = parse(text, file)
        return OwnerFacts() if module is None else _read(module, owner, attribute, others or {})
    except RecursionError:  # expressions nested more deeply than Python's own tools can follow
        return OwnerFacts()


def _read(module: Module, owner: str, attribute: str, others: Mapping[str, str]) -> OwnerFacts:
    file = module.file
    modules = [one for name, other in others.items() if name != file and (one := parse(other, name)) is not None]
    module.mentioned = frozenset(name for one in modules for scope in one.scopes for name in scope.mentions)
    reader = _Reader(Target(module, module.find(owner) if owner else module.scopes[0], attribute), bool(modules))
    away = [_Reader(target) for one in modules if (target := _elsewhere(one, reader.target, file)) is not None]
    readers = [reader, *away]
    return OwnerFacts(
        adds=tuple(touch for one in readers for touch in one.touches("add")),
        removes=tuple(touch for one in readers for touch in one.touches("remove")),
        bounds=tuple(_unique(touch for one in readers for touch in one.bounds())),
        created=tuple(_unique([*reader.touches("create"), *reader.defaults(), *reader.results()])),
        read=True,
    )


def _elsewhere(module: Module, target: Target, file: str) -> Target | None:
    """The same attribute or variable, as another file of the program speaks of it."""
    if target.owner is None or target.owner.is_function:
        return None
    if target.owner.is_class:
        return Target(module, None, target.attribute, base=target.owner.bare)
    return Target(module, None, target.attribute, home=PurePath(file).stem)


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))


def _name(node: ast.AST) -> str:
    """The last part of ``x`` or ``self.x``; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _by(limit: ast.expr) -> str:
    """That the limit is an attribute, which may be None."""
    return f"{BY}{limit.attr}" if isinstance(limit, ast.Attribute) else ""


def is_unset(touch: Touch, names: Iterable[str]) -> bool:
    """Whether a bound is by an attribute that is None; ``names`` are those that are, private ones with their class."""
    by = touch.how.partition(BY)[2].partition(",")[0]
    return bool(by) and any(name == by or (by.startswith("__") and name.endswith(by)) for name in names)


def _is_in(outer: ast.AST, node: ast.AST) -> bool:
    return any(one is node for one in ast.walk(outer))


def made_at(text: str, file: str, kind: str) -> tuple[Touch, ...]:
    """Where the source calls a class by this name (the last part of ``kind`` counts), in order."""
    module = parse(text, file)
    name = kind.rpartition(".")[2]
    if module is None or not name.isidentifier():
        return ()
    calls = [
        Touch(file, _line(node), scope.name or "<module>", module.text(_line(node)), "made")
        for scope in module.scopes
        for node in scope.nodes
        if isinstance(node, ast.Call) and last_name(node.func) == name
    ]
    return tuple(_unique(calls))


def is_called(touch: Touch) -> bool:
    """Whether something in the file, or in other files, may reach the touch."""
    return UNCALLED not in touch.how


def is_of_item(touch: Touch) -> bool:
    """Whether it is done to what the container holds, and not to the container itself."""
    return " an item" in touch.how


def limit_of(touch: Touch) -> int | None:
    """The number that a bound compares with, as far as the source has it."""
    digits = touch.how.rpartition("=")[2].split(",")[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def _unique(touches: Iterable[Touch]) -> list[Touch]:
    """The first of those on one line; the order of files stays."""
    kept: dict[tuple[str, int], Touch] = {}
    for touch in touches:
        kept.setdefault((touch.file, touch.line), touch)
    files = list(dict.fromkeys(file for file, _ in kept))
    return sorted(kept.values(), key=lambda touch: (files.index(touch.file), touch.line))


@dataclass(eq=False)
class _Reader:
    target: Target
    informed: bool = False  # of the program's other files
    found: list[Deed] = field(default_factory=list)
    adding: list[Deed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.found = [*caches(self.target), *acts(self.target)]
        self.adding = [one for one in self.found if one.act == "add"]

    @property
    def module(self) -> Module:
        return self.target.module

    def touches(self, act: str) -> tuple[Touch, ...]:
        return tuple(self._touch(one.node, one.scope, self._how(one)) for one in self.found if one.act == act)

    def bounds(self) -> Iterator[Touch]:
        yield from self.touches("bound")
        yield from self.checks()
        yield from self.evictions()

    def _touch(self, node: ast.AST, scope: Scope, how: str) -> Touch:
        line = _line(node)
        return Touch(self.module.file, line, scope.name or "<module>", self.module.text(line), how)

    def _how(self, one: Deed) -> str:
        how = f"{one.how}, outside" if one.outside else one.how
        if one.act == "remove" and self._is_skipped(one):
            return f"{how}, {SKIPPED}"
        return how + self._unreached(one.scope) if one.act in ("remove", "bound") else how

    def _is_skipped(self, one: Deed) -> bool:
        """Whether a function takes out what it put in, and not so that it happens whatever comes in between."""
        if one.bulk or one.single or one.handed or not one.scope.is_function:
            return False
        above = list(self.module.above(one.node))
        finals = [
            node for node in above if isinstance(node, ast.Try) for end in node.finalbody if _is_in(end, one.node)
        ]
        before = [act for act in self.adding if act.scope is one.scope and _line(act.node) < _line(one.node)]
        loops = [node for node in above if isinstance(node, LOOPS) and not any(_is_in(node, a.node) for a in before)]
        return bool(before) and not finals and not loops

    def _unreached(self, scope: Scope) -> str:
        """That nothing calls the function, if so; where nothing calls those that add either, others may call both."""
        called = next((one for one in scope.outward() if one.is_function), None)
        if called is None:
            return ""
        where = f"{UNCALLED}{'the program' if self.informed else 'this file'} calls"
        library = not self.informed and any(one.scope in self.module.unentered for one in self.adding)
        if called not in self.module.unentered or any(one.scope is called for one in self.adding):
            return ""
        if library:
            return "" if self.module.callers(called) else f", in {called.bare}(), {ELSEWHERE}"
        if self.module.is_entered(called):
            first = self.module.callers(called)[0].bare
            return f", in {called.bare}(), which only {first}() calls, {where}"
        return f", in {called.bare}(), {where}"

    # --- bounds -----------------------------------------------------------------------------------------------

    def checks(self) -> Iterator[Touch]:
        """Comparisons of its length that decide about adding or removing."""
        for scope in self.module.scopes:
            lengths = self._lengths(scope)
            for node in scope.nodes:
                if not isinstance(node, (ast.If, ast.While)):
                    continue
                found = self._limit(node.test, scope, lengths)
                if found is not None and self._decides(node, scope):
                    limit, depth = found
                    value = self._value(limit, scope)
                    of = " of an item" if depth else ""
                    shown = f"len check{of}, limit={value}" if value is not None else f"len check{of}{_by(limit)}"
                    yield self._touch(node, scope, shown + self._unreached(scope))

    def _lengths(self, scope: Scope) -> dict[str, int]:
        """Local names that hold the container's length (0), or that of an item of it (more)."""
        return {
            name.id: depth
            for one in scope.nodes
            if isinstance(one, (ast.Assign, ast.NamedExpr))
            for name in (one.targets if isinstance(one, ast.Assign) else [one.target])
            if isinstance(name, ast.Name) and (depth := self._length(one.value, scope, {})) is not None
        }

    def _length(self, node: ast.expr, scope: Scope, names: Mapping[str, int]) -> int | None:
        """Whose length the expression is: 0 for the container's, 1 for an item's; None if it is nobody's."""
        if isinstance(node, ast.NamedExpr):
            node = node.value
        if isinstance(node, ast.Name):
            return names.get(node.id)
        if isinstance(node, ast.BinOp):  # len(x) + len(new) > limit
            left = self._length(node.left, scope, names)
            return left if left is not None else self._length(node.right, scope, names)
        if not isinstance(node, ast.Call):
            return None
        sized: ast.expr | None = node.args[0] if last_name(node) == "len" and node.args else None
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("qsize", "full", "__len__", "tell"):
            sized = node.func.value
        meant = self.target.meant(sized, scope) if sized is not None else None
        return meant.depth if meant is not None else None

    def _limit(self, test: ast.expr, scope: Scope, lengths: Mapping[str, int]) -> tuple[ast.expr, int] | None:
        """What a length is compared with, anywhere in a condition, and whose it is."""
        for one in ast.walk(test):
            if isinstance(one, ast.Compare) and isinstance(one.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq)):
                sides = [one.left, one.comparators[0]]
                for side, other in (sides, sides[::-1]):
                    trivial = isinstance(other, ast.Constant) and other.value in (0, 1)  # is there anything at all?
                    if trivial or self._moves(other, isinstance(one.ops[0], ast.Eq)):
                        continue
                    if (depth := self._length(side, scope, lengths)) is not None:
                        return other, depth
            elif isinstance(one, ast.Call) and last_name(one) == "full":
                depth = self._length(one, scope, lengths)
                return (one, depth) if depth is not None else None
        return None

    def _moves(self, node: ast.expr, exactly: bool) -> bool:
        """Whether it is a place that is moved on, as that of a reader in a buffer: no limit.

        If it must be met ``exactly``, what is assigned anew counts as well; else that may be how a limit is set.
        """
        name = _name(node)
        moved = [
            to
            for around in self.module.scopes
            for one in around.nodes
            if isinstance(one, ast.AugAssign) or (exactly and isinstance(one, ast.Assign) and around.bare not in FIRST)
            for to in (one.targets if isinstance(one, ast.Assign) else [one.target])
        ]
        return bool(name) and name in map(_name, moved)

    def _decides(self, node: ast.If | ast.While, scope: Scope) -> bool:
        """Whether the branch adds or removes, itself or by what it calls, or leaves before something is added."""
        inside = {id(one) for part in (*node.body, *node.orelse) for one in ast.walk(part)}
        if any(id(act.node) in inside for act in self.found if act.act in ("add", "remove")):
            return True
        if any(isinstance(one, (ast.Return, ast.Raise, ast.Continue)) for one in node.body):
            return any(act.scope is scope and _line(act.node) > node.lineno for act in self.adding)
        names = {last_name(one) for part in node.body for one in ast.walk(part) if isinstance(one, ast.Call)}
        called = [one for one in self.module.scopes if one.is_function and one.bare in names]
        removing = {act.scope for act in self.found if act.act == "remove"}
        return bool(self.module.reached(called) & removing)

    def _value(self, node: ast.expr, scope: Scope) -> int | None:
        """A whole number that is written down: there, or where the name or attribute is assigned, once."""
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int else None
        name = _name(node)
        if not name or name in scope.parameters:
            return None
        values = [
            one.value
            for around in self.module.scopes
            for one in around.nodes
            if isinstance(one, (ast.Assign, ast.AnnAssign))
            for to in (one.targets if isinstance(one, ast.Assign) else [one.target])
            if _name(to) == name
        ]
        constants = [one.value for one in values if isinstance(one, ast.Constant) and type(one.value) is int]
        return int(constants[0]) if len(values) == len(constants) == 1 else None

    def evictions(self) -> Iterator[Touch]:
        """Removals that adding leads to, and that do not merely undo it: by age, by memory, by place."""
        for one in self.found:
            if one.act == "remove" and not one.outside and self._evicts(one) and self._led_to(one.scope):
                aged = BY_AGE if self._minds_time(one.scope) else ""
                yield self._touch(one.node, one.scope, f"evicts: {one.how}{aged}{self._guard(one)}")

    def _minds_time(self, scope: Scope) -> bool:
        return any(_TIME.search(name) for one in self.module.reached([scope]) for name in one.mentions)

    def _guard(self, one: Deed) -> str:
        """By which attribute the length is limited, if only then something is let go of."""
        checks = [node for node in self.module.above(one.node) if isinstance(node, (ast.If, ast.While))]
        limits = [self._limit(node.test, one.scope, self._lengths(one.scope)) for node in checks]
        return next((_by(found[0]) for found in limits if found is not None), "")

    def _led_to(self, scope: Scope) -> bool:
        """Whether adding leads to that function. One that removes and then adds is a reset, if others add as well."""
        adding = {one.scope for one in self.adding}
        if adding == {scope}:
            return True
        return any(scope in self.module.reached([other]) for other in adding - {scope})

    def _evicts(self, one: Deed) -> bool:
        above = list(self.module.above(one.node))
        if any(isinstance(node, ast.ExceptHandler) for node in above) or " an item" in one.how:
            return False
        if one.bulk:
            return True
        loop = next((node for node in above if isinstance(node, LOOPS)), None)
        if loop is not None:  # one that also adds is at work through a queue
            inside = {id(node) for node in ast.walk(loop)}
            return not any(id(act.node) in inside for act in self.adding)
        return one.single

    # --- what it is -------------------------------------------------------------------------------------------

    def defaults(self) -> Iterator[Touch]:
        """A parameter whose default value is the container: made once, shared by all calls."""
        owner = self.target.owner
        if owner is None or not isinstance(owner.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        given = owner.node.args
        pairs = list(zip([*given.posonlyargs, *given.args][::-1], given.defaults[::-1], strict=False))
        pairs += [(name, value) for name, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value]
        for parameter, value in pairs:
            if parameter.arg == self.target.attribute and not isinstance(value, ast.Constant):
                yield self._touch(value, owner, "default argument")

    def results(self) -> Iterator[Touch]:
        for node, scope, how in results(self.target, self.found):
            yield self._touch(node, scope, RESULT + how)
