"""What a census keeps of a heap, and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memdiag.analysis.census import among, amounts_of, census, new_nodes
from memdiag.model import Frame, HeapGraph
from tests.heapgraphs import Heap
from tests.heaps import heap_of


def _heap(items: int, size: int = 64) -> Heap:
    heap = Heap()
    heap.module("app", file="/home/u/app.py")
    heap.variable("app", "rows", "list")
    for at in range(items):
        heap.add(f"row{at}", "app.Row", by="app.rows", size=size)
    return heap


def test_counts_and_bytes_by_type() -> None:
    one = census(_heap(5, size=100).graph())
    at = one.type_names.index("app.Row")
    assert (one.counts[at], one.sizes[at]) == (5, 500)
    assert one.objects == len(_heap(5).items)


def test_a_container_is_kept_with_its_holder_once_it_bears_four() -> None:
    small, large = census(_heap(3).graph()), census(_heap(4).graph())
    wanted = np.array([_heap(0).id("app.rows")], dtype=np.uint64)
    assert amounts_of(small.containers, wanted).tolist() == [-1]
    assert amounts_of(large.containers, wanted).tolist() == [4]
    at = large.containers.ids.tolist().index(int(wanted[0]))
    assert int(large.containers.holders[at]) == _heap(0).id("app.__dict__")


def test_what_only_a_variable_of_a_function_holds_has_a_holder_too() -> None:
    def holder(module: str, address: str) -> int:
        heap = _heap(0)
        heap.add(address, "list")
        for at in range(6):
            heap.add(f"{address}{at}", "app.Row", by=address)
        heap.frame(module, "main", "/home/u/app.py", rows=address)
        one = census(heap.graph())
        return int(one.containers.holders[one.containers.ids.tolist().index(heap.id(address))])

    assert holder("app", "here") == holder("app", "there") != 0


def test_a_large_text_is_followed_by_itself() -> None:
    heap = _heap(0)
    heap.variable("app", "log", "str", size=5000)
    heap.variable("app", "name", "str", size=50)
    one = census(heap.graph())
    assert one.singles.ids.tolist() == [heap.id("app.log")]
    assert one.singles.amounts.tolist() == [4]


def test_what_bears_many_references_by_its_nature_is_no_container() -> None:
    heap = _heap(0)
    heap.variable("app", "f", "code")
    heap.variable("app", "weird", "ext.Bag")
    for at in range(20):
        heap.add(f"c{at}", "int", by="app.f")
        heap.refer("app.weird", f"c{at}")
    assert census(heap.graph()).containers.ids.tolist() == [heap.id("app.weird")]


def test_traced_objects_are_in_order_of_their_ids_with_their_own_stacks() -> None:
    heap = _heap(6)
    for at in range(6):
        heap.traces[f"row{at}"] = (Frame("/home/u/app.py", at),)
    one = census(heap.graph())
    told = {int(key): one.stacks[at][0].line for key, at in zip(one.traced, one.traced_stacks, strict=True)}
    assert told == {heap.id(f"row{at}"): at for at in range(6)}
    assert one.traced.tolist() == sorted(told)


def test_new_is_what_was_not_there() -> None:
    late = _heap(9).graph()
    fresh = new_nodes(late, census(_heap(6).graph()))
    assert {int(key) for key in late.ids[fresh]} == {_heap(0).id(f"row{at}") for at in (6, 7, 8)}


def test_a_large_container_that_the_collector_does_not_track_is_new_once_only() -> None:
    """A dictionary of texts, as a table of constants is."""

    def table(rows: int) -> HeapGraph:
        heap = _heap(rows)
        heap.variable("app", "table", "dict", size=9000)
        for at in range(20):
            heap.add(f"text{at}", "str", by="app.table")
        graph = heap.graph()
        return replace(graph, tracked=graph.tracked & (graph.ids != heap.id("app.table")))

    late = table(9)
    fresh = new_nodes(late, census(table(6)))
    assert {int(key) for key in late.ids[fresh]} == {_heap(0).id(f"row{at}") for at in (6, 7, 8)}
    assert _heap(0).id("app.table") in late.ids[new_nodes(late, census(_heap(6).graph()))]


def test_membership_in_what_is_in_order() -> None:
    keys = np.array([3, 5, 9], dtype=np.uint64)
    assert among(keys, np.array([0, 3, 4, 9, 10], dtype=np.uint64)).tolist() == [False, True, False, True, False]
    assert among(keys[:0], keys).tolist() == [False, False, False]


def test_a_census_is_small() -> None:
    one = census(_heap(3000).graph())
    kept = one.containers
    held = one.tracked.nbytes + kept.ids.nbytes + kept.types.nbytes + kept.holders.nbytes + kept.amounts.nbytes
    assert held < 10 * len(one.tracked)


def test_what_an_iterator_goes_through_is_held_by_its_holder() -> None:
    held = [object() for _ in range(9)]
    holder = {"held": held}
    going = iter(held)
    graph = heap_of([going, held, holder])
    slots = census(graph).containers
    assert slots.holders[slots.ids == id(held)].tolist() == [id(holder)]
