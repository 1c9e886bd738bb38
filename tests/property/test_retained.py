"""Retained sizes against their definition: what is out of reach once the holder has let go of all it refers to."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memdiag.analysis.multitudes import forest, subtree_sums
from memdiag.analysis.retained import Retention
from memdiag.analysis.roles import Roles
from memdiag.analysis.roots import spanning_tree
from memdiag.model import HeapGraph
from tests.heapgraphs import Heap

_KINDS = ["list", "dict", "app.Thing", "type", "function", "traceback", "str"]


@st.composite
def heaps(draw: st.DrawFn) -> Heap:
    """Up to a dozen objects with any references among them; a module, perhaps a frame, perhaps native references."""
    heap = Heap()
    heap.module("app", file="/home/u/app.py")
    count = draw(st.integers(1, 12))
    for at in range(count):
        heap.add(f"n{at}", draw(st.sampled_from(_KINDS)), size=1 << at, extra=draw(st.sampled_from([0, 0, 0, 0, 1])))
    names = st.sampled_from(["app.__dict__", *(f"n{at}" for at in range(count))])
    for source, target in draw(st.lists(st.tuples(names, names), max_size=30)):
        if target != "app.__dict__":
            heap.refer(source, target)
    if draw(st.booleans()):
        heap.frame("app", "main", "/home/u/app.py", x=f"n{draw(st.integers(0, count - 1))}")
    return heap


def _reached(graph: HeapGraph, without: set[int]) -> set[int]:
    roots = {module.node for module in graph.modules}
    roots |= {node for frame in graph.frames for _, node in frame.locals}
    roots |= set(np.flatnonzero(Roles(graph).held_natively).tolist())
    found, pending = set(roots), list(roots)
    while pending:
        node = pending.pop()
        if node in without:
            continue
        for target in graph.targets[graph.starts[node] : graph.starts[node + 1]].tolist():
            if target not in found:
                found.add(target)
                pending.append(target)
    return found


@settings(max_examples=300, deadline=None)
@given(heaps(), st.data())
def test_retained_is_what_nobody_else_reaches(heap: Heap, data: st.DataObject) -> None:
    graph = heap.graph()
    roles = Roles(graph)
    tree = spanning_tree(graph, roles)
    reached = _reached(graph, set())
    chosen = data.draw(st.lists(st.sampled_from(sorted(reached)), min_size=1, max_size=4, unique=True))
    groups = [np.array(chosen[:2], dtype=np.int64), *(np.array([node], dtype=np.int64) for node in chosen[2:])]
    retention = Retention(graph, roles, tree, groups)
    for number, group in enumerate(groups):
        left = _reached(graph, set(group.tolist()))
        expected = reached - left - set(group.tolist())
        assert set(retention.of(number).nodes.tolist()) == expected
        assert retention.of(number).retained_bytes == int(graph.sizes[sorted(expected)].sum())


@settings(max_examples=300, deadline=None)
@given(heaps())
def test_the_tree_spans_what_is_in_use_and_nothing_else(heap: Heap) -> None:
    graph = heap.graph()
    tree = spanning_tree(graph, Roles(graph))
    assert set(np.flatnonzero(tree.tiers).tolist()) == _reached(graph, set())
    for node in np.flatnonzero(tree.parents >= 0).tolist():
        parent = int(tree.parents[node])
        assert node in graph.targets[graph.starts[parent] : graph.starts[parent + 1]]
        assert tree.trail(node)[0] != node


@settings(max_examples=200, deadline=None)
@given(heaps())
def test_sums_over_the_tree(heap: Heap) -> None:
    graph = heap.graph()
    tree = spanning_tree(graph, Roles(graph))
    sums = subtree_sums(forest(tree), graph.sizes.astype(np.float64))
    for node in np.flatnonzero(tree.tiers).tolist():
        below = [other for other in range(len(graph.ids)) if tree.tiers[other] and node in tree.trail(other)]
        assert sums[node] == graph.sizes[below].sum()
