"""Growth below no container that is seen to grow: chains, trees, wrappings, a few large buffers."""

from __future__ import annotations

import pytest

from memdiag.model import HeapEvidence, Population
from tests.heapgraphs import Heap, evidence

APP = "/home/u/app.py"


def _program(heap: Heap) -> None:
    heap.module("__main__", file=APP)
    heap.variable("__main__", "settings", "dict")
    for at in range(200):
        heap.add(f"setting{at}", "__main__.Setting", by="__main__.settings", label="[*]")


def _app(heap: Heap) -> None:
    _program(heap)
    heap.variable("__main__", "app", "__main__.App")


def _only(found: HeapEvidence) -> Population:
    assert len(found.populations) == 1, [one.path for one in found.populations]
    return found.populations[0]


def test_a_few_large_buffers_count_by_what_they_take() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("frames", "list", by="__main__.app", label=".frames")
        for at in range(1 + moment):
            heap.add(f"a{at}", "array.array", by="frames", size=160_000)

    found = _only(evidence(draw))
    assert (found.path, found.item_type) == ("__main__.app.frames", "array")
    assert found.counts == tuple(range(1, 9))
    assert found.retained_bytes == 8 * 160_000


@pytest.mark.parametrize("grows_at", ["head", "tail"])
def test_a_chain_is_held_by_what_holds_its_head(grows_at: str) -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        numbers = list(range(30 + 20 * moment))
        if grows_at == "head":
            numbers.reverse()
        before, label = "__main__.app", ".head"
        for number in numbers:
            heap.add(f"n{number}", "__main__.Node", by=before, label=label, size=200)
            before, label = f"n{number}", ".next"

    found = _only(evidence(draw))
    assert (found.kind, found.pattern, found.item_type) == ("chain", "chain", "Node")
    assert (found.path, found.owner) == ("__main__.app.head", "App.head")
    assert found.counts == tuple(range(30, 171, 20))
    assert found.retained_bytes == 170 * 200


def test_a_ring_with_two_ends_is_let_go_of_at_both() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        count = 30 + 20 * moment
        for at in range(count):
            heap.add(f"n{at}", "__main__.Node", size=200)
        for at in range(count - 1):
            heap.refer(f"n{at}", f"n{at + 1}", ".next")
            heap.refer(f"n{at + 1}", f"n{at}", ".previous")
        heap.refer("__main__.app", "n0", ".head")
        heap.refer("__main__.app", f"n{count - 1}", ".tail")

    found = _only(evidence(draw))
    assert (found.kind, found.path) == ("chain", "__main__.app.head")
    assert found.retained_bytes == 170 * 200


def test_a_tree_that_branches_is_held_by_what_holds_its_root() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("n1", "__main__.Branch", by="__main__.app", label=".root", size=200)
        for at in range(2, 60 + 60 * moment):
            heap.add(f"n{at}", "__main__.Branch", by=f"n{at // 2}", label=(".left", ".right")[at % 2], size=200)

    found = _only(evidence(draw))
    assert (found.path, found.item_type) == ("__main__.app.root", "Branch")
    assert found.counts == tuple(range(59, 480, 60))
    assert found.retained_bytes == 479 * 200


def test_a_function_that_is_wrapped_again_and_again() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("__main__", "handler", "function", size=200)
        before = "__main__.handler"
        for at in range(20 + 20 * moment):
            heap.add(f"closure{at}", "tuple", by=before, label=".__closure__")
            heap.add(f"cell{at}", "cell", by=f"closure{at}", label=".closure(f)")
            before = heap.add(f"f{at}", "function", by=f"cell{at}", label=".cell_contents", size=200)

    found = _only(evidence(draw))
    assert (found.kind, found.path, found.item_type) == ("chain", "__main__.handler", "function")
