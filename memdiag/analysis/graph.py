"""Graph algorithms over a heap snapshot: arrays in, arrays out, and never recursive.

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

from memdiag.model import HeapSnapshot, Ints

Mask = npt.NDArray[np.bool_]


def owners(heap: HeapSnapshot) -> Ints:
    """The source of every edge, shape (edges)."""
    return np.repeat(np.arange(len(heap.ids)), np.diff(heap.starts)).astype(np.int64)


def externally_held(heap: HeapSnapshot) -> Mask:
    """Nodes with more references than the graph explains: locals of running frames, and native code. Shape (nodes)."""
    inner = np.bincount(heap.targets, minlength=len(heap.ids))
    held = np.asarray(heap.refcounts > inner)
    held[list(heap.roots)] = True
    return held


def breadth_first(heap: HeapSnapshot, roots: Mask, passable: Mask | None = None) -> tuple[Mask, Ints]:
    """What ``roots`` reach, and each node's predecessor on a shortest path (-1 for roots and the unreached).

    Only through ``passable`` nodes, where given. Both have the shape (nodes).
    """
    count = len(heap.ids)
    sources, targets = owners(heap), heap.targets.astype(np.int64)
    if passable is not None:
        keep = passable[sources] & passable[targets]
        sources, targets = sources[keep], targets[keep]
    first = np.flatnonzero(roots)
    sources = np.concatenate([sources, np.full(len(first), count)])
    targets = np.concatenate([targets, first])
    graph = _matrix(sources, targets, count + 1)
    order, before = breadth_first_order(graph, count, directed=True, return_predecessors=True)
    reached = np.zeros(count + 1, dtype=np.bool_)
    reached[order] = True
    parents: Ints = before[:count].astype(np.int64)
    parents[(parents == count) | (parents < 0)] = -1
    return reached[:count], parents


def garbage(heap: HeapSnapshot) -> Mask:
    """What awaits the collector: nothing outside of it refers to it. Shape (nodes)."""
    reached, _ = breadth_first(heap, externally_held(heap))
    return ~reached


def components(heap: HeapSnapshot, within: Mask) -> list[Ints]:
    """The strongly connected components inside ``within`` that hold a cycle, as arrays of nodes."""
    nodes = np.flatnonzero(within)
    if not len(nodes):
        return []
    place = np.full(len(heap.ids), -1, dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    sources = owners(heap)
    keep = within[sources] & within[heap.targets]
    inner_sources, inner_targets = place[sources[keep]], place[heap.targets[keep]]
    graph = _matrix(inner_sources, inner_targets, len(nodes))
    _, labels = connected_components(graph, directed=True, connection="strong")
    sizes = np.bincount(labels)
    cyclic = sizes > 1
    cyclic[labels[inner_sources[inner_sources == inner_targets]]] = True
    members = np.flatnonzero(cyclic[labels])
    by_label = members[np.argsort(labels[members], kind="stable")]
    cuts = np.flatnonzero(np.diff(labels[by_label])) + 1
    return [nodes[part] for part in np.split(by_label, cuts) if len(part)]


def _matrix(sources: Ints, targets: Ints, count: int) -> csr_array:
    ones = np.ones(len(sources))  # csgraph computes in doubles; small integers would overflow on repeated edges
    return csr_array((ones, (sources, targets)), shape=(count, count))


def successors(heap: HeapSnapshot, nodes: Ints) -> dict[int, list[int]]:
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
