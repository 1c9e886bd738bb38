"""Which lines are shown, how they went, and which of them make one finding."""

from __future__ import annotations

import dataclasses

import pytest

from memdiag.analysis import growth
from memdiag.analysis.growth import Grown
from memdiag.analysis.origin import is_library
from memdiag.model import Capture, Finding, Frame, Stack, Traces
from tests.heaps import run_of, stack, traces

STEADY = [at * 100_000 for at in range(24)]
FLAT = [500_000] * 24
LEVELLED = [min(at * 400_000, 2_000_000) for at in range(24)]
JSON = "/usr/lib/python3.11/json/decoder.py"
NUMPY = "/app/.venv/lib/python3.11/site-packages/numpy/core.py"


def grown(found: Traces) -> list[Grown]:
    return growth.grown(found, growth.lines(found))


def findings(capture: Capture) -> list[Finding]:
    assert capture.traces is not None
    return growth.findings(grown(capture.traces), capture)


def shown(*frames: str) -> str:
    """The line that stands for a stack."""
    (line,) = growth.lines(traces({stack(*frames): [1]}))
    return f"{line.frame.file}:{line.frame.line}"


# --- lines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "line"),
    [
        (["/app/app.py:10", "/app/main.py:3"], "/app/app.py:10"),
        ([f"{JSON}:353", "/app/app.py:10", "/app/main.py:3"], "/app/app.py:10"),
        ([f"{NUMPY}:5", f"{JSON}:353"], f"{NUMPY}:5"),
        (["<frozen importlib._bootstrap>:241", "/app/app.py:1"], "/app/app.py:1"),
        (["<string>:1", f"{JSON}:353"], f"{JSON}:353"),
        (["<string>:1", "<unknown>:0"], "<string>:1"),
        ([r"C:\Python311\Lib\json\decoder.py:353", r"C:\app\app.py:10"], r"C:\app\app.py:10"),
        (["/app/lib/models.py:4"], "/app/lib/models.py:4"),
    ],
)
def test_a_stack_is_shown_by_the_programs_own_line(frames: list[str], line: str) -> None:
    assert shown(*frames) == line


def test_an_empty_stack_has_a_line_too() -> None:
    (line,) = growth.lines(traces({(): [5]}))
    assert line.frame.line == 0
    assert line.frame.file.startswith("<")


@pytest.mark.parametrize(
    ("file", "library"),
    [
        (JSON, True),
        (NUMPY, True),
        ("/usr/lib/python3/dist-packages/yaml/loader.py", True),
        ("<frozen os>", True),
        ("/home/user/app/app.py", False),
        ("app.py", False),
        ("/home/user/python3/app.py", False),
        ("/home/user/libraries/python3.11.py", False),
    ],
)
def test_whose_code_a_file_is(file: str, library: bool) -> None:
    assert is_library(file) == library


def test_stacks_that_lead_to_one_line_are_added_up() -> None:
    found = traces(
        {stack("app.py:10", "a.py:1"): [100, 200], stack("app.py:10", "b.py:2"): [300, 700], stack("c.py:1"): [1, 1]},
        awaiting={stack("app.py:10", "a.py:1"): 100, stack("app.py:10", "b.py:2"): 200},
    )
    lines = {line.frame.file: line for line in growth.lines(found)}
    assert lines["app.py"].live_bytes.tolist() == [400, 900]
    assert lines["app.py"].live_blocks.tolist() == [4, 9]
    assert lines["app.py"].awaiting_bytes == 300
    assert lines["app.py"].stacks[0] == stack("app.py:10", "b.py:2")
    assert lines["c.py"].live_bytes.tolist() == [1, 1]


def test_a_line_is_an_arena_where_all_its_stacks_are() -> None:
    arena, other = stack("app.py:10", "a.py:1"), stack("app.py:10", "b.py:1")
    both = traces({arena: [1], other: [1]}, arenas=[arena, other])
    one = traces({arena: [1], other: [1]}, arenas=[arena])
    assert [line.arena for line in growth.lines(both)] == [True]
    assert [line.arena for line in growth.lines(one)] == [False]


# --- how they went --------------------------------------------------------------------------------------------


def test_what_awaits_the_collector_is_no_growth() -> None:
    """It is known of the last moment only; there it is taken off, and the floor follows."""
    line = stack("app.py:10")
    leaking = grown(traces({line: STEADY}))
    littering = grown(traces({line: STEADY}, awaiting={line: STEADY[-1]}))
    assert leaking[0].trend.shape == "steady"
    assert littering[0].trend.shape == "flat"
    assert littering[0].kept_bytes[-1] == 0
    assert littering[0].kept_blocks[-1] == 0
    assert littering[0].kept_bytes[:-1].tolist() == STEADY[:-1]


def test_a_part_that_awaits_takes_its_share_of_the_blocks() -> None:
    line = stack("app.py:10")
    (one,) = grown(traces({line: [0, 500, 1000]}, awaiting={line: 250}))
    assert one.kept_bytes.tolist() == [0, 500, 750]
    assert one.kept_blocks.tolist() == [0, 5, 8]


def test_the_largest_growth_comes_first_and_ties_have_an_order() -> None:
    found = traces({stack("b.py:1"): STEADY, stack("z.py:1"): [2 * n for n in STEADY], stack("a.py:1"): STEADY})
    assert [one.line.frame.file for one in grown(found)] == ["z.py", "a.py", "b.py"]


@pytest.mark.parametrize(
    ("blocks", "to", "shape"),
    [(1, 60_000, "flat"), (1, 90_000, "steady"), (1000, 8_000, "flat"), (1000, 9_000, "steady")],
)
def test_what_is_too_small_to_matter(blocks: int, to: int, shape: str) -> None:
    """A single buffer that is enlarged now and then is less of a sign than a thousand objects are."""
    series = [at * to // 23 for at in range(24)]
    (one,) = grown(traces({stack("app.py:1"): series}, block=max(to // blocks, 1)))
    assert one.trend.shape == shape


# --- rows -----------------------------------------------------------------------------------------------------


def test_a_rows_figures() -> None:
    line = stack("/app/app.py:10")
    capture = run_of(traces({line: STEADY}), sources={"/app/app.py:10": ("Manager.add", "self.items.append(item)")})
    assert capture.traces is not None
    (row,) = growth.rows(grown(capture.traces), capture)
    assert (row.before_bytes, row.after_bytes, row.growth_bytes) == (0, STEADY[-1], STEADY[-1])
    assert (row.before_blocks, row.after_blocks, row.growth_blocks) == (0, 23_000, 23_000)
    assert row.series_bytes == tuple(STEADY)
    assert (row.status, row.trend) == ("new", "grows to the end")
    assert (row.site.file, row.site.line) == ("/app/app.py", 10)
    assert (row.site.function, row.site.source) == ("Manager.add", "self.items.append(item)")
    assert (row.site.bytes, row.site.count) == (STEADY[-1], 23_000)


@pytest.mark.parametrize(
    ("series", "status"),
    [
        ([0, 10], "new"),
        ([10, 20], "worse"),
        ([20, 10], "better"),
        ([20, 0], "better"),
        ([10, 10], "same"),
        ([0, 0], "same"),
    ],
)
def test_a_rows_status(series: list[int], status: str) -> None:
    capture = run_of(traces({stack("app.py:1"): series}))
    assert capture.traces is not None
    (row,) = growth.rows(grown(capture.traces), capture)
    assert row.status == status


def test_rows_come_by_growth() -> None:
    capture = run_of(traces({stack("a.py:1"): [5, 5], stack("b.py:1"): [0, 9], stack("c.py:1"): [9, 0]}))
    assert capture.traces is not None
    assert [row.growth_bytes for row in growth.rows(grown(capture.traces), capture)] == [9, 0, -9]


def test_the_tracers_own_function_is_believed_before_the_source() -> None:
    capture = run_of(traces({stack("app.py:10 traced"): [0, 9]}), sources={"app.py:10": ("read", "text")})
    assert capture.traces is not None
    assert growth.rows(grown(capture.traces), capture)[0].site.function == "traced"


# --- findings -------------------------------------------------------------------------------------------------

ADD = "/app/app.py:10"
SOURCES = {ADD: ("Manager.add", "self.history.append(dict(item))"), "/app/main.py:3": ("main", "manager.add(item)")}


def leaking(*frames: str, sources: dict[str, tuple[str, str]] | None = None) -> Finding:
    (found,) = findings(run_of(traces({stack(*frames): STEADY}), sources=SOURCES if sources is None else sources))
    return found


def test_a_finding_says_what_grows_where_and_how_fast() -> None:
    found = leaking(ADD, "/app/main.py:3")
    assert (found.kind, found.verdict, found.pattern) == ("growth", "suspect", "growth")
    assert found.holder is None  # lines tell what was made there, not what keeps it
    assert (found.sites[0].file, found.sites[0].line) == ("/app/app.py", 10)
    assert found.growing.bytes == tuple(STEADY)
    assert found.growing.counts == tuple(size // 100 for size in STEADY)
    assert found.growing.per_second == pytest.approx(100_000)
    assert "Manager.add" in found.title
    assert "Manager.history" in found.fix
    assert "app.py:10" in found.title
    assert "app.py:10" in found.fix
    assert 0.4 <= found.confidence <= 0.9


@pytest.mark.parametrize("series", [FLAT, LEVELLED, STEADY[::-1], [0] * 12 + [10**6] * 12])
def test_only_what_goes_on_growing_is_found(series: list[int]) -> None:
    assert findings(run_of(traces({stack(ADD): series}), sources=SOURCES)) == []


def test_an_arena_is_not_found() -> None:
    assert findings(run_of(traces({stack(ADD): STEADY}, arenas=[stack(ADD)]), sources=SOURCES)) == []


def test_lines_of_one_function_are_one_finding() -> None:
    second = "/app/app.py:12"
    found = traces({stack(ADD): STEADY, stack(second): [3 * size for size in STEADY]})
    (one,) = findings(run_of(found, sources={**SOURCES, second: ("Manager.add", "text = item.text.upper()")}))
    assert [site.line for site in one.sites] == [12, 10]
    assert one.growing.bytes == tuple(4 * size for size in STEADY)
    assert one.growing.per_second == pytest.approx(400_000)
    assert "Manager.history" in one.fix


def test_functions_that_have_nothing_to_do_with_each_other_are_two() -> None:
    other = "/app/cache.py:5"
    sources = {**SOURCES, other: ("Cache.put", "self.entries[key] = value")}
    found = findings(run_of(traces({stack(ADD): STEADY, stack(other): [2 * n for n in STEADY]}), sources=sources))
    assert [one.sites[0].function for one in found] == ["Cache.put", "Manager.add"]


def test_a_caller_that_grows_with_its_callee_is_folded_into_it() -> None:
    """main() makes the item, add() keeps it: one leak, told once."""
    made = stack("/app/main.py:3")
    kept = stack(ADD, "/app/main.py:3")
    (one,) = findings(run_of(traces({made: STEADY, kept: [2 * size for size in STEADY]}), sources=SOURCES))
    assert [site.line for site in one.sites] == [10, 3]
    (other,) = findings(run_of(traces({made: [2 * size for size in STEADY], kept: STEADY}), sources=SOURCES))
    assert {site.line for site in other.sites} == {10, 3}


def test_without_source_there_is_still_a_finding() -> None:
    found = leaking(ADD, sources={})
    assert "app.py:10" in found.title
    assert found.holder is None
    assert found.pattern == "growth"


def test_the_same_capture_gives_the_same_findings() -> None:
    series: dict[Stack, list[int]] = {stack(f"/app/{name}.py:1"): STEADY for name in "dbca"}
    capture = run_of(traces(series))
    assert findings(capture) == findings(capture)
    turned = run_of(traces(dict(reversed(series.items()))))
    assert [one.id for one in findings(capture)] == [one.id for one in findings(turned)]


# --- fingerprints ---------------------------------------------------------------------------------------------


def test_a_finding_keeps_its_name_when_lines_shift_and_amounts_change() -> None:
    moved = "/other/checkout/app/app.py:57"
    source = ("Manager.add", "self.history.append(dict(item))")
    before = leaking("/home/me/app/app.py:10", sources={"/home/me/app/app.py:10": source})
    after = leaking(moved, sources={moved: source})
    assert before.id == after.id
    (larger,) = findings(run_of(traces({stack(moved): [7 * n for n in STEADY]}), sources={moved: source}))
    assert larger.id == before.id


@pytest.mark.parametrize(
    "sources",
    [
        {ADD: ("Manager.remove", "self.history.append(dict(item))")},
        {ADD: ("Manager.add", "self.journal.append(dict(item))")},
        {ADD: ("Other.add", "self.history.append(dict(item))")},
    ],
)
def test_another_problem_has_another_name(sources: dict[str, tuple[str, str]]) -> None:
    assert leaking(ADD, sources=sources).id != leaking(ADD).id


def test_another_file_is_another_problem() -> None:
    elsewhere = "/app/models.py:10"
    assert leaking(elsewhere, sources={elsewhere: SOURCES[ADD]}).id != leaking(ADD).id


def test_two_findings_of_one_capture_have_two_names() -> None:
    found = findings(run_of(traces({stack(f"/app/{name}.py:1"): STEADY for name in "abcdef"})))
    assert len({one.id for one in found}) == 6


def test_frames_of_the_model_are_not_changed() -> None:
    capture = run_of(traces({stack(ADD): STEADY}, awaiting={stack(ADD): 1000}), sources=SOURCES)
    assert capture.traces is not None
    before = dataclasses.replace(capture.traces, live_bytes=capture.traces.live_bytes.copy())
    findings(capture)
    assert (capture.traces.live_bytes == before.live_bytes).all()
    assert capture.traces.stacks == ((Frame("/app/app.py", 10),),)
