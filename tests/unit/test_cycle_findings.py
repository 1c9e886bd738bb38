"""What is said of reference cycles: which verdict, why, and what to do."""

from __future__ import annotations

import dataclasses
import gc
from typing import Any

import pytest

from memdiag.analysis.cycles.findings import diagnose_cycles, draw, of_cycles
from memdiag.analysis.owner import UNCALLED
from memdiag.model import (
    CollectorCost,
    Cut,
    CycleCluster,
    CycleEvidence,
    Finding,
    Moment,
    OwnerFacts,
    PassResult,
    Report,
    Site,
    Touch,
    TypeSurvival,
)
from tests.heaps import run_of

PARENT = CycleCluster(
    ("Parent", "list", "Child"), (".children", "[*]", ".parent"), 3, 6, 600, "reachable", "app.kept[*]"
)


def cluster(state: Any = "reachable", **more: Any) -> CycleCluster:
    return dataclasses.replace(PARENT, state=state, **more)


def evidence(*clusters: CycleCluster, created: int = 20, surviving: int = 6, uncollectable: int = 0) -> CycleEvidence:
    return CycleEvidence(
        moment=Moment(9.0, "end of main()"),
        created=created,
        passes=(PassResult(1, created - surviving, surviving, created - surviving), PassResult(2, 0, surviving, 0)),
        by_type=(TypeSurvival("Parent", created, surviving), TypeSurvival("Child", created, surviving)),
        clusters=clusters,
        uncollectable=uncollectable,
    )


def cycles_of(*looks: CycleEvidence) -> Report:
    return diagnose_cycles(dataclasses.replace(run_of(), command="cycles", cycles=looks))


def one_finding(*args: CycleCluster, **more: Any) -> Finding:
    (found,) = cycles_of(evidence(*args, **more)).findings
    return found


def test_cycles_that_survive_while_others_go() -> None:
    report = cycles_of(evidence(cluster()))
    (found,) = report.findings
    assert report.verdict == "suspect"
    assert (found.kind, found.verdict) == ("cycle", "suspect")
    assert "3 cycles Parent.children -> list[*] -> Child.parent -> Parent" in found.title
    assert "6 objects" in found.title
    assert found.holder is not None
    assert found.holder.path == "app.kept[*]"
    assert "app.kept[*]" in found.why
    assert "app.kept[*]" in found.fix
    assert "6 survive 2 passes (30.0 %)" in report.headline


def test_where_none_ever_goes_they_may_be_what_the_program_is() -> None:
    report = cycles_of(evidence(cluster(), created=6, surviving=6))
    assert report.verdict == "clean"
    assert report.findings[0].verdict == "info"
    assert "100.0 %" in report.headline


def test_cycles_that_wait_are_late_and_not_leaked() -> None:
    report = cycles_of(evidence(cluster("waiting", holder=""), surviving=0))
    assert report.verdict == "clean"
    assert report.findings[0].verdict == "info"
    assert "late, not leaked" in report.findings[0].why
    assert report.findings[0].holder is None


def test_cycles_that_cannot_be_freed_are_a_leak() -> None:
    report = cycles_of(evidence(cluster("uncollectable", holder=""), uncollectable=6))
    assert report.verdict == "leak"
    assert (report.findings[0].kind, report.findings[0].verdict) == ("uncollectable", "leak")
    assert "gc.garbage" in report.findings[0].why


def test_each_cluster_is_a_finding_with_a_name_of_its_own() -> None:
    other = cluster(shape=("Node",), edges=(".me",))
    found = cycles_of(evidence(cluster(), other)).findings
    assert len({one.id for one in found}) == len(found) == 2


def test_a_name_does_not_depend_on_amounts() -> None:
    assert one_finding(cluster(count=9, objects=27, size_bytes=1)).id == one_finding(cluster()).id
    assert one_finding(cluster(edges=(".others", "[*]", ".parent"))).id != one_finding(cluster()).id


CUT = Cut("Child.parent", 6, 700, 6, recommended=True, reason="it points back", sites=(Site("/app/shop.py", 12),))


def test_the_reference_to_cut_is_named_with_its_line_and_why() -> None:
    found = one_finding(cluster(cuts=(CUT,)))
    assert (
        "Child.parent is the one to cut: it points back. Make Child.parent (shop.py:12) a weak reference" in found.fix
    )
    assert found.fix.startswith("Remove them from app.kept[*] when done with.")


def test_what_a_cut_of_garbage_frees_is_told() -> None:
    found = one_finding(cluster("waiting", holder="", cuts=(CUT,)), surviving=0)
    assert "that frees all 6 objects at once, without the collector" in found.fix


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("the self of the bound method Panel.on", "Hold the bound method Panel.on by a weakref.WeakMethod"),
        ("the closure variable ctx of <lambda>()", "Do not let the function close over it"),
        ("the variable item of walk()", "close the generator or task"),
        ("A.one and B.two", "Cut A.one and B.two: each a weak reference"),
        ("the items of the list", "Clear the list"),
    ],
)
def test_each_kind_of_reference_is_cut_in_its_own_way(reference: str, words: str) -> None:
    cut = dataclasses.replace(CUT, reference=reference, sites=())
    assert words in one_finding(cluster("waiting", holder="", cuts=(cut,)), surviving=0).fix


def test_it_is_said_when_no_cut_frees_anything() -> None:
    partly = dataclasses.replace(CUT, freed_objects=2, recommended=False)
    assert "No single reference" in one_finding(cluster("waiting", holder="", cuts=(partly,)), surviving=0).fix


# --- what holds the survivors ---------------------------------------------------------------------------------

ADDS = Touch("/app/shop.py", 30, "Shop.sell", "self.kept.append(parent)", "append")
EVICTS = Touch("/app/shop.py", 31, "Shop.sell", "if len(self.kept) > 100:", "len check, limit=100")
REMOVES = Touch("/app/shop.py", 40, "Shop.close", "self.kept.remove(parent)", "remove")


@pytest.mark.parametrize(
    ("trend", "source", "verdict"),
    [
        ("steady", OwnerFacts(adds=(ADDS,), read=True), "leak"),
        ("steady", OwnerFacts(adds=(ADDS,), removes=(REMOVES,), read=True), "suspect"),
        ("steady", OwnerFacts(), "suspect"),
        ("flat", OwnerFacts(adds=(ADDS,), read=True), "info"),
        ("levelled", OwnerFacts(), "info"),
        ("", OwnerFacts(adds=(ADDS,), bounds=(EVICTS,), read=True), "bounded"),
        ("", OwnerFacts(adds=(ADDS,), removes=(REMOVES,), read=True), "info"),
        ("too short", OwnerFacts(adds=(ADDS,), read=True), "suspect"),
        ("", OwnerFacts(), "suspect"),
    ],
)
def test_survivors_are_judged_by_what_holds_them(trend: str, source: OwnerFacts, verdict: str) -> None:
    found = one_finding(cluster(holder_trend=trend, holder_source=source, holder_counts=(1, 2, 3, 4, 5)))
    assert found.verdict == verdict
    assert ("Nothing needs to be done" in found.fix) == (verdict in ("info", "bounded"))


def test_a_removal_that_nothing_calls_is_none() -> None:
    unreached = dataclasses.replace(REMOVES, how=f"remove, in close(), {UNCALLED}this file calls")
    source = OwnerFacts(adds=(ADDS,), removes=(unreached,), read=True)
    assert one_finding(cluster(holder_source=source)).verdict == "suspect"


def test_one_that_a_variable_holds_is_what_the_program_is_at_work_with() -> None:
    assert one_finding(cluster(count=1, holder="app.main() local tree")).verdict == "info"
    assert one_finding(cluster(count=2, holder="app.trees[*]")).verdict == "info"
    assert one_finding(cluster(count=3, holder="app.trees[*]")).verdict == "suspect"


def test_the_revived_were_brought_back_by_a_finalizer() -> None:
    found = one_finding(cluster(revived=6, finalizer="Parent.__del__"))
    assert found.verdict == "suspect"
    assert "6 objects of these had been garbage, and Parent.__del__ brought them back" in found.why
    assert "Let Parent.__del__ not store the object" in found.fix


def test_what_takes_several_passes_names_the_finalizer() -> None:
    found = one_finding(cluster("slow", holder="", passes=3, finalizer="Parent.__del__"), surviving=0)
    assert found.verdict == "info"
    assert "gone after pass 3" in found.title
    assert "Parent.__del__ runs when they are found" in found.why


@pytest.mark.parametrize("state", ["waiting", "slow"])
def test_garbage_that_a_collector_will_never_come_for(state: Any) -> None:
    many = cluster(state, holder="", objects=900, retained_objects=1000, passes=1)
    off = dataclasses.replace(evidence(many, surviving=0), gc_enabled=False)
    assert [one.verdict for one in of_cycles(off)] == ["suspect"]
    assert "gc.disable()" in of_cycles(off)[0].why
    collected = dataclasses.replace(off, reclaimed_before=50)
    assert [one.verdict for one in of_cycles(collected)] == ["info"]


def test_debug_flags_and_frozen_objects_are_noted() -> None:
    odd = dataclasses.replace(
        evidence(), gc_debug=gc.DEBUG_LEAK, collector=CollectorCost(thresholds=(700, 10, 10), frozen=12)
    )
    notes = " ".join(cycles_of(odd).notes)
    assert "DEBUG_SAVEALL, which is part of gc.DEBUG_LEAK" in notes
    assert "12 objects are frozen" in notes


@pytest.mark.parametrize(("shape", "edges"), [(("list", "dict"), ("[*]", "[*]")), ((), ()), (("Node",), ("",))])
def test_a_cycle_without_names_is_told_too(shape: tuple[str, ...], edges: tuple[str, ...]) -> None:
    found = one_finding(cluster(shape=shape, edges=edges))
    assert found.title
    assert "weak reference" not in found.fix


def test_stored_exceptions_are_named_as_such() -> None:
    shape, edges = ("KeyError", "traceback", "frame"), (".__traceback__", ".tb_frame", ".f_locals[*]")
    cut = Cut("Failure.__traceback__", 300, 9000, 300, recommended=True)
    found = one_finding(
        cluster(shape=shape, edges=edges, objects=300, pattern="exception", cuts=(cut,)), created=300, surviving=300
    )
    assert found.pattern == "exception"
    assert found.verdict == "suspect"
    assert "traceback" in found.fix


def test_the_librarys_cycles_are_not_findings() -> None:
    assert cycles_of(evidence(cluster(own=False))).findings == ()


def test_a_program_without_cycles() -> None:
    report = cycles_of(evidence(created=0, surviving=0))
    assert report.verdict == "clean"
    assert "made no reference cycles" in report.headline


def test_a_run_that_was_cut_short_before_the_look() -> None:
    report = cycles_of()
    assert report.verdict == "inconclusive"
    assert "cut short" in report.headline
    assert report.survival is None


def test_the_last_look_is_told() -> None:
    first = dataclasses.replace(evidence(cluster()), created=10)
    report = cycles_of(first, evidence(cluster()))
    assert report.survival is not None
    assert report.survival.created == 20


@pytest.mark.parametrize(
    ("shape", "edges", "drawn"),
    [
        (("Node",), (".me",), "Node.me -> Node"),
        (
            ("Parent", "list", "Child"),
            (".children", "[*]", ".parent"),
            "Parent.children -> list[*] -> Child.parent -> Parent",
        ),
        ((), (), ""),
    ],
)
def test_a_cycle_on_one_line(shape: tuple[str, ...], edges: tuple[str, ...], drawn: str) -> None:
    assert draw(cluster(shape=shape, edges=edges)) == drawn
