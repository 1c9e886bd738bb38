"""Graph algorithms over a snapshot, on cases small enough to see and large enough to hurt."""

from __future__ import annotations

import random

import numpy as np
import pytest

from memdiag.analysis.cycles import graph
from tests.heaps import Node, drawn


def nodes_of(mask: graph.Mask) -> list[int]:
    return [int(at) for at in np.flatnonzero(mask)]


def everywhere(count: int) -> graph.Mask:
    return np.ones(count, dtype=np.bool_)


def test_a_held_node_and_what_it_reaches_is_no_garbage() -> None:
    heap = drawn([Node((1,), held=1), Node((2,)), Node(), Node((4,)), Node((3,))])
    assert nodes_of(graph.externally_held(heap)) == [0]
    assert nodes_of(graph.garbage(heap)) == [3, 4]


def test_what_only_garbage_refers_to_is_garbage() -> None:
    heap = drawn([Node((1,)), Node((0, 2)), Node((3,)), Node()])
    assert nodes_of(graph.garbage(heap)) == [0, 1, 2, 3]


def test_repeated_references_are_all_explained() -> None:
    """A list that holds one object a thousand times holds it with a thousand references."""
    heap = drawn([Node((1,) * 1000), Node((0,))])
    assert nodes_of(graph.externally_held(heap)) == []
    heap = drawn([Node((1,) * 1000), Node((0,), held=1)])
    assert nodes_of(graph.externally_held(heap)) == [1]


def test_components_are_told_apart() -> None:
    heap = drawn([Node((1,)), Node((0, 2)), Node((3,)), Node((2,)), Node((4,)), Node((0,))])
    found = graph.components(heap, everywhere(6))
    assert sorted(part.tolist() for part in found) == [[0, 1], [2, 3], [4]]


def test_no_nodes_no_components() -> None:
    heap = drawn([Node((0,))])
    assert graph.components(heap, np.zeros(1, dtype=np.bool_)) == []
    assert [part.tolist() for part in graph.components(heap, everywhere(1))] == [[0]]


def test_taking_one_node_out_breaks_the_cycle() -> None:
    heap = drawn([Node((1,)), Node((2,)), Node((0,))])
    within = everywhere(3)
    within[1] = False
    assert graph.components(heap, within) == []


def test_a_long_ring_is_one_component_and_no_recursion() -> None:
    heap = drawn([Node(((at + 1) % 50_000,)) for at in range(50_000)])
    (part,) = graph.components(heap, everywhere(50_000))
    assert len(part) == 50_000
    assert len(graph.shortest_cycle(graph.successors(heap, part), [7])) == 50_000


def test_a_long_chain_is_reached_to_its_end() -> None:
    heap = drawn([Node((at + 1,)) for at in range(49_999)] + [Node()])
    roots = np.zeros(50_000, dtype=np.bool_)
    roots[0] = True
    assert graph.reached(heap, roots).all()


def test_repeated_edges_do_not_overflow() -> None:
    """Sums of small integers would wrap at 256 repetitions, and the edge would vanish."""
    for repetitions in (255, 256, 257, 65_536):
        heap = drawn([Node((1,) * repetitions, held=1), Node((0,))])
        assert nodes_of(graph.garbage(heap)) == []
        assert len(graph.components(heap, everywhere(2))) == 1


def test_a_path_ends_where_it_may_not_pass() -> None:
    heap = drawn([Node((1,)), Node((2,)), Node()])
    roots = np.array([True, False, False])
    passable = np.array([True, False, True])
    assert nodes_of(graph.reached(heap, roots, passable)) == [0]


@pytest.mark.parametrize(
    ("edges", "starts", "expected"),
    [
        ({0: []}, [0], []),
        ({0: [0]}, [0], [0]),
        ({0: [1], 1: [0, 1]}, [0], [0, 1]),
        ({0: [1], 1: [0, 1]}, [0, 1], [1]),
        ({0: [1, 2], 1: [3], 2: [0], 3: [0]}, [0], [0, 2]),
        ({0: [1], 1: [2], 2: [1]}, [0], []),
        ({0: [1], 1: [2], 2: [1]}, [0, 1], [1, 2]),
        ({0: [1], 1: [0]}, [], []),
    ],
)
def test_the_shortest_cycle(edges: dict[int, list[int]], starts: list[int], expected: list[int]) -> None:
    assert graph.shortest_cycle(edges, starts) == expected


def test_the_same_heap_gives_the_same_cycle() -> None:
    generator = random.Random(4)
    nodes = [Node(tuple(generator.randrange(200) for _ in range(4))) for _ in range(200)]
    heap = drawn(nodes)
    (part, *_) = graph.components(heap, everywhere(200))
    cycles = [graph.shortest_cycle(graph.successors(heap, part), part.tolist()[:20]) for _ in range(3)]
    assert cycles[0] == cycles[1] == cycles[2] != []


def test_successors_are_in_the_order_of_the_object() -> None:
    heap = drawn([Node((3, 1, 2, 1)), Node(), Node((0,)), Node()])
    found = graph.successors(heap, np.array([0, 1, 2]))
    assert found == {0: [1, 2, 1], 1: [], 2: [0]}


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_addresses_come_in_any_order(order: str) -> None:
    """Nodes are found by sorting and searching their ids; drawn heaps have them shuffled already."""
    count = 500
    nodes = [Node(((at * 7 + 3) % count,)) for at in range(count)]
    if order == "descending":
        nodes = [Node((count - 1 - at,)) for at in range(count)]
    if order == "shuffled":
        random.Random(1).shuffle(nodes)
    heap = drawn(nodes)
    assert heap.targets.tolist() == [to for node in nodes for to in node.refers_to]
    assert len(set(heap.ids.tolist())) == count
