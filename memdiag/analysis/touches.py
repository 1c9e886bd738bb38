"""What one expression or statement does to a container: makes it, adds to it, removes from it, or bounds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from memdiag.analysis.references import Target, iterated
from memdiag.analysis.scopes import Scope, last_name

Act = Literal["create", "add", "remove", "bound"]

_ADDING = {"append", "appendleft", "add", "extend", "extendleft", "insert", "setdefault", "update", "push", "write"}
_ADDING |= {"put", "put_nowait", "writelines"}
_REMOVING = {"pop", "popitem", "popleft", "remove", "discard", "clear", "difference_update", "intersection_update"}
_REMOVING |= {"truncate", "get_nowait"}
_BULK = {"clear", "difference_update", "intersection_update", "truncate"}  # lets go of many, whatever they are
_OLDEST = {"popitem", "popleft", "get_nowait"}  # picks one by its place, not by its key
_ADDING_CALLS = {"heappush": "heappush", "insort": "insort", "insort_left": "insort", "insort_right": "insort"}
_REMOVING_CALLS = {"heappop": "heappop"}
_LIMITS = {"maxlen", "maxsize", "max_size", "maxlength", "max_length", "capacity", "max_entries"}
_BOUNDED = {"deque": 1, "Queue": 0, "LifoQueue": 0, "PriorityQueue": 0, "LRUCache": 0, "TTLCache": 0, "LFUCache": 0}
_COPIES = {"list", "set", "dict", "tuple", "deque", "sorted", "OrderedDict", "defaultdict", "filter", "frozenset"}
FIRST = {"__init__", "__new__", "__post_init__", "__attrs_post_init__", "__setstate__", "setUp", "<module>"}
_CACHES = {"cache", "lru_cache"}
REBUILT = "rebuilt with more"
_OF_EVERY_CALL = ("append", "extend", "insert", "heappush", "put", REBUILT, "+=", "linked in front")
ON_A_MISS = ", on a miss"  # ends the ``how`` of what is added under a key that was looked up just before
UNIQUE = ", where it is not known"  # ... in a function that looks something up first, which may be what it adds
CALLBACK = ", as a callback"  # ... of a method that is handed over, for others to call


@dataclass(frozen=True)
class Deed:
    """One thing done to the target at a node; ``bulk`` removals let go of many, ``single`` ones of one by its place.

    What is ``handed`` over is a method of the target, for others to call.
    """

    act: Act
    how: str
    node: ast.AST
    scope: Scope
    outside: bool = False
    bulk: bool = False
    single: bool = False
    handed: bool = False


def acts(target: Target) -> Iterator[Deed]:
    """Everything that the module's source visibly does to the target, in the order of its lines."""
    found: list[Deed] = []
    for scope in target.module.scopes:
        for node in scope.nodes:
            found += _acts(target, node, scope)
    yield from sorted(found, key=lambda one: getattr(one.node, "lineno", 0))


def _acts(target: Target, node: ast.AST, scope: Scope) -> Iterator[Deed]:
    if isinstance(node, ast.Call):
        yield from _call(target, node, scope)
    elif isinstance(node, ast.Attribute):
        yield from _handed_over(target, node, scope)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        for to in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from _assignment(target, node, to, scope)
    elif isinstance(node, ast.AugAssign):
        yield from _augmented(target, node, scope)
    elif isinstance(node, ast.Delete):
        for gone in node.targets:
            yield from _deletion(target, node, gone, scope)


# --- calls ----------------------------------------------------------------------------------------------------


def _call(target: Target, node: ast.Call, scope: Scope) -> Iterator[Deed]:
    name = last_name(node)
    if name in _ADDING_CALLS or name in _REMOVING_CALLS:
        if node.args and (reference := target.meant(node.args[0], scope)) is not None:
            adds = name in _ADDING_CALLS
            how = _ADDING_CALLS.get(name, name) + _place(reference.depth, adds)
            yield Deed("add" if adds else "remove", how, node, scope, reference.outside, single=not adds)
        return
    waits = name == "get" and not node.args  # a queue's; a dict's takes a key
    if not isinstance(node.func, ast.Attribute) or not (waits or name in _ADDING | _REMOVING):
        return
    reference = target.meant(node.func.value, scope)
    if reference is None:
        return
    adds = name in _ADDING
    bulk = name in _BULK and reference.depth == 0
    yield Deed(
        "add" if adds else "remove",
        name + _place(reference.depth, adds) + (UNIQUE if adds and _looks_up(scope) else ""),
        node,
        scope,
        reference.outside,
        bulk=bulk,
        single=waits or name in _OLDEST or (name == "pop" and _is_by_place(node)),
    )


def _handed_over(target: Target, node: ast.Attribute, scope: Scope) -> Iterator[Deed]:
    """``task.add_done_callback(self.tasks.discard)``: others are to call it."""
    above = target.module.parents.get(node)
    if node.attr not in _ADDING | _REMOVING or (isinstance(above, ast.Call) and above.func is node):
        return
    if (reference := target.meant(node.value, scope)) is not None and isinstance(node.ctx, ast.Load):
        adds = node.attr in _ADDING
        how = f"{node.attr}{_place(reference.depth, adds)}{CALLBACK}"
        yield Deed("add" if adds else "remove", how, node, scope, reference.outside, handed=True)


def _is_by_place(node: ast.Call) -> bool:
    """``pop()`` and ``pop(0)`` take what is first or last; ``pop(key)`` takes what is meant."""
    return not node.args or (isinstance(node.args[0], ast.Constant) and node.args[0].value in (0, -1))


def adds_each_time(how: str) -> bool:
    """Whether each call makes it larger by what it is given; under a key, or in a set, it may take an old place."""
    return how.startswith(_OF_EVERY_CALL) and UNIQUE not in how


def _looks_up(scope: Scope) -> bool:
    """Whether the function asks if something is there: ``key in ...``, ``get(key)``."""
    asks = any(isinstance(one, ast.Compare) and isinstance(one.ops[0], (ast.In, ast.NotIn)) for one in scope.nodes)
    return asks or any(isinstance(one, ast.Call) and last_name(one) == "get" and one.args for one in scope.nodes)


def _place(depth: int, adds: bool) -> str:
    return "" if depth == 0 else " to an item" if adds else " from an item"


# --- assignments ----------------------------------------------------------------------------------------------


def _assignment(target: Target, node: ast.Assign | ast.AnnAssign, to: ast.expr, scope: Scope) -> Iterator[Deed]:
    if isinstance(to, (ast.Tuple, ast.List)):
        for part in to.elts:
            if (found := target.meant(part, scope, aliases=False)) is not None and found.depth == 0:
                yield Deed("remove", "reassigned", node, scope, found.outside, bulk=True)
        return
    if isinstance(to, ast.Subscript):
        yield from _item_assignment(target, node, to, scope)
        return
    reference = target.meant(to, scope, aliases=False)
    if reference is None or reference.depth or node.value is None:
        return
    if reference.outside and isinstance(node.value, ast.Constant) and node.value.value is not None:
        return  # a flag or number of the same name, of something else
    if target.within(node.value, scope):
        yield from _rebuilt(target, node, node.value, scope, reference.outside)
    elif _is_first(target, node, scope):
        yield Deed("create", _made(node.value), node, scope, reference.outside)
    else:
        yield Deed("remove", "reassigned", node, scope, reference.outside, bulk=True)
    yield from _limits(node, node.value, scope)


def _item_assignment(target: Target, node: ast.AST, to: ast.Subscript, scope: Scope) -> Iterator[Deed]:
    reference = target.meant(to.value, scope)
    if reference is None:
        return
    if isinstance(to.slice, ast.Slice):
        yield Deed("remove", "slice assignment", node, scope, reference.outside, bulk=True)
        value = getattr(node, "value", None)
        if value is not None and (windows := [one for one in ast.walk(value) if _is_window(one)]):
            yield Deed("bound", "slice" + _width(windows[0], reference.depth), node, scope)
        return
    counts = isinstance(getattr(node, "value", None), ast.BinOp)
    if counts and target.within(node.value, scope):  # type: ignore[attr-defined]
        yield Deed("add", "[key] +=" + _place(reference.depth, True), node, scope, reference.outside)
        return
    how = "[key] =" + _place(reference.depth, True)
    yield Deed("add", how + _on_a_miss(target, to, reference.depth, scope), node, scope, reference.outside)


def _on_a_miss(target: Target, to: ast.Subscript, depth: int, scope: Scope) -> str:
    """Whether the same function has looked the key up before: ``get(key)``, ``key in``, or ``[key]`` in a ``try``."""
    key = ast.dump(to.slice)
    for node in scope.nodes:
        if isinstance(node, ast.Call) and last_name(node) == "get" and isinstance(node.func, ast.Attribute):
            looked, where = node.args[:1], node.func.value
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            looked, where = [node.left], node.comparators[0]
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            tried = any(isinstance(one, ast.Try) for one in target.module.above(node))
            looked, where = ([node.slice] if tried else []), node.value
        else:
            continue
        found = target.meant(where, scope) if any(ast.dump(one) == key for one in looked) else None
        if found is not None and found.depth == depth:
            return ON_A_MISS
    return ""


def _rebuilt(target: Target, node: ast.AST, value: ast.expr, scope: Scope, outside: bool) -> Iterator[Deed]:
    """``x = ... x ...``: with more than it had, or with less."""
    slices = [one for one in ast.walk(value) if isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Slice)]
    loops = [one for one in ast.walk(value) if isinstance(one, ast.comprehension)]
    if any(target.meant(one.value, scope) is not None for one in slices):
        yield Deed("remove", "slice", node, scope, outside, bulk=True)
        if windows := [one for one in slices if _is_window(one)]:
            found = target.meant(windows[0].value, scope)
            yield Deed("bound", "slice" + _width(windows[0], found.depth if found else 1), node, scope)
    elif any(target.meant(iterated(one.iter), scope) is not None and one.ifs for one in loops):
        yield Deed("remove", "filter", node, scope, outside, bulk=True)
    elif isinstance(value, (ast.BinOp, ast.JoinedStr, ast.List, ast.Set, ast.Dict, ast.Tuple)):
        yield Deed("add", REBUILT, node, scope, outside)
    elif isinstance(value, ast.Call) and last_name(value) in _COPIES:
        if any(last_name(one) == "filter" for one in ast.walk(value) if isinstance(one, ast.Call)):
            yield Deed("remove", "filter", node, scope, outside, bulk=True)
    elif isinstance(value, ast.Call) and last_name(value)[:1].isupper():
        yield Deed("add", "linked in front", node, scope, outside)
    elif isinstance(value, ast.Call):
        yield Deed("remove", f"replaced by {last_name(value) or 'a call'}()", node, scope, outside, bulk=True)


def _is_window(node: ast.AST) -> bool:
    """``x[-n:]`` and ``x[:n]`` keep at most n; ``x[1:]`` lets go of one."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
        return False
    return node.slice.upper is not None or isinstance(node.slice.lower, ast.UnaryOp)


def _width(node: ast.AST, depth: int) -> str:
    """``=n`` of a window on the container itself, where n is written down as a number."""
    assert isinstance(node, ast.Subscript)
    if depth or not isinstance(node.slice, ast.Slice):
        return ""
    end = node.slice.upper or node.slice.lower
    number = end.operand if isinstance(end, ast.UnaryOp) and isinstance(end.op, ast.USub) else end
    return f"={number.value}" if isinstance(number, ast.Constant) and isinstance(number.value, int) else ""


def _is_first(target: Target, node: ast.AST, scope: Scope) -> bool:
    """Whether an assignment makes the container, rather than letting go of one that was there."""
    if scope.bare in FIRST or scope.is_class or (scope.parent is None and target.owner is scope):
        return not _in_loop(target, node)
    if target.owner is scope:  # a function's variable: the first assignment makes it
        lines = [one.lineno for one in scope.nodes if isinstance(one, ast.Name) and _stores(one, target.attribute)]
        return getattr(node, "lineno", 0) <= min(lines, default=0)
    tests = [one.test for one in target.module.above(node) if isinstance(one, ast.If)]
    return any(isinstance(test, ast.Compare) and "None" in ast.unparse(test) for test in tests) or any(
        "hasattr" in ast.unparse(test) for test in tests
    )


def _stores(node: ast.Name, name: str) -> bool:
    return node.id == name and isinstance(node.ctx, ast.Store)


def _in_loop(target: Target, node: ast.AST) -> bool:
    return any(isinstance(one, (ast.For, ast.AsyncFor, ast.While)) for one in target.module.above(node))


def _made(value: ast.expr) -> str:
    kinds = {ast.List: "list", ast.Dict: "dict", ast.Set: "set", ast.Tuple: "tuple", ast.Constant: "constant"}
    kinds |= {ast.ListComp: "list", ast.DictComp: "dict", ast.SetComp: "set"}
    if isinstance(value, ast.Call) and last_name(value) == "field":
        factories = [one.value for one in value.keywords if one.arg == "default_factory"]
        return last_name(factories[0]) if factories else "field"
    return kinds.get(type(value)) or (last_name(value) if isinstance(value, ast.Call) else "") or "assigned"


def _limits(node: ast.AST, value: ast.expr, scope: Scope) -> Iterator[Deed]:
    many = isinstance(value, (ast.Dict, ast.List, ast.DictComp, ast.ListComp))
    many = many or (isinstance(value, ast.Call) and last_name(value) == "defaultdict")
    inner = ", for an item" if many else ""
    for call in (one for one in ast.walk(value) if isinstance(one, ast.Call)):
        given = {one.arg: one.value for one in call.keywords if one.arg in _LIMITS}
        place = _BOUNDED.get(last_name(call))
        if place is not None and len(call.args) > place:
            given["maxlen" if last_name(call) == "deque" else "maxsize"] = call.args[place]
        for name, limit in given.items():
            endless = isinstance(limit, ast.Constant) and (limit.value is None or (place == 0 and limit.value == 0))
            if not endless:
                yield Deed("bound", f"{name}={ast.unparse(limit)[:40]}{inner}", node, scope)


def _augmented(target: Target, node: ast.AugAssign, scope: Scope) -> Iterator[Deed]:
    adds = isinstance(node.op, (ast.Add, ast.BitOr))
    if not adds and not isinstance(node.op, (ast.Sub, ast.BitAnd)):
        return
    sign = "+=" if isinstance(node.op, ast.Add) else "|=" if adds else "-=" if isinstance(node.op, ast.Sub) else "&="
    whole = target.meant(node.target, scope)
    if whole is not None and whole.depth == 0:
        yield Deed("add" if adds else "remove", sign, node, scope, whole.outside, bulk=not adds)
    elif whole is not None and adds:  # a counter's new key, or more for an item that is there
        yield Deed("add", f"[key] {sign}" + _place(whole.depth - 1, True), node, scope, whole.outside)


def _deletion(target: Target, node: ast.Delete, gone: ast.expr, scope: Scope) -> Iterator[Deed]:
    if not isinstance(gone, ast.Subscript):
        reference = target.meant(gone, scope, aliases=False)
        if reference is not None and reference.depth == 0:
            yield Deed("remove", "del", node, scope, reference.outside, bulk=True)
        return
    reference = target.meant(gone.value, scope)
    if reference is None:
        return
    sliced = isinstance(gone.slice, ast.Slice)
    how = ("del slice" if sliced else "del") + _place(reference.depth, False)
    single = isinstance(gone.slice, ast.Constant) and isinstance(gone.slice.value, int)
    yield Deed("remove", how, node, scope, reference.outside, bulk=sliced, single=single)
    if isinstance(gone.slice, ast.Slice) and isinstance(gone.slice.upper or gone.slice.lower, ast.UnaryOp):
        yield Deed("bound", "slice" + _width(gone, reference.depth), node, scope)


# --- caches of functions --------------------------------------------------------------------------------------


def caches(target: Target) -> Iterator[Deed]:
    """What a cache in front of the function of that name says of itself."""
    for scope in target.module.scopes:
        if not scope.is_function or scope.bare != target.attribute or not _is_owners(target, scope):
            continue
        assert isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for decorator in scope.node.decorator_list:
            if last_name(decorator) in _CACHES:
                where = " on a method" if scope.self_name and scope.cls else ""
                limit = _cache_limit(decorator)
                yield Deed("create", f"{last_name(decorator)}({limit}){where}", decorator, scope)
                if not limit.endswith("None"):
                    yield Deed("bound", limit, decorator, scope)
            elif last_name(decorator) == "cached_property":
                yield Deed("create", "cached_property", decorator, scope)


def _is_owners(target: Target, scope: Scope) -> bool:
    if target.owner is None or scope is target.owner or not target.owner.is_class:
        return True
    return scope.parent is not None and scope.parent.name in target.family


def _cache_limit(decorator: ast.expr) -> str:
    """``maxsize=128`` as written, or what leaving it out means."""
    if last_name(decorator) == "cache":
        return "maxsize=None"
    if isinstance(decorator, ast.Call):
        given = [*decorator.args[:1], *(one.value for one in decorator.keywords if one.arg == "maxsize")]
        if given:
            return f"maxsize={ast.unparse(given[0])[:40]}"
    return "maxsize=128"
