"""Handles that pile up, and what only looks like it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from memdiag.analysis.resources import findings, merged, retyped
from memdiag.model import (
    Books,
    Capture,
    Finding,
    Growing,
    Handles,
    HeapEvidence,
    Holder,
    Moment,
    Opening,
    Sample,
    Site,
    TypeSeries,
)
from tests.heaps import run_of

COUNT = 40
RISING = list(range(3, 3 + COUNT))
FLAT = [5] * COUNT


def found(end_s: float | None = None, **series: Any) -> list[Finding]:
    """The findings of a run whose samples, a tenth of a second apart, have these values."""
    columns = [dict(zip(series, row, strict=True)) for row in zip(*series.values(), strict=True)] or [{}] * COUNT
    samples = [Sample(t_s=at / 10, **row) for at, row in enumerate(columns)]
    return findings(run_of(samples=samples, end_s=end_s))


# --- handles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("field", "noun"), [("fds", "descriptors"), ("threads", "threads"), ("children", "processes")])
def test_handles_that_pile_up(field: str, noun: str) -> None:
    series: dict[str, Any] = {field: RISING}
    (one,) = found(**series)
    assert (one.kind, one.verdict) == ("resource", "suspect")
    assert noun in one.title
    assert "3 at the start" in one.title
    assert "42 at the end" in one.title
    assert one.growing.per_second == pytest.approx(10, rel=0.05)
    assert one.growing.counts[0] == 3
    assert one.growing.counts[-1] == 42
    assert 0.4 <= one.confidence <= 0.9
    assert one.fix


def test_several_kinds_are_several_findings_with_their_own_names() -> None:
    both = found(fds=RISING, threads=RISING, children=RISING)
    assert len({one.id for one in both}) == 3


@pytest.mark.parametrize(
    "values",
    [
        FLAT,
        RISING[::-1],
        [3 + at % 15 for at in range(COUNT)],
        [min(3 + 3 * at, 23) for at in range(COUNT)],
        [3] * 20 + [60] * 20,
        [3 + at // 5 for at in range(COUNT)],
        [*RISING[:-1], 3],
    ],
    ids=["flat", "falling", "saw", "a pool that fills", "a step", "too few to matter", "closed at the end"],
)
def test_handles_that_do_not(values: list[int]) -> None:
    assert found(fds=values) == []


def test_what_was_not_measured_is_not_judged() -> None:
    assert found() == []
    assert found(fds=[None] * COUNT) == []
    assert findings(run_of()) == []


def test_gaps_in_what_was_measured() -> None:
    (one,) = found(fds=[value if value % 3 else None for value in RISING])
    assert "42" not in one.title
    assert one.growing.counts[-1] == 41


def test_what_comes_after_the_end_of_the_work_is_its_unwinding() -> None:
    """main() is over and everything is let go of; that must not hide what piled up until then."""
    closed = [*RISING[:30], *[3] * 10]
    assert found(fds=closed) == []
    (one,) = found(end_s=2.9, fds=closed)
    assert one.growing.counts[-1] == RISING[29]


def test_a_finding_is_not_drowned_in_figures() -> None:
    samples = [Sample(t_s=at / 100, fds=at) for at in range(10_000)]
    (one,) = findings(run_of(samples=samples))
    assert len(one.growing.counts) <= 50
    assert one.growing.counts[-1] == 9999


# --- by kind, and whose they are ------------------------------------------------------------------------------


def handles(**columns: Sequence[int]) -> tuple[Handles, ...]:
    """Readings a tenth of a second apart; the columns are kinds, and ``threads``, ``children`` and ``zombies``."""
    plain = ("threads", "children", "zombies")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return tuple(
        Handles(
            at / 10,
            tuple((name.replace("_", " "), count) for name, count in row.items() if name not in plain and count),
            **{name: row[name] for name in plain if name in row},
        )
        for at, row in enumerate(rows)
    )


def run_with(
    readings: tuple[Handles, ...],
    *openings: Opening,
    types: Mapping[str, Sequence[int]] | None = None,
    peers: tuple[tuple[str, int], ...] = (),
    samples: Sequence[Sample] = (),
) -> Capture:
    moments = tuple(Moment(at * 3.9 / 9, "sample") for at in range(10))
    series = tuple(TypeSeries(name, tuple(counts), tuple(counts)) for name, counts in (types or {}).items())
    heap = HeapEvidence(moments, (), types=series)
    books = Books(handles=readings, openings=openings, peers=peers)
    return dataclasses.replace(run_of(heap=heap, samples=samples), books=books)


def growth(kind: str, counts: Sequence[int], pattern: str = "history") -> Finding:
    return Finding(
        id="x",
        kind="growth",
        pattern=pattern,
        rule="MEM-005",
        verdict="leak",
        confidence=0.9,
        title="Desk.open only ever grows",
        why="It grew.",
        fix="Bound it.",
        holder=Holder("app.desk.open", "list", "Desk.open"),
        growing=Growing(kind, tuple(counts), (), 10.0),
        retained_bytes=1000,
        sites=(Site("app.py", 3),),
    )


OPENED = Opening("/app/app.py", 7, "Desk.ask", "channel = socket.socket()", ("socket",), "kept")
SKIPPED = Opening("/app/app.py", 7, "read", "fd = os.open(path)", ("file",), "closed", 9)
STEADY = [2 * at for at in range(COUNT)]
TEN = [round(at * 39 / 9) for at in range(10)]  # at ten moments of the same run, one object for two handles


def test_each_kind_of_descriptor_is_a_finding_with_its_line() -> None:
    capture = run_with(handles(device=FLAT, socket=STEADY), OPENED, SKIPPED, peers=(("tcp 10.0.0.1:5432, open", 70),))
    (one,) = findings(capture)
    assert (one.kind, one.verdict, one.rule) == ("resource", "suspect", "MEM-004")
    assert "open sockets pile up: 0 at the start, 78 at the end (opened at app.py:7)" in one.title
    assert one.sites == (Site("/app/app.py", 7, "Desk.ask", source="channel = socket.socket()"),)
    assert "70, are tcp 10.0.0.1:5432" in one.why
    assert "app.py:7" in one.fix


def test_who_keeps_them() -> None:
    held = [growth("Note", [0] * 10), growth("Channel", TEN)]
    (one,) = findings(run_with(handles(socket=STEADY), OPENED), held)
    assert (one.verdict, one.holder) == ("leak", held[1].holder)
    assert one.growing.type == "Channel"
    assert "2 for each" in one.why
    assert merged([one], held) == []


def test_objects_that_grow_at_another_rate_do_not_keep_them() -> None:
    (one,) = findings(run_with(handles(socket=STEADY), OPENED), [growth("Note", [0, 0, 0, 0, 0, 0, 5, 20, 40, 78])])
    assert one.holder is None
    assert one.verdict == "suspect"


@pytest.mark.parametrize(
    ("column", "words"),
    [("threads", "threads pile up"), ("children", "child processes pile up"), ("zombies", "not waited for")],
)
def test_threads_and_processes_by_readings(column: str, words: str) -> None:
    series: dict[str, Sequence[int]] = {"pipe": FLAT, column: STEADY}
    (one,) = findings(run_with(handles(**series)))
    assert words in one.title
    assert one.rule == "MEM-001"


def test_what_only_an_error_leaves_open_breaks_another_rule() -> None:
    (one,) = findings(run_with(handles(file=STEADY), SKIPPED))
    assert one.rule == "MEM-003"
    assert "app.py:7 opens what line 9 closes, not in finally" in one.why


def test_with_exceptions_that_are_kept_go_the_handles_of_what_they_came_out_of() -> None:
    (one,) = findings(run_with(handles(socket=STEADY), OPENED), [growth("TimeoutError", TEN, "exception")])
    assert one.rule == "MEM-003"


def test_objects_that_are_handles_are_resource_findings() -> None:
    (one,) = retyped([growth("sqlite3.Connection", TEN)], run_with(()))
    assert (one.kind, one.rule, one.id) == ("resource", "MEM-001", "x")
    assert "contextlib.closing" in one.fix


def test_objects_that_each_hold_handles_are_resource_findings_though_these_were_seen_but_now_and_then() -> None:
    few = handles(pipe=[3, 3, 80])
    types = {"_io.FileIO": [5 + 2 * count for count in TEN], "str": [100] * 10}
    (one,) = retyped([growth("Conversion", TEN)], run_with(few, types=types))
    assert (one.kind, one.rule) == ("resource", "MEM-004")
    assert "Each has 2 _io.FileIO" in one.why


@pytest.mark.parametrize(
    ("types", "readings"),
    [
        ({"_io.FileIO": [5] * 10}, [3, 3, 80]),
        ({"_io.FileIO": [5 + count * count for count in TEN]}, [3, 3, 80]),
        ({"_io.FileIO": [5 + 2 * count for count in TEN]}, [3, 3, 4]),
    ],
    ids=["none", "not in step", "closed"],
)
def test_objects_that_hold_none(types: dict[str, Sequence[int]], readings: list[int]) -> None:
    held = [growth("Conversion", TEN)]
    assert retyped(held, run_with(handles(pipe=readings), types=types)) == held


def test_what_only_the_collector_closes_is_told_though_nothing_is_open_at_the_end() -> None:
    saw = [3 + at % 10 * 4 for at in range(COUNT)]
    samples = [Sample(at / 10, gc_collections=at // 10) for at in range(COUNT)]
    (one,) = findings(run_with(handles(socket=[*saw[:-1], 3]), OPENED, samples=samples))
    assert (one.kind, one.pattern, one.verdict) == ("resource", "late-closing", "info")
    assert "only the collector closes open sockets" in one.title
    assert findings(run_with(handles(socket=saw), OPENED)) == []  # the collector never came: the program closes them


# --- at no even rate ------------------------------------------------------------------------------------------

UNEVEN = [1, 1, 1, 1, 1, 1, 1, 1, 12, 20, 51, 75, 140, 193]
AT = [0.007, 0.011, 0.017, 0.023, 0.029, 0.034, 0.041, 0.044, 0.055, 0.084, 0.107, 0.122, 0.164, 0.21]


def readings_of(threads: Sequence[int]) -> Capture:
    readings = tuple(Handles(t_s, (("pipe", 3),), threads=count) for t_s, count in zip(AT, threads, strict=True))
    return dataclasses.replace(run_of(), books=Books(handles=readings))


def test_what_comes_in_each_part_of_a_short_run_piles_up_though_at_no_even_rate() -> None:
    (one,) = findings(readings_of(UNEVEN))
    assert "threads pile up: 1 at the start, 193 at the end" in one.title


@pytest.mark.parametrize(
    "threads",
    [
        [*UNEVEN[:-2], 76, 77],
        [1, 30, 60, 90, 120, 150, 160, 170, 180, 184, 188, 190, 191, 192],
        [*UNEVEN[:-3], 20, 140, 193],
        [*[1] * 13, 193],
    ],
    ids=["it slows", "a pool that fills", "taken back in between", "at once"],
)
def test_what_fills_or_comes_and_goes_does_not(threads: list[int]) -> None:
    assert findings(readings_of(threads)) == []


# --- temporary files and directories --------------------------------------------------------------------------

MADE = Opening("/app/app.py", 5, "render", "d = tempfile.mkdtemp()", ("temporary",), "never")


def test_temporary_directories_that_stay_are_the_programs_where_its_source_makes_them() -> None:
    readings = tuple(Handles(at / 10, (("pipe", 3),), temporaries=5 * at) for at in range(COUNT))
    (one,) = findings(run_with(readings, MADE))
    assert "temporary files and directories pile up: 0 at the start, 195 at the end (opened at app.py:5)" in one.title
    assert "remove it in finally" in one.fix
    assert findings(run_with(readings)) == []  # any process may have made them


def test_temporary_files_that_are_open_are_told_once() -> None:
    made = dataclasses.replace(MADE, text="part = tempfile.NamedTemporaryFile()", kinds=("file", "temporary"))
    readings = tuple(Handles(at / 10, (("temporary file", 3 + 5 * at),), temporaries=5 * at) for at in range(COUNT))
    (one,) = findings(run_with(readings, made))
    assert one.title.startswith("open temporary files pile up")


# --- kinds and fixes ------------------------------------------------------------------------------------------


def test_of_few_readings_the_kind_that_most_are_of_is_named() -> None:
    samples = [Sample(t_s=at / 10, fds=value) for at, value in enumerate(RISING)]
    pair = Opening("/app/app.py", 3, "relay", "r, w = os.pipe()", ("pipe",), "never")
    (one,) = findings(run_with(handles(pipe=[1, 30], file=[2, 2]), pair, samples=samples))
    assert "open pipes pile up" in one.title
    assert "app.py:3" in one.title


def test_the_fix_is_of_what_is_kept() -> None:
    (one,) = findings(run_with(handles(threads=STEADY, pipe=FLAT)), [growth("ThreadPoolExecutor", TEN)])
    assert "shutdown() it in finally" in one.fix
    assert "Close what is opened at app.py:3" in one.fix
