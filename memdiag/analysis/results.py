"""Whether a container is what a job makes: filled by a loop of the program's, and used as a whole once that is over.

What leaks is kept and never asked for again. Of an attribute this is told only where all that fills it runs once, as
far as the source shows: what one of many requests uses as a whole is no result of the program's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from memdiag.analysis.references import Target
from memdiag.analysis.scopes import Module, Scope, last_name
from memdiag.analysis.touches import Deed

LOOPS = (ast.For, ast.AsyncFor, ast.While)
_REPEATING = (*LOOPS, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_COUNTING = {"len", "bool", "id", "hasattr", "isinstance", "getsizeof"}  # which ask nothing of the items
_WHOLE = {"sort", "values", "items", "copy", "most_common"}  # methods that mind all of them

Use = tuple[ast.AST, Scope, str]


def results(target: Target, deeds: Sequence[Deed]) -> Iterator[Use]:
    """Where it is used as a whole after the loop that fills it: node, function, and what is done."""
    owner = target.owner
    adding = [one for one in deeds if one.act == "add"]
    if owner is None or not adding:
        return
    if owner.is_class:
        if not any(one.act == "remove" for one in deeds):  # what goes through it may tidy up
            yield from _Product(target, adding).uses()
        return
    if owner.parent is None and {act.scope.name for act in adding} == {"main"}:
        owner = adding[0].scope
    loops = [_outermost(target.module, act.node, LOOPS) for act in adding if act.scope is owner]
    ends = [getattr(loop, "end_lineno", 0) for loop in loops if loop is not None]
    if not ends or None in loops:
        return
    for node in owner.nodes:
        if getattr(node, "lineno", 0) > max(ends) and (how := _use(target, node, owner)):
            yield node, owner, how


def _outermost(module: Module, node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> ast.AST | None:
    return next((one for one in [*module.above(node)][::-1] if isinstance(one, kinds)), None)


def _use(target: Target, node: ast.AST, scope: Scope) -> str:
    """What is done with the variable that a mention of it is in; asking how long it is does not count."""
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
        return ""
    if (meant := target.meant(node, scope)) is None or meant.depth:
        return ""
    parent = target.module.parents.get(node)
    if isinstance(parent, ast.Call) and node in parent.args:
        return "" if last_name(parent) == "len" else f"given to {last_name(parent) or 'a call'}()"
    return {ast.Return: "returned", ast.For: "gone through", ast.comprehension: "gone through"}.get(
        type(parent), "used"
    )


@dataclass(eq=False)
class _Product:
    """An attribute, in a file whose functions no other file calls."""

    target: Target
    adding: Sequence[Deed]

    @property
    def module(self) -> Module:
        return self.target.module

    def uses(self) -> Iterator[Use]:
        for scope in self.module.scopes:
            if not scope.is_class and self._runs_once(scope, ()) and (end := self._filled(scope)):
                yield from self._after(end, scope)

    @cached_property
    def _fillers(self) -> set[Scope]:
        return {act.scope for act in self.adding}

    def _runs_once(self, scope: Scope, within: tuple[Scope, ...]) -> bool:
        """Whether it is the module itself, or is called by what runs once, at one place outside any loop."""
        if scope.parent is None:
            return True
        special = scope.bare.startswith("__") or scope.bare in self.module.mentioned or scope in within
        if special or not scope.is_function or scope.is_decorated:
            return False
        callers = self.module.callers(scope)
        return bool(callers) and all(
            self._calls_it_once(one, scope) and self._runs_once(one, (*within, scope)) for one in callers
        )

    def _calls_it_once(self, caller: Scope, scope: Scope) -> bool:
        mentions = [node for node in caller.nodes if _mentioned(node) == scope.bare]
        above = self.module.parents.get(mentions[0])
        called = isinstance(above, ast.Call) and above.func is mentions[0]  # else it is handed over, to be called
        return called and len(mentions) == 1 and _outermost(self.module, mentions[0], _REPEATING) is None

    def _filled(self, scope: Scope) -> int:
        """The last line of what, in that function, fills it all: a loop, or a call; 0 if it is not filled there."""
        ends, reached = [], set[Scope]()
        for node in scope.nodes:
            called = self._called(node)
            fills = any(act.node is node for act in self.adding) or bool(called & self._fillers)
            if not fills:
                continue
            whole = _outermost(self.module, node, _REPEATING)
            if whole is None and not called:
                return 0  # one item, put in by hand
            ends.append(getattr(whole or node, "end_lineno", 0) or 0)
            reached |= called | {scope}
        return max(ends, default=0) if self._fillers <= reached else 0

    def _called(self, node: ast.AST) -> set[Scope]:
        """Functions of the file that a call, or a mention, leads to."""
        name = _mentioned(node)
        return self.module.reached([one for one in self.module.scopes if one.is_function and one.bare == name and name])

    def _after(self, end: int, scope: Scope) -> Iterator[Use]:
        """Uses in what comes after that line, there or in a function that is called there."""
        for node in scope.nodes:
            if getattr(node, "lineno", 0) <= end:
                continue
            if self._is_meant(node, scope) and (how := self._asked(node, scope)):
                yield node, scope, how
            elif isinstance(node, ast.Call):
                for one in self._called(node.func) - self._fillers:
                    for inner in one.nodes:
                        if self._is_meant(inner, one) and (how := self._asked(inner, one, (node, scope))):
                            yield inner, one, how

    def _is_meant(self, node: ast.AST, scope: Scope) -> bool:
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            return False
        meant = self.target.meant(node, scope)
        return meant is not None and not meant.depth

    def _asked(self, node: ast.AST, scope: Scope, call: tuple[ast.AST, Scope] | None = None) -> str:
        """What is done with all of the items by what an expression, which is the container, is part of.

        ``call`` is where the function was called from, if that is not the only place: it may return the container.
        """
        parent = self.module.parents.get(node)
        if isinstance(parent, (ast.Await, ast.Starred)):
            return self._asked(parent, scope, call)
        if isinstance(parent, ast.Attribute) and parent.attr in _WHOLE:
            made = self.module.parents[parent]  # x.values()
            sorts = parent.attr == "sort" and isinstance(made, ast.Call)
            return "sorted" if sorts else self._asked(made, scope, call)
        if isinstance(parent, ast.Call) and node in parent.args:
            return "" if last_name(parent) in _COUNTING else f"given to {last_name(parent) or 'a call'}()"
        if isinstance(parent, ast.comprehension):
            return "" if self._counts(parent) else "gone through"
        if isinstance(parent, ast.Return):
            above = call or self._only_call(scope)
            return "returned" if above is not None and self._asked(*above) else ""
        if isinstance(parent, (ast.Assign, ast.NamedExpr)):
            return self._asked_by_name(parent, scope, call)
        return "gone through" if isinstance(parent, ast.For) else ""

    def _asked_by_name(self, made: ast.Assign | ast.NamedExpr, scope: Scope, call: tuple[ast.AST, Scope] | None) -> str:
        """The same, of a variable that it is assigned to."""
        to = made.targets[0] if isinstance(made, ast.Assign) else made.target
        name = to.id if isinstance(to, ast.Name) else ""
        reads = (node for node in scope.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
        found = (self._asked(node, scope, call) for node in reads if node.id == name and node.lineno >= made.lineno)
        return next((how for how in found if how), "")

    def _only_call(self, scope: Scope) -> tuple[ast.AST, Scope] | None:
        """Where a function that runs once is called."""
        callers = self.module.callers(scope)
        mentions = [(node, one) for one in callers for node in one.nodes if _mentioned(node) == scope.bare]
        calls = [(self.module.parents[node], one) for node, one in mentions]
        return calls[0] if calls else None

    def _counts(self, node: ast.comprehension) -> bool:
        """Whether no more is asked of each item than how long it is: ``sum(len(one) for one in x)``."""
        made = getattr(self.module.parents.get(node), "elt", None)
        return isinstance(made, ast.Constant) or (isinstance(made, ast.Call) and last_name(made) in _COUNTING)


def _mentioned(node: ast.AST) -> str:
    """The function that a name or an attribute may be."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else ""
