"""The heap as the collector sees it: what only each other's references hold, and which of that runs in circles.

The collector's own reasoning (``subtract_refs`` and ``move_unreachable`` of CPython's gcmodule.c), repeated without
collecting: an object whose reference count is larger than the references found inside the set is held from outside.
The loops are left to C: ``map``, ``gc.get_referents`` over many objects at once, set operations.
"""

from __future__ import annotations

from _collections import _count_elements  # what collections.Counter counts with
from _operator import gt as _gt
from gc import get_referents as _get_referents
from itertools import compress as _compress
from itertools import repeat as _repeat
from sys import getrefcount as _getrefcount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_map = map
_CHUNK = 20_000

# A list and map() hold an item once each while it is being counted; measured, for it differs between versions.
_LISTED = next(_map(_getrefcount, [object()]))


def unreachable(objects: list[object]) -> list[object]:
    """The members of ``objects`` that nothing outside of it reaches.

    The caller must hold no other list of them. The order is kept. Memory: the referents of one chunk, and a table of
    the ids that were seen.
    """
    counts = list(_map(_getrefcount, objects))
    inner: dict[int, int] = {}
    for start in range(0, len(objects), _CHUNK):
        _count_elements(inner, _map(id, _get_referents(*objects[start : start + _CHUNK])))
    ids = list(_map(id, objects))
    outside = _map(_gt, counts, _map(int.__add__, _map(inner.get, ids, _repeat(0)), _repeat(_LISTED)))
    return beyond(list(_compress(objects, outside)), objects)


def beyond(frontier: list[object], objects: list[object]) -> list[object]:
    """The members of ``objects`` that the frontier does not reach through them, in order."""
    pending = set(_map(id, objects))
    pending.difference_update(_map(id, frontier))
    while frontier and pending:
        frontier = _next_layer(frontier, pending)
    return [item for item in objects if id(item) in pending] if pending else []


def _next_layer(frontier: list[object], pending: set[int]) -> list[object]:
    """The still pending objects that the frontier refers to; they are no longer pending afterwards."""
    found: dict[int, object] = {}
    for start in range(0, len(frontier), _CHUNK):
        referents = _get_referents(*frontier[start : start + _CHUNK])
        found.update(zip(_map(id, referents), referents, strict=False))
    reached = pending.intersection(found)
    pending.difference_update(reached)
    return [found[key] for key in reached]


def cycle_members(objects: list[object]) -> list[list[object]]:
    """The strongly connected components of ``objects`` that hold a cycle (Tarjan 1972, with an explicit stack)."""
    by_id = dict(zip(_map(id, objects), objects, strict=True))
    edges = {key: [i for i in _map(id, _get_referents(item)) if i in by_id] for key, item in by_id.items()}
    found = []
    for component in _components(edges):
        if len(component) > 1 or component[0] in edges[component[0]]:
            found.append([by_id[key] for key in component])
    return found


def _components(edges: dict[int, list[int]]) -> list[list[int]]:
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []  # nodes whose component is not complete yet
    waiting: set[int] = set()  # the same nodes, to ask
    components: list[list[int]] = []
    for root in edges:
        path = [] if root in order else [_enter(root, edges, order, low, stack, waiting)]
        while path:
            node, successors = path[-1]
            for successor in successors:
                if successor not in order:
                    path.append(_enter(successor, edges, order, low, stack, waiting))
                    break
                if successor in waiting:
                    low[node] = min(low[node], order[successor])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == order[node]:
                    components.append(_leave(node, stack, waiting))
    return components


def _enter(
    node: int,
    edges: dict[int, list[int]],
    order: dict[int, int],
    low: dict[int, int],
    stack: list[int],
    waiting: set[int],
) -> tuple[int, Iterator[int]]:
    order[node] = low[node] = len(order)
    stack.append(node)
    waiting.add(node)
    return node, iter(edges[node])


def _leave(node: int, stack: list[int], waiting: set[int]) -> list[int]:
    component = [stack.pop()]
    while component[-1] != node:
        component.append(stack.pop())
    waiting.difference_update(component)
    return component
