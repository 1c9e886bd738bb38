"""Sides of several runs, lines that moved, programs in other directories, holders, resources and findings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from memdiag.analysis.diff import Side, compare, compare_sides
from memdiag.analysis.diff.ways import stack_growth
from memdiag.analysis.moments import at_moment
from memdiag.errors import UsageError
from memdiag.gate import check_growth
from memdiag.model import Capture, HeapEvidence, Moment, Population, Report, Row, Sample, Stack, TypeSeries
from memdiag.units import parse_limit
from tests.heaps import run_of, stack, traces

NAMES = ("before", "after")


def held(sizes: dict[Stack, int], sources: dict[str, tuple[str, str]] | None = None) -> Capture:
    return run_of(traces({one: [0, size] for one, size in sizes.items()}), sources=sources)


def row_of(report: Report, file: str, kind: str = "site") -> Row:
    (row,) = [row for row in report.rows if row.kind == kind and row.site.file.endswith(file)]
    return row


def of_kind(report: Report, kind: str) -> list[Row]:
    return [row for row in (*report.rows, *report.changes) if row.kind == kind]


# --- lines ----------------------------------------------------------------------------------------------------


def test_a_line_that_moved_is_the_same_line() -> None:
    add = ("Manager.add", "self.items.append(item)")
    before = held({stack("/app/a.py:10"): 10_000}, {"/app/a.py:10": add})
    after = held({stack("/app/a.py:14"): 50_000}, {"/app/a.py:14": add})
    (row,) = compare(before, after, NAMES).rows
    assert (row.site.line, row.growth_bytes, row.status) == (14, 40_000, "worse")
    assert "it was line 10" in row.evidence


def test_of_equal_lines_the_nearest_is_the_same() -> None:
    text = ("load", "rows.append(row)")
    before = held(
        {stack("/app/a.py:10"): 1000, stack("/app/a.py:30"): 90_000}, {f"/app/a.py:{at}": text for at in (10, 30)}
    )
    after = held(
        {stack("/app/a.py:12"): 1000, stack("/app/a.py:32"): 90_000}, {f"/app/a.py:{at}": text for at in (12, 32)}
    )
    assert {(row.site.line, row.growth_bytes) for row in compare(before, after, NAMES).rows} == {(12, 0), (32, 0)}


def test_very_many_equal_lines_are_matched_as_they_follow_each_other() -> None:
    def generated(first: int, size: int) -> Capture:
        places = [f"/app/a.py:{at}" for at in range(first, first + 3000)]
        return held({stack(place): size for place in places}, dict.fromkeys(places, ("load", "rows.append(0)")))

    report = compare(generated(1, 1000), generated(7, 1000), NAMES)
    assert len(report.rows) == 3000
    assert {row.status for row in report.rows} == {"same"}


def test_a_line_of_that_number_with_another_text_is_another_line() -> None:
    before = held({stack("/app/a.py:10"): 50_000}, {"/app/a.py:10": ("load", "index = build(rows)")})
    after = held({stack("/app/a.py:10"): 50_000}, {"/app/a.py:10": ("store", "self.saved[key] = value")})
    assert sorted(row.status for row in compare(before, after, NAMES).rows) == ["gone", "new"]


def test_a_line_that_was_changed_a_little_is_the_same() -> None:
    before = held({stack("/app/a.py:10"): 50_000}, {"/app/a.py:10": ("load", "self.rows.append(Row(number))")})
    after = held({stack("/app/a.py:11"): 90_000}, {"/app/a.py:11": ("load", "self.rows.append(Row(number, name))")})
    (row,) = compare(before, after, NAMES).rows
    assert (row.status, row.growth_bytes) == ("worse", 40_000)


@pytest.mark.parametrize("file", ["{}/app.py", "{}/.venv/lib/python3.11/site-packages/lib/app.py"])
def test_the_same_program_in_another_directory(file: str) -> None:
    sides = []
    for directory, size in (("/ci/main", 10_000), ("/ci/pull-request", 40_000)):
        run = held({stack(file.format(directory) + ":7"): size})
        run = dataclasses.replace(run, target=dataclasses.replace(run.target, directory=directory))
        sides.append(dataclasses.replace(run, repeats=(run, run)))
    (row,) = compare(sides[0], sides[1], NAMES).rows
    assert (row.growth_bytes, row.status) == (30_000, "worse")
    assert row.site.file == file.format("/ci/pull-request")


def test_a_row_says_by_which_way_most_of_it_came() -> None:
    line = "/app/a.py:10"
    before = held({stack(line, "/app/main.py:3"): 10_000, stack(line, "/app/tools.py:5"): 10_000})
    after = held({stack(line, "/app/main.py:3"): 80_000, stack(line, "/app/tools.py:5"): 12_000})
    (row,) = compare(before, after, NAMES).rows
    assert row.evidence.endswith("most of it by way of main.py:3")


def test_growth_by_stack_is_exact() -> None:
    one, two, three = stack("a.py:1", "m.py:1"), stack("a.py:1", "m.py:2"), stack("b.py:1")
    before, after = traces({one: [100], two: [300], three: [50]}), traces({two: [900], one: [100], (): [20]})
    found = stack_growth(before, after)
    assert {key: size for key, size, _ in found.largest(10)} == {two: 600, (): 20, one: 0, three: -50}
    assert int(found.bytes.sum()) == int(after.live_bytes.sum() - before.live_bytes.sum())
    nothing = traces({(): [0]})
    assert stack_growth(nothing, nothing).largest(5) == [((), 0, 0)]


# --- several runs ---------------------------------------------------------------------------------------------


def repeated(line: str, sizes: list[int]) -> Capture:
    runs = [held({stack(line): size}) for size in sizes]
    return dataclasses.replace(runs[0], repeats=tuple(runs[1:]))


def test_what_lies_within_the_spread_is_the_same_and_is_not_counted() -> None:
    before = repeated("/app/a.py:1", [10_000_000, 14_000_000, 12_000_000])
    after = repeated("/app/a.py:1", [13_000_000, 15_000_000, 13_500_000])
    report = compare(before, after, NAMES)
    assert (report.rows[0].status, report.rows[0].noise) == ("same", True)
    assert (report.before_runs, report.after_runs) == (3, 3)
    assert check_growth(report, parse_limit("0")).gate.passed
    assert report.headline == "after holds as much as before"


def test_what_lies_outside_the_spread_counts() -> None:
    before, after = repeated("/app/a.py:1", [10_000, 14_000, 12_000]), repeated("/app/a.py:1", [50_000, 51_000, 52_000])
    report = compare(before, after, NAMES)
    assert (report.rows[0].before_bytes, report.rows[0].after_bytes) == (12_000, 51_000)
    assert not check_growth(report, parse_limit("30kB")).gate.passed


def test_workers_are_runs_of_their_side() -> None:
    before = Side("before", tuple(held({stack("/app/a.py:1"): 10_000}) for _ in range(4)), workers=True)
    leaking = [held({stack("/app/a.py:1"): size}) for size in (10_000, 10_000, 900_000, 910_000)]
    report = compare_sides(before, Side("after", tuple(leaking), workers=True))
    assert report.rows[0].evidence.startswith("2 of 4 workers grow, to 905.0 kB")
    assert report.rows[0].status == "worse"


# --- holders, resources, findings -----------------------------------------------------------------------------


def with_heap(counts: list[int], size: int, *, path: str = "app.cache", fds: int = 3, end: float = 10.0) -> Capture:
    moments = tuple(Moment(float(at), "sample", float(at)) for at in range(len(counts)))
    population = Population(
        "container", path, "dict", "app.cache", "app.Page", tuple(counts), retained_bytes=size, owner_module="app"
    )
    types = (TypeSeries("app.Page", tuple(counts), tuple(count * 100 for count in counts), own=True),)
    heap = HeapEvidence(moments, (population,), tuple(counts), tuple(counts), types=types)
    samples = tuple(Sample(float(at), rss_bytes=30_000_000, fds=fds, threads=1) for at in range(len(counts)))
    return dataclasses.replace(run_of(None, samples=samples), heap=heap, end_s=end)


def test_holders_are_matched_by_what_they_are_not_by_how_they_were_reached() -> None:
    before = with_heap([1, 10], 1000, path="app.cache")
    after = with_heap([1, 900], 900_000, path="__main__.main() local app.cache")
    (row,) = of_kind(compare(before, after, NAMES), "holder")
    assert (row.name, row.type, row.status) == ("__main__.main() local app.cache", "app.Page", "worse")
    assert (row.before_blocks, row.after_blocks, row.growth_bytes) == (10, 900, 899_000)


def test_resources_of_the_process() -> None:
    report = compare(with_heap([1, 2], 1, fds=3), with_heap([1, 2], 1, fds=40), NAMES)
    rows = {row.name: row for row in of_kind(report, "resource")}
    assert (rows["open file descriptors"].before_blocks, rows["open file descriptors"].after_blocks) == (3, 40)
    assert {name: row.status for name, row in rows.items()} == {
        "open file descriptors": "worse",
        "threads": "same",
        "resident memory": "same",
    }


CLIMB = [1000 * at for at in range(12)]


def test_a_finding_is_new_or_gone_or_the_same() -> None:
    leaky, fine = with_heap(CLIMB, 1_000_000), with_heap([5] * 12, 500)
    new = compare(fine, leaky, NAMES)
    assert [(one.status, one.holder and one.holder.path) for one in new.findings] == [("new", "app.cache")]
    assert [row.status for row in of_kind(new, "finding")] == ["new"]
    gone = compare(leaky, fine, NAMES)
    assert gone.findings == ()
    assert [row.status for row in of_kind(gone, "finding")] == ["gone"]
    assert [one.status for one in compare(leaky, leaky, NAMES).findings] == ["same"]
    assert [one.status for one in compare(leaky, with_heap(CLIMB, 9_000_000), NAMES).findings] == ["worse"]


def test_a_finding_of_one_run_of_five_is_no_change() -> None:
    fine = with_heap([5] * 12, 500)
    before = dataclasses.replace(fine, repeats=(fine,) * 4)
    once = dataclasses.replace(fine, repeats=(fine, fine, fine, with_heap(CLIMB, 1_000_000)))
    often = dataclasses.replace(once, repeats=(with_heap(CLIMB, 1_000_000),) * 4)
    assert [one.status for one in compare(before, once, NAMES).findings] == ["same"]
    assert [one.status for one in compare(before, often, NAMES).findings] == ["new"]


# --- moments --------------------------------------------------------------------------------------------------


def test_a_moment_of_a_run_is_as_if_it_had_ended_there() -> None:
    run = dataclasses.replace(with_heap(CLIMB, 1_100_000), labels=(Moment(3.0, "warm"),))
    for asked in ("3", "-9", "warm"):
        early = at_moment(run, asked, "run")
        assert early.heap is not None
        assert early.heap.types[0].counts == tuple(CLIMB[:4])
        assert early.heap.populations[0].retained_bytes == 300_000
        assert len(early.samples) == 4
    assert at_moment(run, "-1", "run").heap == run.heap


def test_a_moment_of_traces_counts_no_garbage_of_the_end() -> None:
    line = stack("/app/a.py:1")
    run = run_of(traces({line: [100, 5000, 9000]}, awaiting={line: 9000}))
    report = compare(at_moment(run, "0", "run"), at_moment(run, "1", "run"), NAMES)
    assert report.rows[0].growth_bytes == 4900
    assert np.array_equal(at_moment(run, "2", "run").traces.awaiting_bytes, [9000])  # type: ignore[union-attr]


@pytest.mark.parametrize("asked", ["12", "-13", "cold", "", "1e3", "٣"])
def test_a_moment_that_there_is_not(asked: str) -> None:
    with pytest.raises(UsageError) as caught:
        at_moment(with_heap(CLIMB, 1), asked, "run.memdiag")
    assert "run.memdiag" in caught.value.problem
    assert "#11 sample (11.0 s)" in caught.value.next_step


def test_two_moments_of_one_run_have_the_findings_of_that_run() -> None:
    run = with_heap(CLIMB, 1_100_000)
    sides = [
        Side(name, (at_moment(run, asked, "run"),), file="run", whole=run)
        for name, asked in zip(NAMES, ("3", "9"), strict=True)
    ]
    report = compare_sides(*sides)
    assert [(one.status, one.growing.counts[-1]) for one in report.findings] == [("worse", 11_000)]
    assert any("reckoned" in note for note in report.notes)


def grown_on_one_side(before: int, after: int) -> Report:
    """A holder that only the later run tells of; so many instances of its items' type are on each side."""
    later = with_heap(CLIMB, 1_000_000)
    assert later.heap is not None
    sides = []
    for count, populations in ((before, ()), (after, later.heap.populations)):
        types = (TypeSeries("app.Page", (count,) * 12, (count * 100,) * 12, own=True),)
        sides.append(
            dataclasses.replace(later, heap=dataclasses.replace(later.heap, types=types, populations=populations))
        )
    return compare(sides[0], sides[1], NAMES)


def test_what_was_there_before_and_did_not_grow_is_not_new() -> None:
    same = grown_on_one_side(11_000, 11_200)
    assert [row.status for row in of_kind(same, "holder")] == ["same"]
    assert [one.status for one in same.findings] == ["same"]
    new = grown_on_one_side(100, 11_100)
    assert [row.status for row in of_kind(new, "holder")] == ["new"]
    assert [one.status for one in new.findings] == ["new"]


def test_runs_whose_end_was_not_seen_are_told() -> None:
    cut = with_heap([1, 2], 1)
    report = compare(dataclasses.replace(cut, end_s=None), cut, NAMES)
    assert report.notes[0] == "the end of the work was not seen in before: growth may be how far each had come"
    assert not any("the end of the work" in note for note in compare(cut, cut, NAMES).notes)
