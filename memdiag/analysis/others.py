"""Other ways to a holder's items: where there are such, letting go of the items at the holder frees nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np

from memdiag.analysis.items import Items
from memdiag.analysis.roles import ATOMS, NORMAL, Roles
from memdiag.analysis.roots import Tree
from memdiag.model import Ints

_SAMPLE = 40
_COVER = 0.5  # of the items that are held elsewhere too
_COMMON = 0.6  # of these that go the same way
_MOST = 3

Trail = tuple[int, ...]


def other_trails(items: Items, holders: set[int], roles: Roles, tree: Tree) -> tuple[Trail, ...]:
    """Ways from a root to what else holds most of the items, or most of what they lead to; not through a holder."""
    for nodes in (items.nodes, items.instances):
        found = _of(nodes, holders, roles, tree)
        if found:
            return found
    return ()


def _of(nodes: Ints, holders: set[int], roles: Roles, tree: Tree) -> tuple[Trail, ...]:
    graph = roles.graph
    objects = nodes[~roles.of_types(ATOMS)[graph.types[nodes]] & ~roles.classes[nodes]]
    sample = objects[np.linspace(0, len(objects) - 1, min(_SAMPLE, len(objects))).astype(np.int64)]
    if len(sample) < 2:
        return ()
    trails = _trails(sample, set(nodes.tolist()), holders, roles, tree)
    if len(trails) < _COVER * len(sample):
        return ()
    passed: Counter[int] = Counter()
    for of_item in trails.values():
        passed.update({node for trail in of_item for node in trail})
    return _deepest([trail for of_item in trails.values() for trail in of_item], passed, _COMMON * len(trails))


def _trails(sample: Ints, items: set[int], holders: set[int], roles: Roles, tree: Tree) -> dict[int, list[Trail]]:
    """Of each sampled item the ways that do not lead through a holder."""
    graph = roles.graph
    wanted = np.zeros(len(graph.ids), dtype=np.bool_)
    wanted[sample] = True
    edges = np.flatnonzero(wanted[graph.targets])
    edges = edges[(roles.levels[edges] == NORMAL) & (tree.tiers[roles.sources[edges]] > 0)]
    found: dict[int, list[Trail]] = {}
    for edge in edges[:4000].tolist():
        trail = _before_items(tree.trail(int(roles.sources[edge])), items)
        if trail and not holders.intersection(trail):
            found.setdefault(int(graph.targets[edge]), []).append(trail)
    return found


def _before_items(trail: Trail, items: set[int]) -> Trail:
    """Up to the first item on the way: beyond, an item's own parts refer back to it."""
    for at, node in enumerate(trail):
        if node in items:
            return trail[:at]
    return trail


def _deepest(trails: list[Trail], passed: Counter[int], least: float) -> tuple[Trail, ...]:
    """The parts of the ways that most of them have in common; each that no other one goes on from."""
    common = {
        trail[: 1 + max(at for at, node in enumerate(trail) if passed[node] >= least)]
        for trail in trails
        if any(passed[node] >= least for node in trail)
    }
    ends = [one for one in common if not any(one != other and other[: len(one)] == one for other in common)]
    return tuple(sorted(ends, key=lambda one: (len(one), one))[:_MOST])
