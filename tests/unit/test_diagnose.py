"""What the findings mean for the run as a whole: the verdict, the headline, and how cycles are told."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from memdiag.analysis.diagnose import diagnose_run
from memdiag.model import (
    Capture,
    Sample,
    TargetInfo,
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
