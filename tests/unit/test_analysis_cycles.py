"""Reference cycles of programs whose every object is known: counted exactly, told by shape, and by what holds them."""

from __future__ import annotations

import dataclasses
import gc
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from memdiag.analysis.cycles.stage import examine, infrastructure
from memdiag.analysis.cycles.survival import Look, Pass, conclude
from memdiag.analysis.cycles.telling import Stage, tell
from memdiag.analysis.own import without_probe
from memdiag.model import Answers, CycleCluster, CycleEvidence, HeapGraph, Moment, TypeSurvival
from tests.heaps import Node, World, drawn

# An instance's attributes are a dictionary of its own before 3.11, and that is a member of the cycle too.
PER_INSTANCE = 2 if sys.version_info < (3, 11) else 1


class Context:
    """An object with a cycle through itself."""

    def __init__(self) -> None:
        self.me = self


class Parent:
    def __init__(self, children: int) -> None:
        self.children = [Child(self) for _ in range(children)]


class Child:
    def __init__(self, parent: Parent) -> None:
        self.parent = parent


class Library:
    """As if the standard library had made it."""

    __module__ = "asyncio.events"

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def row(evidence: CycleEvidence, kind: str) -> TypeSurvival:
    return next(one for one in evidence.by_type if one.type == kind)


def told(heap: HeapGraph) -> Stage:
    return tell(examine(heap), Answers())


def clusters(evidence: CycleEvidence, state: str, first: str) -> list[CycleCluster]:
    return [one for one in evidence.clusters if one.state == state and first in one.shape]


# --- counting -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("created", "kept"), [(200, 20), (1, 0), (7, 7), (1000, 1)])
def test_created_and_surviving_to_the_digit(world: World, created: int, kept: int) -> None:
    registry = [context for at in range(created) if (context := Context()) and at < kept]
    del context
    evidence = world.look(passes=5)
    assert row(evidence, "Context") == TypeSurvival("Context", created, kept)
    assert evidence.created == created * PER_INSTANCE
    assert evidence.surviving == kept * PER_INSTANCE, (evidence.by_type, evidence.clusters)
    assert evidence.survival_rate == pytest.approx(kept / created)
    assert [one.collected for one in evidence.passes] == [(created - kept) * PER_INSTANCE, 0, 0, 0, 0]
    assert [one.surviving for one in evidence.passes] == [kept * PER_INSTANCE] * 5
    assert evidence.passes_needed == (1 if kept < created else 0)
    assert evidence.uncollectable == 0
    assert len(registry) == kept


@pytest.mark.parametrize("how", ["in place", "portable"])
def test_a_heap_that_is_walked_in_place_says_the_same(world: World, how: str) -> None:
    """As on macOS, where the process cannot be copied, and where C cannot be called directly."""
    registry = [context for at in range(50) if (context := Context()) and at < 5]
    for _ in range(3):
        Parent(2)
    del context
    evidence = world.look(passes=3, how=how)
    assert row(evidence, "Context") == TypeSurvival("Context", 50, 5)
    assert row(evidence, "Parent") == TypeSurvival("Parent", 3, 0)
    assert evidence.surviving == 5 * PER_INSTANCE  # to ask for names has made no dictionary of anyone's attributes
    (parents,) = clusters(evidence, "waiting", "Parent")
    assert [cut.reference for cut in parents.cuts if cut.recommended] == ["Child.parent"]
    assert [one.surviving for one in evidence.passes] == [evidence.surviving] * 3
    assert len(registry) == 5


@pytest.mark.parametrize("collect_every", [3, 50, 1000])
def test_collections_in_between_change_nothing(world: World, collect_every: int) -> None:
    """What collections during the run reclaimed was created as well, whenever they came."""
    registry: list[Context] = []

    def work() -> None:
        for at in range(200):
            context = Context()
            if at % 10 == 0:
                registry.append(context)
            if at % collect_every == collect_every - 1:
                gc.collect(at % 3)

    (evidence,) = world.looks([work])
    assert row(evidence, "Context") == TypeSurvival("Context", 200, 20)
    assert evidence.created == 200 * PER_INSTANCE
    assert evidence.reclaimed_before == evidence.created - PER_INSTANCE * 20 - evidence.passes[0].collected


def test_a_later_look_counts_what_an_earlier_one_reclaimed(world: World) -> None:
    registry: list[Context] = []

    def work() -> None:
        for at in range(100):
            context = Context()
            if at % 10 == 0:
                registry.append(context)

    first, second = world.looks([work, work, lambda: None])  # after the third there is nothing new: it is unwinding
    assert row(first, "Context") == TypeSurvival("Context", 100, 10)
    assert row(second, "Context") == TypeSurvival("Context", 200, 20)


def test_a_program_without_a_cycle_of_its_own_gets_none(world: World) -> None:
    kept: list[Any] = [object(), {"key": [1, 2, 3]}, types.SimpleNamespace(x=1)]
    kept.append({"all": list(kept)})
    evidence = world.look(passes=2)
    assert evidence.created == 0
    assert evidence.clusters == ()
    assert evidence.by_type == ()
    assert evidence.survival_rate == 0.0
    assert [one.collected for one in evidence.passes] == [0, 0]


def test_objects_that_merely_hang_on_a_cycle_are_not_members(world: World) -> None:
    for _ in range(5):
        context = Context()
        context.hanger = [Child(None)]  # type: ignore[arg-type,attr-defined]
    del context
    evidence = world.look(passes=1)
    assert evidence.created == 5 * PER_INSTANCE
    assert {one.type for one in evidence.by_type} <= {"Context", "dict"}


def test_cycles_of_the_standard_librarys_making_are_left_out(world: World) -> None:
    kept = [Library() for _ in range(4)]
    for _ in range(6):
        Library()
    evidence = world.look(passes=1)
    assert evidence.created == 0
    assert evidence.clusters == ()
    assert evidence.library_objects >= 4 * PER_INSTANCE
    assert len(kept) == 4


def test_a_cycle_of_both_the_programs_and_the_librarys_objects_is_the_programs(world: World) -> None:
    for _ in range(3):
        ours, theirs = Context(), Library()
        ours.me, theirs.me = theirs, ours  # type: ignore[assignment]
    del ours, theirs
    evidence = world.look(passes=1)
    assert row(evidence, "Context").created == 3
    assert row(evidence, "Library").created == 3


def test_cycles_of_plain_containers_count(world: World) -> None:
    """They do not say where they come from, and a program may well make them."""
    for _ in range(4):
        one: list[object] = []
        other = {"one": one}
        one.append(other)
    del one, other
    evidence = world.look(passes=1)
    assert (row(evidence, "list").created, row(evidence, "dict").created) == (4, 4)


def test_rows_come_with_the_programs_classes_first(world: World) -> None:
    kept = [Parent(2) for _ in range(3)]
    for _ in range(9):
        Context()
    evidence = world.look(passes=1)
    names = [one.type for one in evidence.by_type]
    assert names[:3] == ["Child", "Parent", "Context"]
    assert set(names[3:]) <= {"list", "dict"}
    assert [one.surviving for one in evidence.by_type[:3]] == [6, 3, 0]
    assert len(kept) == 3


# --- passes ---------------------------------------------------------------------------------------------------


class Reborn:
    """Its end makes another cycle, as many times as it is told."""

    def __init__(self, times: int) -> None:
        self.me = self
        self.times = times

    def __del__(self) -> None:
        if self.times:
            Reborn(self.times - 1)


def test_finalizers_that_make_new_garbage_need_more_passes(world: World) -> None:
    for _ in range(10):
        Reborn(2)
    evidence = world.look(passes=5)
    assert [one.collected for one in evidence.passes] == [10 * PER_INSTANCE] * 3 + [0, 0]
    assert [one.surviving for one in evidence.passes] == [10 * PER_INSTANCE] * 2 + [0, 0, 0]
    assert evidence.passes_needed == 3
    assert evidence.surviving == 0
    assert row(evidence, "Reborn").surviving == 0


class Revived:
    kept: list[Any] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        self.kept.append(self)


def test_what_a_finalizer_revives_survives(world: World) -> None:
    for _ in range(6):
        Revived()
    try:
        evidence = world.look(passes=3)
        assert row(evidence, "Revived") == TypeSurvival("Revived", 6, 6)
        assert [one.collected for one in evidence.passes] == [0, 0, 0]
        (survivors,) = clusters(evidence, "reachable", "Revived")
        assert survivors.count == 6
    finally:
        Revived.kept.clear()


@pytest.fixture
def _saving() -> Iterator[None]:
    gc.collect()  # what other tests have left behind
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()


@pytest.mark.usefixtures("_saving")
def test_what_the_collector_cannot_free(world: World) -> None:
    """``DEBUG_SAVEALL`` keeps what would have been freed in ``gc.garbage``: nothing was reclaimed by that."""
    for _ in range(8):
        Context()
    evidence = world.look(passes=2)
    assert dict(evidence.uncollectable_types)["Context"] == 8
    assert evidence.uncollectable == sum(count for _, count in evidence.uncollectable_types)
    assert row(evidence, "Context") == TypeSurvival("Context", 8, 8)
    assert [one.collected for one in evidence.passes] == [0, 0]
    assert evidence.survival_rate <= 1
    assert sum(one.count for one in clusters(evidence, "uncollectable", "Context")) == 8
    assert clusters(evidence, "waiting", "Context") == []
    assert clusters(evidence, "reachable", "Context") == []


def test_conclusions_are_drawn_from_the_stages_that_were_written() -> None:
    """A pass that freed nothing is not looked at again: the stage before it still holds."""
    first, second = told(drawn([Node((1,)), Node((0,))])), told(drawn([Node((), held=1)]))
    passes = [Pass(1, 0), Pass(2, 2), Pass(3, 0)]
    evidence = conclude(Look(Moment(1.0, "exit"), {0: first, 2: second}, passes, {"Thing": 3}, gc_enabled=False))
    assert [(one.collected, one.surviving) for one in evidence.passes] == [(0, 2), (2, 0), (0, 0)]
    assert evidence.created == 5
    assert evidence.by_type == (TypeSurvival("Thing", 5, 0),)
    assert not evidence.gc_enabled


def test_a_look_without_passes() -> None:
    evidence = conclude(Look(Moment(1.0, "exit"), {0: told(drawn([Node((1,)), Node((0,))]))}, [], {}))
    assert evidence.created == 2
    assert evidence.passes == ()
    assert evidence.surviving == 0


@pytest.mark.skipif(sys.version_info < (3, 11), reason="3.10 needs a profile function, which disturbs this")
def test_the_looks_own_lists_do_not_become_garbage(world: World) -> None:
    """A profile function has copies of all locals made, which outlive the frames where a list of everything is one.

    Before 3.11 the probe has such a function itself; a program or a debugger may have one at any time.
    """
    sys.setprofile(lambda *_: None)
    try:
        evidence = world.look(passes=3)
    finally:
        sys.setprofile(None)
    assert [one.freed_objects for one in evidence.passes] == [0, 0, 0]
    assert evidence.passes_needed == 0


# --- what is no cycle -----------------------------------------------------------------------------------------


def test_a_class_and_its_functions_are_no_cycle(world: World) -> None:
    """Instance, class, function, globals, registry, instance: a whole heap runs in circles like that."""
    source = "class Service:\n    def serve(self): return registry\nregistry = [Service(), Service()]\n"
    module: Any = types.ModuleType("app")
    exec(source, vars(module))
    evidence = world.look(passes=1)
    assert [one for one in evidence.clusters if "Service" in one.shape] == []


def test_infrastructure_is_taken_out_and_garbage_classes_are_not() -> None:
    """A class that is garbage itself, with all that belongs to it, waits for the collector like anything else."""
    living = [
        Node((1,), held=1, type="module", role="module", home="builtins"),
        Node((2,), type="dict", home="builtins"),
        Node((3, 4), type="type", role="class", home="builtins"),
        Node((2,), type="dict", home="builtins"),
        Node((2,), type="Service"),
    ]
    lost = [Node((6,), type="type", role="class", home="builtins"), Node((5,), type="dict", home="builtins")]
    found = examine(drawn([*living, *lost]))
    assert infrastructure(found.roles).tolist() == [True, True, True, True, False, True, True]
    assert found.living.tolist() == [False] * 7
    assert found.waiting.tolist() == [False] * 5 + [True] * 2


def test_what_belongs_to_memdiag_is_left_out() -> None:
    heap = drawn([Node((1,), held=1, home="_memdiag_probe.sampler"), Node((0,), home="builtins", type="dict")])
    own = dataclasses.replace(heap, own=np.array([0], np.int32))
    assert told(without_probe(own)).members == 0


def test_the_questions_are_those_that_the_report_needs() -> None:
    heap = drawn(
        [
            Node((1,), held=1, type="module", role="module", home="builtins"),
            Node((2,)),
            Node((1,)),
            Node((4,)),
            Node((3,)),
        ]
    )
    asked = examine(heap).questions
    place = {int(key): at for at, key in enumerate(heap.ids.tolist())}
    assert {(place[a], place[b]) for a, b in asked.edges} == {(0, 1), (1, 2), (2, 1), (3, 4), (4, 3)}
    assert {0, 1} <= {place[key] for key in asked.objects if key in place}
