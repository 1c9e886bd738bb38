"""Which reference to cut: by what it would free on the graph, and, on the same objects, by what it does free."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from memdiag.analysis.cycles.cuts import Reference, weighed
from memdiag.analysis.cycles.references import web
from memdiag.analysis.cycles.stage import examine
from memdiag.model import Cut, CycleCluster
from tests.heaps import Node, World, drawn


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


class Parent:
    def __init__(self) -> None:
        self.children = [Child(self) for _ in range(3)]
        self.notes = {"size": [1, 2, 3]}


class Child:
    def __init__(self, parent: Parent) -> None:
        self.parent: Parent | None = parent


class Context:
    """Tells its parent when it has finished, by a function with a default argument."""

    def __init__(self, parent_context: Context | None = None) -> None:
        self.parent_context = parent_context
        self.subtasks: list[Context] = []
        self.callbacks: list[Callable[..., None]] = []

    def delegate(self) -> None:
        child = Context(self)
        child.callbacks.append(lambda result, ctx=self: ctx.on_result(result))
        self.subtasks.append(child)

    def on_result(self, result: object) -> None: ...


def delegated() -> Context:
    root = Context()
    for _ in range(3):
        root.delegate()
    return root


class Panel:
    def __init__(self) -> None:
        self.on_done = self.done

    def done(self) -> None: ...


# Every instance has a dictionary of its own there, and one that it holds is named by that.
BY_ITS_DICTIONARY = pytest.mark.xfail(sys.version_info < (3, 11), reason="told as dict.holder[*] before 3.11")


class Lease:
    def __init__(self) -> None:
        self.holder = {"lease": self}


class Failure(Exception):
    pass


def failed() -> Failure:
    try:
        raise Failure
    except Failure as error:
        kept = error
    return kept


def closed() -> Callable[[int], int]:
    def count(depth: int) -> int:
        return count(depth - 1) if depth else 0

    return count


def waiting(world: World, make: Callable[[], object]) -> CycleCluster:
    for _ in range(4):
        make()
    found = [one for one in world.look(passes=1).clusters if one.state == "waiting"]
    assert len(found) == 1
    return found[0]


def chosen(cluster: CycleCluster) -> Cut:
    (found,) = [cut for cut in cluster.cuts if cut.recommended]
    return found


@pytest.mark.parametrize(
    ("make", "reference", "pattern"),
    [
        (Parent, "Child.parent", "parent and child"),
        (delegated, "Context.parent_context and the default argument of <lambda>()", "parent and child"),
        (Panel, "Panel.on_done", "bound method"),
        pytest.param(Lease, "Lease.holder[*]", "self-reference", marks=BY_ITS_DICTIONARY),
        (failed, "the variable kept of failed()", "exception"),
        (closed, "the closure variable count of count()", "closure"),
    ],
)
def test_the_reference_to_cut(world: World, make: Callable[[], object], reference: str, pattern: str) -> None:
    cluster = waiting(world, make)
    assert chosen(cluster).reference.replace("Context.delegate.<locals>.", "") == reference
    assert cluster.pattern == pattern
    assert cluster.count == 4
    assert chosen(cluster).freed_objects == chosen(cluster).of_objects == cluster.retained_objects


def _unparent(one: Any) -> None:
    for child in one.children:
        child.parent = None


def _undelegate(one: Any) -> None:
    for child in one.subtasks:
        child.parent_context = None
        child.callbacks[0].__defaults__ = None


CUTS: list[tuple[Callable[[], Any], Callable[[Any], object]]] = [
    (Parent, _unparent),
    (delegated, _undelegate),
    (Panel, lambda one: delattr(one, "on_done")),
    (Lease, lambda one: one.holder.clear()),
    (failed, lambda one: one.with_traceback(None)),
]


@pytest.mark.parametrize(("make", "cut"), CUTS, ids=[make.__name__ for make, _ in CUTS])
def test_what_is_cut_goes_without_the_collector(
    world: World, make: Callable[[], Any], cut: Callable[[Any], Any]
) -> None:
    """The collector is the witness: without the cut it has something to do, with it nothing."""
    assert isinstance(world, World)
    make()
    assert gc.collect() > 0
    one = make()
    cut(one)
    del one
    assert gc.collect() == 0


def test_a_cut_that_is_not_enough_frees_its_part_only(world: World) -> None:
    (partly,) = [cut for cut in waiting(world, delegated).cuts if cut.reference.startswith("the default argument")]
    assert 0 < partly.freed_objects < partly.of_objects
    assert not partly.recommended


@pytest.mark.parametrize("make", [Parent, delegated])
def test_what_keeps_the_parts_is_never_the_one_to_cut(world: World, make: Callable[[], object]) -> None:
    forward = [cut for cut in waiting(world, make).cuts if cut.reference.endswith((".children", ".subtasks"))]
    assert forward
    assert not any(cut.recommended for cut in forward)


def test_what_hangs_on_cycles_is_retained(world: World) -> None:
    cluster = waiting(world, Parent)
    hangers = cluster.retained_objects - cluster.objects
    assert hangers >= 4 * 2  # a dictionary and a list each
    assert cluster.retained_bytes > cluster.size_bytes


class Tail:
    def __init__(self) -> None:
        self.me = self


class Head:
    def __init__(self) -> None:
        self.me = self
        self.tail = Tail()


def test_what_no_other_garbage_refers_to_comes_first(world: World) -> None:
    """The tails are more, but the heads keep them."""
    for _ in range(3):
        Head().tails = [Tail(), Tail()]  # type: ignore[attr-defined]
    first, second = (one for one in world.look(passes=1).clusters if one.state == "waiting")
    assert (first.shape[0], first.is_key, second.shape[0], second.is_key) == ("Head", True, "Tail", False)
    assert first.retained_objects > first.objects + second.objects


def test_the_reference_from_outside_is_weighed_too(world: World) -> None:
    kept = [Parent(), Parent()]
    (cluster,) = [one for one in world.look(passes=1).clusters if one.state == "reachable"]
    (outside,) = [cut for cut in cluster.cuts if cut.outside]
    assert outside.freed_objects == outside.of_objects == cluster.retained_objects
    assert outside.reference == cluster.holder
    assert len(kept) == 2


def test_two_that_keep_the_same_cycles_are_both_named(world: World) -> None:
    first, second = Parent(), Parent()
    everyone, favourites = [first, second], {"one": first, "two": second}
    del first, second
    (cluster,) = [one for one in world.look(passes=1).clusters if one.state == "reachable"]
    assert "everyone[*]" in cluster.holder
    assert any("favourites[*]" in other for other in cluster.others)
    (outside,) = [cut for cut in cluster.cuts if cut.outside]
    assert (outside.freed_objects, outside.reason) == (0, "others keep them as well")
    assert len(everyone) == len(favourites)


# --- drawn webs -----------------------------------------------------------------------------------------------


def test_a_ring_in_a_ring_needs_both_cut() -> None:
    """0 -> 1 -> 0 and 0 -> 2 -> 0: one cut of either leaves the other circle."""
    heap = drawn([Node((1, 2)), Node((0,)), Node((0,))])
    found = examine(heap)
    part = np.arange(3)
    whole = web(found.roles, part, [0, 1])
    one, other = (
        Reference(f"Thing.{name}", f".{name}", np.flatnonzero(whole.sources == source))
        for name, source in (("one", 1), ("other", 2))
    )
    freed = weighed(whole, [one, other], found.roles)
    assert freed[0].references == (one, other)
    assert freed[0].is_all
    assert freed[1:] == []


def test_a_long_ring_is_weighed_without_recursion() -> None:
    count = 60_000
    heap = drawn([Node(((at + 1) % count,)) for at in range(count)])
    (cluster,) = examine(heap).clusters
    last = Reference("Thing.next", ".next", np.flatnonzero(cluster.web.sources == 7))
    (freed,) = weighed(cluster.web, [last], examine(heap).roles)
    assert (freed.objects, freed.is_all) == (count, True)
