"""Handles that pile up, and memory that no allocation explains; and what only looks like either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from memdiag.analysis.resources import findings
from memdiag.model import Finding, HeapEvidence, Moment, Sample
from tests.heaps import run_of

COUNT = 40
RISING = list(range(3, 3 + COUNT))
FLAT = [5] * COUNT


def found(end_s: float | None = None, **series: Any) -> list[Finding]:
    """The findings of a run whose samples, a tenth of a second apart, have these values."""
    columns = [dict(zip(series, row, strict=True)) for row in zip(*series.values(), strict=True)] or [{}] * COUNT
    samples = [Sample(t_s=at / 10, **row) for at, row in enumerate(columns)]
    return findings(run_of(samples=samples, end_s=end_s))


def memory(outside: Sequence[int], heap: Sequence[int] | None = None) -> dict[str, Any]:
    heap = heap or [10_000_000] * COUNT
    rss = [part + inner + 1_000_000 for part, inner in zip(outside, heap, strict=True)]
    return {"rss_bytes": rss, "heap_bytes": list(heap), "tracer_bytes": [1_000_000] * COUNT}


NATIVE = [20_000_000 + at * 1_000_000 for at in range(COUNT)]


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


# --- memory outside Python's own ------------------------------------------------------------------------------


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


def test_a_finding_is_not_drowned_in_figures() -> None:
    samples = [Sample(t_s=at / 100, fds=at) for at in range(10_000)]
    (one,) = findings(run_of(samples=samples))
    assert len(one.growing.counts) <= 50
    assert one.growing.counts[-1] == 9999
