"""Graph algorithms over a heap: arrays in, arrays out, and never recursive.

Strongly connected components and breadth-first trees are scipy's; what the collector would find unreachable is worked
out from reference counts as CPython's gcmodule.c does (``subtract_refs``), without collecting anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from memdiag.model import HeapGraph, Ints

Mask = npt.NDArray[np.bool_]


def owners(heap: HeapGraph) -> Ints:
    """The source of every edge, shape (edges)."""
    return np.repeat(np.arange(len(heap.ids)), np.diff(heap.starts)).astype(np.int64)


def referred(heap: HeapGraph) -> Ints:
    """How many references of the heap lead to each node. Shape (nodes)."""
    return np.bincount(heap.targets, minlength=len(heap.ids)).astype(np.int64)


def externally_held(heap: HeapGraph) -> Mask:
    """Nodes in use by more than the heap explains: variables of running functions, and native code. Shape (nodes).

    By reference counts alone, as the collector does it: the names of variables may be those of an earlier look. What is
    not tracked is in use where something that is refers to it.
    """
    return np.asarray(heap.tracked & (heap.refcounts > referred(heap)))


def reached(heap: HeapGraph, roots: Mask, passable: Mask | None = None) -> Mask:
    """What ``roots`` lead to, themselves among it; only through ``passable`` nodes, where given. Shape (nodes)."""
    count = len(heap.ids)
    first = np.flatnonzero(roots if passable is None else roots & passable)
    targets = heap.targets if passable is None else np.where(passable[heap.targets], heap.targets, np.int32(count))
    matrix = csr_array(
        (
            np.ones(len(targets) + len(first)),  # csgraph computes in doubles
            np.concatenate([targets, first]).astype(np.int32),
            np.append(heap.starts, len(targets) + len(first)).astype(np.int32),
        ),
        shape=(count + 1, count + 1),
    )
    found = np.zeros(count + 1, dtype=np.bool_)
    found[breadth_first_order(matrix, count, directed=True, return_predecessors=False)] = True
    return found[:count]


def garbage(heap: HeapGraph) -> Mask:
    """What awaits the collector: nothing outside of it refers to it. Shape (nodes)."""
    return ~reached(heap, externally_held(heap))


def components(heap: HeapGraph, within: Mask) -> list[Ints]:
    """The strongly connected components inside ``within`` that hold a cycle, as arrays of nodes."""
    nodes = np.flatnonzero(within)
    place = np.full(len(heap.ids), -1, dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    sources = owners(heap)
    keep = within[sources] & within[heap.targets]
    cyclic = in_cycles(place[sources[keep]], place[heap.targets[keep]], len(nodes))
    members = np.flatnonzero(cyclic >= 0)
    by_label = members[np.argsort(cyclic[members], kind="stable")]
    cuts = np.flatnonzero(np.diff(cyclic[by_label])) + 1
    return [nodes[part] for part in np.split(by_label, cuts) if len(part)]


def in_cycles(sources: Ints, targets: Ints, count: int) -> Ints:
    """Of each node that is in a cycle the number of its strongly connected component, else -1. Shape (count)."""
    if not count:
        return np.zeros(0, dtype=np.int64)
    _, labels = connected_components(matrix(sources, targets, count), directed=True, connection="strong")
    cyclic = np.bincount(labels) > 1
    cyclic[labels[sources[sources == targets]]] = True
    return np.where(cyclic[labels], labels, -1).astype(np.int64)


def matrix(sources: Ints, targets: Ints, count: int) -> csr_array:
    ones = np.ones(len(sources))  # csgraph computes in doubles; small integers would overflow on repeated edges
    return csr_array((ones, (sources, targets)), shape=(count, count))


def spread(sources: Ints, targets: Ints, count: int, roots: Mask) -> Mask:
    """What ``roots`` lead to by these edges, themselves among it. Shape (count)."""
    first = np.flatnonzero(roots)
    found = np.zeros(count + 1, dtype=np.bool_)
    if len(first):
        rows = np.concatenate([sources, np.full(len(first), count)])
        whole = matrix(rows, np.concatenate([targets, first]), count + 1)
        found[breadth_first_order(whole, count, directed=True, return_predecessors=False)] = True
    return found[:count]


def successors(heap: HeapGraph, nodes: Ints) -> dict[int, list[int]]:
    """The edges among ``nodes``, in the order of the objects themselves."""
    inside = set(nodes.tolist())
    return {
        node: [
            target for target in heap.targets[heap.starts[node] : heap.starts[node + 1]].tolist() if target in inside
        ]
        for node in inside
    }


def shortest_cycle(edges: Mapping[int, Sequence[int]], starts: Sequence[int]) -> list[int]:
    """The shortest cycle through one of ``starts`` (breadth-first search from each); empty where there is none."""
    best: list[int] = []
    for start in starts:
        found = _cycle_through(edges, start, len(best) or len(edges) + 1)
        if found and (not best or len(found) < len(best)):
            best = found
    return best


def _cycle_through(edges: Mapping[int, Sequence[int]], start: int, limit: int) -> list[int]:
    before = {start: -1}
    depth = {start: 1}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        if depth[node] > limit:
            return []
        for target in edges[node]:
            if target == start:
                return _trail(before, node)
            if target not in before:
                before[target] = node
                depth[target] = depth[node] + 1
                queue.append(target)
    return []


def _trail(before: Mapping[int, int], node: int) -> list[int]:
    trail = []
    while node != -1:
        trail.append(node)
        node = before[node]
    return trail[::-1]
