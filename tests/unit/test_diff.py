"""What grew between two captures: every line once, with the right figures, whatever kind of file it came from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from memdiag.analysis.diff import compare
from memdiag.errors import UnreadableInput
from memdiag.model import Capture, Report, Row, Source, Stack
from tests.heaps import run_of, stack, traces

NAMES = ("before.memdiag", "after.memdiag")
A, B, C = "/app/a.py:1", "/app/b.py:2", "/app/c.py:3"


def ended(sizes: dict[Stack, int], **more: object) -> Capture:
    """A run that held this at its end."""
    return run_of(traces({one: [0, size] for one, size in sizes.items()}, **more))  # type: ignore[arg-type]


def by_file(report: Report) -> dict[str, Row]:
    found = {row.site.file: row for row in report.rows}
    assert len(found) == len(report.rows)
    return found


def test_rows_are_ranked_by_growth() -> None:
    before = ended({stack(A): 10_000, stack(B): 20_000, stack(C): 1000})
    after = ended({stack(A): 15_000, stack(B): 90_000, stack(C): 500})
    report = compare(before, after, NAMES)
    assert [(row.site.file, row.growth_bytes) for row in report.rows] == [
        ("/app/b.py", 70_000),
        ("/app/a.py", 5000),
        ("/app/c.py", -500),
    ]
    assert report.command == "diff"
    assert (report.before, report.after) == NAMES


@pytest.mark.parametrize(
    ("sizes", "status"),
    [
        ((0, 100_000), "new"),
        ((100_000, 0), "gone"),
        ((100_000, 300_000), "worse"),
        ((300_000, 100_000), "better"),
        ((100_000, 100_000), "same"),
        ((100_000, 100_300), "same"),
    ],
)
def test_status(sizes: tuple[int, int], status: str) -> None:
    before, after = (ended({stack(A): size} if size else {stack(B): 0}) for size in sizes)
    assert by_file(compare(before, after, NAMES))["/app/a.py"].status == status


def test_the_figures_of_a_row() -> None:
    (row,) = compare(ended({stack(A): 10_000}), ended({stack(A): 45_000}), NAMES).rows
    assert (row.before_bytes, row.after_bytes, row.site.bytes) == (10_000, 45_000, 35_000)
    assert (row.before_blocks, row.after_blocks, row.site.count) == (100, 450, 350)


def test_a_line_is_one_row_however_it_was_reached() -> None:
    before = ended({stack(A, "/app/main.py:1"): 10_000})
    after = ended({stack(A, "/app/main.py:1"): 10_000, stack(A, "/app/other.py:9"): 7000})
    (row,) = compare(before, after, NAMES).rows
    assert row.growth_bytes == 7000


def test_what_awaits_the_collector_is_not_counted() -> None:
    line = stack(A)
    before = ended({line: 10_000})
    after = ended({line: 50_000}, awaiting={line: 40_000})
    (row,) = compare(before, after, NAMES).rows
    assert row.growth_bytes == 0
    assert row.growth_blocks == 0
    assert row.status == "same"


def test_only_the_end_of_a_run_counts() -> None:
    before = run_of(traces({stack(A): [900_000, 10_000]}))
    after = run_of(traces({stack(A): [0, 5, 80_000, 10_000]}))
    assert compare(before, after, NAMES).rows[0].growth_bytes == 0


@pytest.mark.parametrize("known", ["before", "after"])
def test_a_side_that_does_not_know_functions_is_the_same_program(known: str) -> None:
    """A tracemalloc dump has no functions, and a capture keeps the source of its heaviest lines only."""
    before, after = ended({stack(A): 10_000}), ended({stack(A): 30_000})
    sources = {("/app/a.py", 1): Source("Manager.add", "self.items.append(item)")}
    if known == "before":
        before = dataclasses.replace(before, sources=sources)
    else:
        after = dataclasses.replace(after, sources=sources)
    (row,) = compare(before, after, NAMES).rows
    assert (row.growth_bytes, row.status) == (20_000, "worse")
    assert row.site.function == "Manager.add"


@pytest.mark.parametrize(("to", "verdict"), [(500_000, "suspect"), (10_000, "clean"), (5000, "clean")])
def test_the_verdict(to: int, verdict: str) -> None:
    report = compare(ended({stack(A): 10_000}), ended({stack(A): to}), NAMES)
    assert report.verdict == verdict


def test_the_headline_says_which_side_holds_more() -> None:
    more = compare(ended({stack(A): 0}), ended({stack(A): 2_000_000}), NAMES)
    less = compare(ended({stack(A): 2_000_000}), ended({stack(A): 0}), NAMES)
    assert more.headline == "after.memdiag holds 2.0 MB more than before.memdiag"
    assert less.headline == "after.memdiag holds 2.0 MB less than before.memdiag"


def test_notes_of_both_sides_are_told_once() -> None:
    before = dataclasses.replace(ended({stack(A): 1}), notes=("the run was cut short", "x"))
    after = dataclasses.replace(ended({stack(A): 1}), notes=("the run was cut short", "y"))
    assert compare(before, after, NAMES).notes[:3] == ("the run was cut short", "x", "y")


def test_an_empty_side() -> None:
    report = compare(run_of(traces({})), ended({stack(A): 5000}), NAMES)
    assert [row.status for row in report.rows] == ["new"]
    assert compare(run_of(traces({})), run_of(traces({})), NAMES).rows == ()


def test_the_same_rows_come_in_the_same_order() -> None:
    sizes = {stack(f"/app/{name}.py:{line}"): 5000 for name in "cab" for line in (3, 1, 2)}
    rows = compare(run_of(traces({})), ended(sizes), NAMES).rows
    assert [(row.site.file, row.site.line) for row in rows] == sorted((one[0].file, one[0].line) for one in sizes)


# --- what cannot be compared ----------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [0, 1])
def test_a_run_that_was_not_traced(side: int) -> None:
    sides = [ended({stack(A): 1}), ended({stack(A): 1})]
    sides[side] = run_of(None)
    with pytest.raises(UnreadableInput) as caught:
        compare(sides[0], sides[1], NAMES)
    assert NAMES[side] in caught.value.problem
    assert caught.value.next_step


def test_two_tracers() -> None:
    with pytest.raises(UnreadableInput) as caught:
        compare(ended({stack(A): 1}), ended({stack(A): 1}, tracer="memray"), NAMES)
    assert "memray" in caught.value.problem
    assert "tracemalloc" in caught.value.problem


@pytest.mark.parametrize("side", [0, 1])
def test_a_run_that_was_cut_short_before_anything_was_looked_at(side: int) -> None:
    found = traces({stack(A): [1, 2]})
    nothing = dataclasses.replace(
        found, moments=(), live_bytes=np.zeros((0, 1), np.int64), live_blocks=np.zeros((0, 1), np.int64)
    )
    sides = [ended({stack(A): 1}), ended({stack(A): 1})]
    sides[side] = run_of(nothing)
    with pytest.raises(UnreadableInput):
        compare(sides[0], sides[1], NAMES)
