"""How much memory would be freed if a holder let go of its items: exact, and without a dominator tree.

What only a holder keeps is below it in every spanning tree of the ways from the roots, so also in the one at hand. Of
what is below it there, all is freed but what is entered from elsewhere, or from a root, and what that in turn reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from memdiag.analysis.roles import NORMAL, Mask, Nodes, Roles
from memdiag.analysis.roots import Tree
from memdiag.model import HeapGraph, Ints


@dataclass(frozen=True)
class Holding:
    """Of one holder: the bytes that only it keeps, and the nodes."""

    retained_bytes: int
    nodes: Ints


class Retention:
    """Retained sizes of a few holders of one heap, each a node or several."""

    def __init__(self, graph: HeapGraph, roles: Roles, tree: Tree, holders: Sequence[Ints]) -> None:
        self._graph, self._roles, self._holders = graph, roles, holders
        self._labels = nearest(tree, holders)
        self._above = _nesting(tree, holders, self._labels)
        labels = self._labels[graph.targets]
        inner = np.flatnonzero((labels >= 0) & (tree.tiers[roles.sources] > 0))
        inner = inner[np.argsort(labels[inner], kind="stable")]
        self._sources, self._targets = roles.sources[inner], graph.targets[inner]
        self._bounds = np.searchsorted(labels[inner], np.arange(len(holders) + 1))
        self._rooted = _rooted(graph, roles)
        self._ways = _Ways(graph, roles)

    def of(self, number: int, let_go_by: int = -1) -> Holding:
        """What is freed if the holder of that number loses all it holds; or, if that node lets go of the holder."""
        nested = [number, *(other for other, above in enumerate(self._above) if number in above)]
        chosen = np.zeros(len(self._holders) + 1, dtype=np.bool_)  # the last is for what is below no holder
        chosen[nested] = True
        inside = chosen[self._labels]
        edges = np.concatenate([np.arange(self._bounds[one], self._bounds[one + 1]) for one in nested])
        sources, targets = self._sources[edges], self._targets[edges]
        if let_go_by < 0:
            inside[self._holders[number]] = False
            cut = np.zeros(len(inside), dtype=np.bool_)
            cut[self._holders[number]] = True
            kept = inside[targets] & ~cut[sources]
        else:
            kept = sources != let_go_by
        sources, targets = sources[kept], targets[kept]
        entries = np.append(targets[~inside[sources]], np.flatnonzero(inside & self._rooted))
        freed = inside & ~_reached(inside, sources, targets, entries.astype(np.int32))
        nodes = np.flatnonzero(freed)
        return Holding(int(self._graph.sizes[nodes].sum()), nodes)

    def reachable_bytes(self, number: int) -> int:
        """What the items reach by references that a person would follow, shared or not, without the holder itself."""
        starts, holders = self._graph.starts, self._holders[number]
        items = [self._graph.targets[starts[node] : starts[node + 1]] for node in holders.tolist()]
        found = self._ways.reached(np.concatenate(items))
        found[holders] = False
        return int(self._graph.sizes[found].sum())


class _Ways:
    """Searches along references that a person would follow."""

    def __init__(self, graph: HeapGraph, roles: Roles) -> None:
        self._count = len(graph.ids)
        self._targets = np.where(roles.levels == NORMAL, graph.targets, np.int32(self._count)).astype(np.int32)
        self._starts = graph.starts.astype(np.int32)
        self._ones = np.ones(len(graph.targets))  # csgraph computes in doubles

    def reached(self, starts: Nodes) -> Mask:
        """What these nodes reach, themselves among it. Shape (nodes)."""
        targets = np.concatenate([self._targets, starts.astype(np.int32)])
        ones = np.concatenate([self._ones, np.ones(len(starts))])
        bounds = np.append(self._starts, np.int32(len(targets)))
        matrix = csr_array((ones, targets, bounds), shape=(self._count + 1, self._count + 1))
        found = np.zeros(self._count + 1, dtype=np.bool_)
        found[breadth_first_order(matrix, self._count, directed=True, return_predecessors=False)] = True
        return found[:-1]


def nearest(tree: Tree, holders: Sequence[Ints]) -> npt.NDArray[np.int32]:
    """The holder (its number) that each node is, or is below of, the nearest; -1 for none. Shape (nodes)."""
    here = np.arange(len(tree.parents), dtype=np.int32)
    labels = np.full(len(here), -1, dtype=np.int32)
    for number, members in enumerate(holders):
        labels[members] = number
    above = np.where((tree.parents < 0) | (labels >= 0), here, tree.parents).astype(np.int32)
    while not np.array_equal(further := above[above], above):
        above = further
    return np.asarray(labels[above])


def _nesting(tree: Tree, holders: Sequence[Ints], labels: npt.NDArray[np.int32]) -> list[set[int]]:
    """The holders that each holder is below of."""
    direct = []
    for members in holders:
        above = tree.parents[members]
        direct.append({int(one) for one in np.unique(labels[above[above >= 0]]) if one >= 0})
    found = []
    for number, nearest_ones in enumerate(direct):
        every: set[int] = set()
        pending = list(nearest_ones)
        while pending:
            one = pending.pop()
            if one not in every:
                every.add(one)
                pending += direct[one]
        found.append(every - {number})
    return found


def _rooted(graph: HeapGraph, roles: Roles) -> Mask:
    """What is in use by itself: modules, variables of running functions, what native code holds. Shape (nodes)."""
    found: Mask = roles.held_natively | roles.loaded
    found[[node for frame in graph.frames for _, node in frame.locals if node >= 0]] = True
    return found


def _reached(inside: Mask, sources: Nodes, targets: Nodes, entries: Nodes) -> Mask:
    """What the entries reach within. Shape (nodes)."""
    found = np.zeros(len(inside), dtype=np.bool_)
    if not len(entries):
        return found
    nodes = np.flatnonzero(inside)
    place = np.zeros(len(inside), dtype=np.int32)
    place[nodes] = np.arange(len(nodes), dtype=np.int32)
    kept = inside[sources]
    rows = np.append(place[sources[kept]], np.full(len(entries), len(nodes), dtype=np.int32))
    columns = np.append(place[targets[kept]], place[entries])
    found[nodes[_search(rows, columns, len(nodes))]] = True
    return found


def _search(rows: Nodes, columns: Nodes, count: int) -> Ints:
    order = np.argsort(rows, kind="stable")
    bounds = np.searchsorted(rows[order], np.arange(count + 2)).astype(np.int32)
    matrix = csr_array((np.ones(len(rows)), columns[order], bounds), shape=(count + 1, count + 1))
    found = breadth_first_order(matrix, count, directed=True, return_predecessors=False)
    reached: Ints = found[found < count].astype(np.int64)
    return reached
