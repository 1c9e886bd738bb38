"""What a holder has more and more of, as a person would say it; what kind of leak it looks like; where it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.census import Census, among, traced_at
from memdiag.analysis.origin import is_library
from memdiag.analysis.roles import ATOMS, CACHE, CONTAINERS, FUNCTIONS, NORMAL, WEAK_REFERENCES, Roles, plain_name
from memdiag.model import Frame, HeapGraph, Ints, Site, Stack

_SAMPLE = 60  # items that are looked into
_DEPTH = 5
_EFFORT = 150  # objects that are looked at behind one item
_COVER = 0.7  # of the items that must lead to one of a class
_PAIRED = 0.9  # of the keys that are texts, so many others: they are the values
_MOST_VOTERS = 50_000


@dataclass(frozen=True)
class Items:
    """``nodes``: what the holder refers to, each once; ``kind``: index of the type that there is more of (-1: none);
    ``instances``: of that type, the items themselves or what they lead to."""

    nodes: Ints
    kind: int
    name: str
    instances: Ints
    direct: str  # the type of most items themselves


def items_of(holders: Ints, roles: Roles, fresh: np.ndarray | None = None) -> Items:
    """What these nodes hold: ``fresh`` (mask of nodes) tells which of it is new, where that is known."""
    graph = roles.graph
    nodes = _referents(graph, holders)
    nodes = nodes[~roles.loaded[nodes] & ~roles.namespaces[nodes]]
    if fresh is not None and fresh[nodes].sum() * 4 >= len(nodes):
        nodes = nodes[fresh[nodes]]
    return describe(nodes, roles)


def describe(nodes: Ints, roles: Roles) -> Items:
    graph = roles.graph
    if not len(nodes):
        return Items(nodes, -1, "", nodes, "")
    atoms = roles.of_types(ATOMS | WEAK_REFERENCES)[graph.types[nodes]]
    objects = nodes[~atoms] if (~atoms).sum() * 3 >= len(nodes) else nodes
    every = np.bincount(graph.types[objects])
    kinds = np.flatnonzero(every)
    counts = every[kinds]
    common = _commonest(kinds, counts, graph)
    direct = graph.type_names[common]
    own = [kind for kind in kinds[np.argsort(-counts, kind="stable")].tolist() if roles.own_types[kind]]
    if own and counts[kinds == own[0]][0] * 2 >= len(objects):
        common = own[0]
    elif _says_little(direct):
        behind = _behind(objects, roles)
        if behind is not None:
            return Items(nodes, behind, _name(roles, behind), _instances(objects, behind, roles), direct)
    chosen = objects[graph.types[objects] == common]
    return Items(nodes, common, _name(roles, common), chosen, direct)


def _commonest(kinds: Ints, counts: Ints, graph: HeapGraph) -> int:
    """The type that there is most of; of keys that are texts, and as many values, the values."""
    order = np.argsort(-counts, kind="stable")[:2].tolist()
    if (
        len(order) == 2
        and graph.type_names[kinds[order[0]]] == "str"
        and counts[order[1]] >= _PAIRED * counts[order[0]]
    ):
        return int(kinds[order[1]])
    return int(kinds[order[0]])


def _says_little(name: str) -> bool:
    """Whether a type is but a wrapping of what a person would name."""
    return name in CONTAINERS | FUNCTIONS | {"cell", "functools._lru_list_elem", CACHE, "weakref.ReferenceType"}


def _name(roles: Roles, kind: int) -> str:
    return plain_name(roles.graph.type_names[kind], roles.graph.type_modules[kind])


def _referents(graph: HeapGraph, holders: Ints) -> Ints:
    counts = graph.starts[holders + 1] - graph.starts[holders]
    firsts = np.cumsum(counts) - counts
    edges = np.arange(int(counts.sum())) + np.repeat(graph.starts[holders] - firsts, counts)
    found = np.zeros(len(graph.ids), dtype=np.bool_)
    found[graph.targets[edges]] = True
    return np.flatnonzero(found)


def _behind(items: Ints, roles: Roles) -> int | None:
    """The nearest class of the program's own of which nearly every item leads to another instance."""
    sample = items[np.linspace(0, len(items) - 1, min(_SAMPLE, len(items))).astype(np.int64)]
    seen: dict[int, list[int]] = {}
    depths: dict[int, int] = {}
    for item in sample.tolist():
        for kind, (depth, node) in _own_near(item, roles).items():
            seen.setdefault(kind, []).append(node)
            depths[kind] = depths.get(kind, 0) + depth
    told = [kind for kind, nodes in seen.items() if len(set(nodes)) >= _COVER * len(sample)]
    return min(told, key=lambda kind: (depths[kind] / len(seen[kind]), kind), default=None)


def _own_near(item: int, roles: Roles) -> dict[int, tuple[int, int]]:
    """Of each of the program's classes the nearest instance behind an item: its distance, and the node."""
    found: dict[int, tuple[int, int]] = {}
    for node, depth in _walk(item, roles):
        kind = int(roles.graph.types[node])
        if roles.own_types[kind] and kind not in found and not roles.classes[node]:
            found[kind] = (depth, node)
    return found


def _walk(item: int, roles: Roles) -> list[tuple[int, int]]:
    """Objects near an item, and how far away each is; by references that a person would follow."""
    graph, seen, order = roles.graph, {item}, [(item, 0)]
    for node, depth in order:
        if depth >= _DEPTH or len(order) > _EFFORT:
            break
        start, end = int(graph.starts[node]), int(graph.starts[node + 1])
        for edge in range(start, min(end, start + _EFFORT)):
            target = int(graph.targets[edge])
            if target not in seen and roles.levels[edge] == NORMAL and not roles.classes[target]:
                seen.add(target)
                order.append((target, depth + 1))
    return order


def _instances(items: Ints, kind: int, roles: Roles) -> Ints:
    """The instances of a class that a few of the items lead to."""
    chosen = items[np.linspace(0, len(items) - 1, min(20 * _SAMPLE, len(items))).astype(np.int64)]
    found = [_own_near(item, roles).get(kind) for item in chosen.tolist()]
    return np.array(sorted({one[1] for one in found if one is not None}), dtype=np.int64)


# --- where they were made ---------------------------------------------------------------------------------------


def sites_of(items: Items, series: Sequence[Census], graph: HeapGraph, most: int = 5) -> tuple[Site, ...]:
    """Lines of the program that made them, the most first; of what is in them where a tracer saw no item itself."""
    if not any(len(one.traced) for one in series):
        return ()
    found = _sites(items.instances[:_MOST_VOTERS], series, graph) or _sites(items.nodes[:_MOST_VOTERS], series, graph)
    found = found or _sites(_referents(graph, items.instances[:_MOST_VOTERS]), series, graph)
    return tuple(found[:most])


def _sites(nodes: Ints, series: Sequence[Census], graph: HeapGraph) -> list[Site]:
    votes: Counter[tuple[str, int, str]] = Counter()
    sizes: Counter[tuple[str, int, str]] = Counter()
    untold = nodes
    there = np.ones(len(nodes), dtype=np.bool_)  # at every moment from this one on
    for one in reversed(series):  # the latest word on an address counts: it may have been another object's before
        there &= among(one.tracked, graph.ids[untold]) | ~graph.tracked[untold]
        stacks = np.where(there, traced_at(one, graph, untold), -1)
        for number in np.unique(stacks[stacks >= 0]).tolist():
            frame = own_line(one.stacks[number])
            made = untold[stacks == number]
            votes[(frame.file, frame.line, frame.function)] += len(made)
            sizes[(frame.file, frame.line, frame.function)] += int(graph.sizes[made].sum())
        untold, there = untold[stacks < 0], there[stacks < 0]
    return [Site(*place, bytes=sizes[place], count=count) for place, count in votes.most_common()]


def own_line(stack: Stack) -> Frame:
    """The innermost line of the program's own code; else the innermost."""
    return next((frame for frame in stack if not is_library(frame.file)), stack[0])
