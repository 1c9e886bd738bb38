"""What is garbage, and what runs in circles: worked out without collecting, and compared with the collector itself."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdiag.analysis.cycles import graph
from memdiag.probe.graph import cycle_members, unreachable
from tests.heaps import KINDS, Node, Plain, World, build, drawn, heap_of

Shapes = list[tuple[str, list[int]]]
Edges = list[list[int]]

# --- real objects ---------------------------------------------------------------------------------------------

places = st.integers(0, 24)
shapes = st.lists(st.tuples(st.sampled_from(KINDS), st.lists(places, max_size=4)), max_size=25)


@pytest.fixture(scope="module", autouse=True)
def _world() -> Iterator[None]:
    """Only what the examples make is in the collector's sight, not what a first use of something leaves behind."""
    with World():
        heap_of([Plain()])
        yield


def the_collectors_own() -> set[int]:
    """The ids of everything that a collection finds now; it is kept for the moment, and then let go of."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return set(map(id, gc.garbage))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.collect()


def reach(edges: dict[int, list[int]], start: int) -> set[int]:
    """What a walk from ``start`` comes by; the start itself only where it comes back to it."""
    seen: set[int] = set()
    pending = list(edges[start])
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            pending += edges[node]
    return seen


def circles(edges: dict[int, list[int]]) -> set[frozenset[int]]:
    """The strongly connected components that hold a cycle, by walking from every node."""
    reached = {node: reach(edges, node) for node in edges}
    mutual = {node: frozenset(other for other in reached[node] if node in reached[other]) for node in edges}
    return {part for node, part in mutual.items() if node in part}


@given(shapes, st.sets(places, max_size=6))
def test_garbage_is_what_the_collector_finds(drawing: Shapes, kept: set[int]) -> None:
    gc.collect()
    made = build(drawing)
    held = [made[at] for at in kept if at < len(made)]
    del made
    found = set(map(id, unreachable(gc.get_objects())))
    snapshot = heap_of(gc.get_objects())
    awaiting = set(snapshot.ids[graph.garbage(snapshot) & snapshot.tracked].tolist())
    truth = the_collectors_own()
    assert found == truth
    assert awaiting == truth
    assert len(held) <= len(kept)


@given(shapes)
def test_members_of_cycles(drawing: Shapes) -> None:
    objects = build(drawing)
    inside = set(map(id, objects))
    edges = {id(one): [key for key in map(id, gc.get_referents(one)) if key in inside] for one in objects}
    found = [frozenset(map(id, part)) for part in cycle_members(objects)]
    assert len(found) == len(set(found))
    assert set(found) == circles(edges)


# --- drawn heaps ----------------------------------------------------------------------------------------------


@st.composite
def drawings(draw: st.DrawFn, most: int = 14) -> list[Node]:
    count = draw(st.integers(1, most))
    node = st.builds(
        Node,
        refers_to=st.lists(st.integers(0, count - 1), max_size=4).map(tuple),
        held=st.sampled_from([0, 0, 0, 1, 3]),
    )
    return draw(st.lists(node, min_size=count, max_size=count))


def edges_of(nodes: list[Node]) -> dict[int, list[int]]:
    return {at: list(node.refers_to) for at, node in enumerate(nodes)}


@given(drawings())
def test_a_heap_is_read_as_it_was_drawn(nodes: list[Node]) -> None:
    heap = drawn(nodes)
    assert graph.owners(heap).tolist() == [at for at, node in enumerate(nodes) for _ in node.refers_to]
    assert heap.targets.tolist() == [to for node in nodes for to in node.refers_to]
    assert graph.externally_held(heap).tolist() == [node.held > 0 for node in nodes]


@given(drawings())
def test_what_is_reached_from_outside_is_no_garbage(nodes: list[Node]) -> None:
    edges = edges_of(nodes)
    roots = [at for at, node in enumerate(nodes) if node.held]
    alive = set(roots).union(*(reach(edges, root) for root in roots))
    assert np.flatnonzero(graph.garbage(drawn(nodes))).tolist() == [at for at in edges if at not in alive]


@given(drawings(), st.data())
def test_components_within_a_part(nodes: list[Node], data: st.DataObject) -> None:
    within = data.draw(st.lists(st.booleans(), min_size=len(nodes), max_size=len(nodes)))
    edges = {at: [to for to in node.refers_to if within[to]] for at, node in enumerate(nodes) if within[at]}
    found = graph.components(drawn(nodes), np.array(within, dtype=np.bool_))
    assert {frozenset(part.tolist()) for part in found} == circles(edges)
    assert sum(map(len, found)) == len({node for part in found for node in part.tolist()})


@given(drawings(), st.data())
def test_what_is_reached_through_what_may_be_passed(nodes: list[Node], data: st.DataObject) -> None:
    some = st.lists(st.booleans(), min_size=len(nodes), max_size=len(nodes))
    roots, passable = data.draw(some), data.draw(some)
    begun = [at for at in range(len(nodes)) if roots[at] and passable[at]]
    edges = {at: [to for to in node.refers_to if passable[to]] for at, node in enumerate(nodes)}
    found = graph.reached(drawn(nodes), np.array(roots), np.array(passable))
    assert set(np.flatnonzero(found).tolist()) == set(begun).union(*(reach(edges, at) for at in begun))


@given(drawings(), st.data())
def test_the_shortest_cycle(nodes: list[Node], data: st.DataObject) -> None:
    edges = edges_of(nodes)
    starts = data.draw(st.lists(st.integers(0, len(nodes) - 1), max_size=5, unique=True))
    found = graph.shortest_cycle(edges, starts)
    lengths = [length for start in starts if (length := round_trip(edges, start))]
    assert len(found) == min(lengths, default=0)
    for node, following in zip(found, [*found[1:], *found[:1]], strict=True):
        assert following in edges[node]
    assert len(set(found)) == len(found)
    assert not found or found[0] in starts


def round_trip(edges: dict[int, list[int]], start: int) -> int:
    """How many steps lead from a node back to it at least; 0 where none do."""
    layer, steps = {start}, 0
    seen: set[int] = set()
    while layer:
        steps += 1
        layer = {to for at in layer for to in edges[at]}
        if start in layer:
            return steps
        layer -= seen
        seen |= layer
    return 0
