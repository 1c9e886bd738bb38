"""What the findings mean for the run as a whole: the verdict, the headline, and how cycles are told."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from memdiag.analysis.diagnose import diagnose_cycles, diagnose_run, draw
from memdiag.model import (
    Capture,
    CycleCluster,
    CycleEvidence,
    Finding,
    Moment,
    PassResult,
    Report,
    Sample,
    TargetInfo,
    TypeSurvival,
)
from tests.heaps import run_of, stack, traces

LINE = "/app/app.py:10"
SOURCES = {LINE: ("Manager.add", "self.history.append(dict(item))")}
STEADY = [at * 100_000 for at in range(24)]
SAMPLES = [Sample(t_s=float(at)) for at in range(24)]


def traced(series: list[int], **more: Any) -> Capture:
    return run_of(traces({stack(LINE): series}), sources=SOURCES, samples=SAMPLES, **more)


# --- runs -----------------------------------------------------------------------------------------------------


def test_a_run_that_leaks() -> None:
    report = diagnose_run(traced(STEADY))
    assert report.command == "run"
    assert report.verdict == "suspect"
    assert len(report.findings) == 1
    assert report.headline.startswith("app.py: what Manager.add makes keeps growing")
    assert [row.growth_bytes for row in report.rows] == [STEADY[-1]]
    assert report.samples == tuple(SAMPLES)
    assert report.tracer == "tracemalloc"


def test_a_run_that_does_not() -> None:
    report = diagnose_run(traced([500_000] * 24))
    assert report.verdict == "clean"
    assert report.findings == ()
    assert "nothing keeps growing" in report.headline


@pytest.mark.parametrize(
    "capture",
    [
        traced([0, 100_000, 200_000]),
        traced([500_000]),
        run_of(samples=SAMPLES),
        run_of(),
        traced([500_000] * 24, status=None),
        dataclasses.replace(traced([500_000] * 24), samples=()),
        run_of(traces({}, times=[])),
    ],
    ids=["three moments", "one moment", "not traced", "nothing at all", "no end", "no samples", "no moments"],
)
def test_a_run_of_which_nothing_can_be_said(capture: Capture) -> None:
    """No news is no good news: too little to see a leak by must not read as clean."""
    report = diagnose_run(capture)
    assert report.verdict == "inconclusive"
    assert report.findings == ()
    assert report.headline.startswith("app.py: ")


def test_a_leak_is_told_even_of_a_run_that_was_killed() -> None:
    assert diagnose_run(traced(STEADY, status=-9)).verdict == "suspect"


def test_garbage_that_waits_is_told_apart() -> None:
    found = traces({stack(LINE): STEADY}, awaiting={stack(LINE): STEADY[-1]})
    report = diagnose_run(run_of(found, sources=SOURCES, samples=SAMPLES))
    assert report.verdict == "clean"
    assert report.awaiting_bytes == STEADY[-1]


def test_several_findings_are_counted_in_the_headline() -> None:
    found = traces({stack(f"/app/{name}.py:1"): STEADY for name in "abc"})
    report = diagnose_run(run_of(found, samples=SAMPLES))
    assert len(report.findings) == 3
    assert report.headline.endswith("(3 findings)")


def test_handles_are_found_without_traces() -> None:
    samples = [Sample(t_s=float(at), fds=at) for at in range(40)]
    report = diagnose_run(run_of(samples=samples))
    assert report.verdict == "suspect"
    assert [one.kind for one in report.findings] == ["resource"]


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("app.py", "--secret", "token"), "app.py"),
        (("-m", "app.server", "--port", "1"), "-m app.server"),
        (("-c", "print(1)"), "-c print(1)"),
        ((), "the program"),
    ],
)
def test_what_the_program_is_called(argv: tuple[str, ...], name: str) -> None:
    capture = dataclasses.replace(traced(STEADY), target=TargetInfo(argv=argv, exit_status=0, duration_s=1.0))
    assert diagnose_run(capture).headline.startswith(f"{name}: ")


def test_notes_are_passed_on() -> None:
    assert diagnose_run(traced(STEADY, notes=("cut short",))).notes == ("cut short",)


# --- cycles ---------------------------------------------------------------------------------------------------

PARENT = CycleCluster(
    ("Parent", "list", "Child"), (".children", "[*]", ".parent"), 2, 6, 600, "reachable", "app.kept[*]"
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
    assert "2 cycles Parent.children -> list[*] -> Child.parent -> Parent" in found.title
    assert "6 objects" in found.title
    assert found.holder is not None
    assert found.holder.path == "app.kept[*]"
    assert "app.kept[*]" in found.why
    assert "app.kept[*]" in found.fix
    assert "Child.parent a weak reference" in found.fix
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


@pytest.mark.parametrize(
    ("shape", "edges", "cut"),
    [
        (("Parent", "list", "Child"), (".children", "[*]", ".parent"), "Child.parent"),
        (("Child", "Parent", "list"), (".parent", ".children", "[*]"), "Child.parent"),
        (("Node", "Link"), (".link", ".node"), "Link.node"),
        (("Agent", "Task"), (".task", ".owner"), "Task.owner"),
        (("Task", "Agent"), (".owner", ".task"), "Task.owner"),
    ],
)
def test_the_reference_to_weaken_points_back(shape: tuple[str, ...], edges: tuple[str, ...], cut: str) -> None:
    found = one_finding(cluster(shape=shape, edges=edges))
    assert f"{cut} a weak reference" in found.fix


@pytest.mark.parametrize(("shape", "edges"), [(("list", "dict"), ("[*]", "[*]")), ((), ()), (("Node",), ("",))])
def test_a_cycle_without_names_is_told_too(shape: tuple[str, ...], edges: tuple[str, ...]) -> None:
    found = one_finding(cluster(shape=shape, edges=edges))
    assert found.title
    assert "weak reference" not in found.fix


def test_stored_exceptions_are_named_as_such() -> None:
    shape, edges = ("KeyError", "traceback", "frame"), (".__traceback__", ".tb_frame", ".f_locals[*]")
    found = one_finding(cluster(shape=shape, edges=edges, objects=300), created=300, surviving=300)
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
