"""Memory that no Python object accounts for, and what only looks like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from memdiag.analysis.diagnose import diagnose_run
from memdiag.analysis.native import findings
from memdiag.analysis.native_stack import named, native_stacks
from memdiag.model import (
    Arenas,
    Books,
    Capture,
    Finding,
    Frame,
    Growing,
    HeapEvidence,
    Moment,
    Opening,
    Sample,
    Site,
    Stack,
)
from tests.heaps import run_of, traces

COUNT = 40


def found(**series: Any) -> list[Finding]:
    """The findings of a run whose samples, a tenth of a second apart, have these values."""
    columns = [dict(zip(series, row, strict=True)) for row in zip(*series.values(), strict=True)] or [{}] * COUNT
    samples = [Sample(t_s=at / 10, **row) for at, row in enumerate(columns)]
    return findings(run_of(samples=samples))


def memory(outside: Sequence[int], heap: Sequence[int] | None = None) -> dict[str, Any]:
    heap = heap or [10_000_000] * COUNT
    rss = [part + inner + 1_000_000 for part, inner in zip(outside, heap, strict=True)]
    return {"rss_bytes": rss, "heap_bytes": list(heap), "tracer_bytes": [1_000_000] * COUNT}


NATIVE = [20_000_000 + at * 1_000_000 for at in range(COUNT)]


# --- by the resident set alone --------------------------------------------------------------------------------


def test_native_growth() -> None:
    (one,) = found(**memory(NATIVE))
    assert (one.kind, one.verdict) == ("native", "suspect")
    assert "39.0 MB" in one.title
    assert one.growing.per_second == pytest.approx(10_000_000, rel=0.05)
    assert "memray" in one.fix


@pytest.mark.parametrize(
    "outside",
    [
        [20_000_000] * COUNT,
        [20_000_000 + at * 100_000 for at in range(COUNT)],
        [20_000_000] * 10 + [60_000_000] * 30,
        [min(20_000_000 + at * 4_000_000, 60_000_000) for at in range(COUNT)],
        [200_000_000 + at * 1_000_000 for at in range(COUNT)],
    ],
    ids=["flat", "a little", "a step", "a plateau", "little of what there is"],
)
def test_no_native_growth(outside: list[int]) -> None:
    assert found(**memory(outside)) == []


@pytest.mark.parametrize(("objects", "what"), [(1_000, "that no object accounts for"), (900_000, "outside Python's")])
def test_objects_that_c_code_has_lost(objects: int, what: str) -> None:
    """Python's allocator has more and more in use that no reference leads to."""
    moments = (Moment(t_s=0.0, label="sample"), Moment(t_s=3.9, label="exit"))
    heap = HeapEvidence(moments, (), objects=(10_000, 10_000 + objects), heap_bytes=(10_000_000, 10_000_000))
    columns = [{"rss_bytes": size, "heap_blocks": 50_000 + at * 25_000} for at, size in enumerate(NATIVE)]
    samples = [Sample(t_s=at / 10, **row) for at, row in enumerate(columns)]
    (one,) = findings(run_of(samples=samples, heap=heap))
    assert what in one.title
    assert ("972,000 blocks" in one.why) == (objects == 1_000)


def test_what_python_allocates_is_not_native() -> None:
    heap = [10_000_000 + at * 2_000_000 for at in range(COUNT)]
    assert found(**memory([20_000_000] * COUNT, heap)) == []


def test_what_the_probe_adds_is_not_the_programs() -> None:
    assert found(**memory(NATIVE), probe_bytes=[at * 1_000_000 for at in range(COUNT)]) == []


@pytest.mark.parametrize("missing", ["rss_bytes", "heap_bytes", "tracer_bytes"])
def test_native_growth_needs_all_its_figures(missing: str) -> None:
    """Without a tracer nobody knows how much of the resident set is Python's."""
    assert found(**{**memory(NATIVE), missing: [None] * COUNT}) == []


# --- by the allocators' own books -----------------------------------------------------------------------------

MB = 1_000_000
FLAT = [0] * COUNT


def by_books(
    used: Sequence[int] = FLAT,
    *,
    mapped: Sequence[int] = FLAT,
    large: Sequence[int] = (0, 0),
    small: Sequence[int] = (5 * MB, 5 * MB),
    arenas: Sequence[int] = (6 * MB, 6 * MB),
    objects: Sequence[int] = (10_000, 10_000),
    openings: tuple[Opening, ...] = (),
) -> Capture:
    """A run of four seconds; the heap and the arenas were seen at every third sample, and rose evenly."""
    moments = [at / 10 for at in range(0, COUNT, 3)]

    def rising(ends: Sequence[int]) -> tuple[int, ...]:
        return tuple(round(ends[0] + (ends[1] - ends[0]) * time / moments[-1]) for time in moments)

    samples = [
        Sample(t_s=at / 10, rss_bytes=20 * MB, malloc_used_bytes=2 * MB + one, malloc_mapped_bytes=two)
        for at, (one, two) in enumerate(zip(used, mapped, strict=True))
    ]
    heap = HeapEvidence(
        tuple(Moment(time, "sample") for time in moments),
        (),
        objects=rising(objects),
        heap_bytes=rising([one + two for one, two in zip(small, large, strict=True)]),
        small_bytes=rising(small),
        large_bytes=rising(large),
        own_bytes=(0,) * len(moments),
    )
    seen = tuple(Arenas(time, 99 * MB, size, 0) for time, size in zip(moments, rising(arenas), strict=True))
    return replace(run_of(samples=samples, heap=heap), books=Books(arenas=seen, openings=openings))


RISING = [at * MB for at in range(COUNT)]


def test_what_malloc_has_in_use_beyond_pythons_objects_grows() -> None:
    (one,) = findings(by_books(RISING))
    assert (one.kind, one.pattern, one.verdict) == ("native", "native", "suspect")
    assert "39.0 MB" in one.title
    assert "By the allocators' own books" in one.why
    assert "--native-auto" in one.fix
    assert one.sites == ()


def test_large_blocks_that_malloc_maps_by_themselves_count_as_well() -> None:
    (one,) = findings(by_books(mapped=RISING))
    assert "39.0 MB" in one.title


def test_large_objects_of_pythons_are_not_native() -> None:
    assert findings(by_books(RISING, large=(0, 39 * MB))) == []


@pytest.mark.parametrize(
    "used",
    [
        FLAT,
        [at * 25_000 for at in range(COUNT)],
        [0] * 10 + [30 * MB] * 30,
        [min(at * 4 * MB, 30 * MB) for at in range(COUNT)],
        [at % 8 * 5 * MB for at in range(COUNT)],
        [*RISING[:-1], 0],
    ],
    ids=["flat", "a little", "a step", "a plateau", "a saw", "freed at the end"],
)
def test_use_that_comes_to_an_end_or_comes_and_goes(used: list[int]) -> None:
    assert findings(by_books(used)) == []


def test_what_lies_beside_objects_that_come_is_not_lost() -> None:
    """An instance's values are in a block of their own, which no size tells."""
    assert findings(by_books(arenas=(6 * MB, 45 * MB), small=(5 * MB, 10 * MB), objects=(10_000, 900_000))) == []


def test_blocks_that_c_code_has_lost() -> None:
    """Python's allocator has more and more in use, and the heap no more objects."""
    (one,) = findings(by_books(arenas=(6 * MB, 45 * MB)))
    assert one.pattern == "lost-blocks"
    assert "no object accounts for" in one.title
    assert "39.0 MB more in blocks that nothing refers to" in one.why
    assert "Py_DECREF" in one.fix


def test_objects_that_grow_explain_the_blocks_in_use() -> None:
    assert findings(by_books(arenas=(6 * MB, 45 * MB), small=(5 * MB, 44 * MB))) == []


def test_the_program_asks_for_it_itself() -> None:
    opening = Opening("/app/app.py", 7, "Codec.decode", "buffer = libc.malloc(9)", ("native",), "closed", 12)
    (one,) = findings(by_books(RISING, openings=(opening,)))
    assert one.sites == (Site("/app/app.py", 7, "Codec.decode", source="buffer = libc.malloc(9)"),)
    assert "line 12 frees it, not in a finally" in one.why
    assert "app.py:7" in one.fix


def test_it_may_belong_to_objects_that_grow_as_well() -> None:
    held = replace(findings(by_books(RISING))[0], kind="growth", growing=Growing("Image", (1, 9)))
    (one,) = findings(by_books(RISING), held=[held])
    assert "the Image objects that grow as well" in one.why


# --- the second run -------------------------------------------------------------------------------------------

LEAK = (Frame("/src/fast.c", 12, "copied"), Frame("/src/fast.c", 40, "digest"), Frame("/app/app.py", 7, "work"))
ARENA = (Frame("obmalloc.c", 9, "new_arena"), Frame("/app/app.py", 7, "work"))


def second_run(stack: Stack, rates: Sequence[int], arenas: Sequence[Stack] = ()) -> Capture:
    return run_of(traces({stack: list(rates)}, arenas=list(arenas)))


def told(first: Capture, second: Capture, lost: bool = False) -> Finding:
    (finding,) = findings(first)
    return named(finding, native_stacks(second, lost))


def test_the_second_run_names_the_native_stack() -> None:
    one = told(by_books(RISING), second_run(LEAK, RISING))
    assert "copied (fast.c:12) <- digest (fast.c:40), called at app.py:7." in one.why
    assert [(site.file, site.line) for site in one.sites] == [("/app/app.py", 7)]
    assert one.fix.startswith("app.py:7 leads there")


def test_neither_the_allocator_nor_what_has_no_name_is_told_of_a_library_without_debug_information() -> None:
    unknown = Frame("<unknown>", 0, "<unknown>")
    stack = (Frame("obmalloc.c", 2003, "_PyObject_Malloc"), unknown, Frame("<unknown>", 0, "decode"), *LEAK[1:])
    one = told(by_books(RISING), second_run(stack, RISING))
    assert "memray: decode (no source) <- digest (fast.c:40), called at app.py:7." in one.why


def test_the_second_run_says_where_it_saw_nothing() -> None:
    for second in (second_run(LEAK, [MB] * COUNT), second_run(ARENA, RISING, [ARENA]), run_of()):
        one = told(by_books(RISING), second)
        assert "saw no native stack that grows" in one.why
        assert one.sites == ()


def test_without_a_second_run_nothing_is_said_of_one() -> None:
    (finding,) = findings(by_books(RISING))
    assert named(finding, None) == finding


def test_of_lost_blocks_the_line_that_makes_them_is_named_though_it_is_no_native_one() -> None:
    line = (Frame("/app/app.py", 7, "work"),)
    one = told(by_books(arenas=(6 * MB, 45 * MB)), second_run(line, RISING), lost=True)
    assert one.fix.startswith("app.py:7 makes them")


def test_the_report_of_a_capture_has_what_its_second_run_saw() -> None:
    first = by_books(RISING)
    capture = replace(first, native_stacks=native_stacks(second_run(LEAK, RISING), lost=False))
    (one,) = [one for one in diagnose_run(capture).findings if one.kind == "native"]
    assert "copied (fast.c:12)" in one.why
