"""What findings mean for the run, and when there was too little to see any by."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from memdiag.analysis.judgement import findings
from memdiag.analysis.run_verdict import verdict_of
from memdiag.model import HeapEvidence, Moment, Population
from tests.unit.populations import CLOSES, KEEPS, TRIMS, evidence, population, ramp


def of_run(*populations: Population, **changes: Any) -> str:
    seen = evidence(*populations, **changes)
    return verdict_of(findings(seen, duration_s=3.0), seen).verdict


def test_the_verdict_on_the_run() -> None:
    assert of_run(population(ramp()), population(ramp(), CLOSES, path="b", owner="B.b")) == "leak"
    assert of_run(population(ramp(), CLOSES)) == "suspect"
    assert of_run(population(ramp(), limit=10**6)) == "clean"
    assert of_run() == "clean"


@pytest.mark.parametrize("count", [1, 2, 5])
def test_too_few_moments_are_inconclusive(count: int) -> None:
    seen = evidence(population([0] * count))
    result = verdict_of([], seen)
    assert result.verdict == "inconclusive"
    assert f"{count} heap snapshot" in result.words
    assert "longer" in result.words


@pytest.mark.parametrize(
    ("middle", "expected"),
    [((1.2, 1.4, 1.6, 1.8), "clean"), ((1.5,), "inconclusive"), ((1.05, 1.9, 1.95), "inconclusive")],
)
def test_moments_at_the_ends_alone_are_inconclusive(middle: tuple[float, ...], expected: str) -> None:
    times = [*(1.0 + at / 1000 for at in range(8)), *middle, 2.0]
    result = verdict_of([], HeapEvidence(tuple(Moment(at, "sample", at) for at in times), ()))
    assert (result.verdict, "too close" in result.words) == (expected, expected == "inconclusive")


MEMO = """
import functools
class Manager:
    @functools.lru_cache(maxsize=None)
    def history(self, turn):
        return Message(turn)
"""


@pytest.mark.parametrize(
    ("counts", "times", "idle_from"),
    [
        ((-1, -1, -1, 200, 500, 800, 1000), (21, 24, 27, 33, 39, 45, 51), 51),
        ((-1, -1, -1, -1, -1, 500, 1000), (21, 24, 27, 33, 37, 49, 51), 51),
        ((-1, -1, -1, 200, 500, 1000, 1000), (21, 24, 27, 33, 39, 47, 51), 47),
        ((-1, -1, -1, -1, 116, 328, 550, 891, 977), (24, 29, 33, 36, 45, 56, 63, 73, 85), 85),
    ],
    ids=["too late", "after a gap", "just before the end", "unevenly"],
)
def test_what_cannot_be_judged_yet_is_inconclusive(
    counts: tuple[int, ...], times: tuple[int, ...], idle_from: int
) -> None:
    """Unless something in its source ends it, or it has ended."""

    def on(one: Population) -> str:
        seen = HeapEvidence(tuple(Moment(at / 1000, "sample", min(at, idle_from) / 1000) for at in times), (one,))
        return verdict_of(findings(seen, duration_s=0.1), seen).verdict

    assert on(population(counts, MEMO)) == "inconclusive"
    assert on(population(counts, MEMO, limit=5000)) == "clean"
    assert on(population(counts, MEMO, library=True)) == "clean"
    assert on(population((*counts[:-2], counts[-3], counts[-3]), MEMO)) == "clean"
    assert on(population(counts, TRIMS)) == "clean"


def test_the_last_batch_of_a_short_run_is_no_level() -> None:
    """As 5,000 tasks were seen to come, and the last of them to end: a sixth of the run without growth."""
    counts = (120, 305, 672, 952, 1926, 2482, 2901, 4425, 5000, 5000)
    work = (54, 57, 61, 64, 74, 79, 84, 97, 108, 119)
    times = (73, 81, 86, 90, 116, 129, 143, 176, 209, 234)

    def on(counts: tuple[int, ...], *more: tuple[int, int]) -> str:
        clocks = [*zip(times, work, strict=True), *more]
        one = population(counts, KEEPS.replace("history.append(turn)", "history.add(turn)"))
        seen = HeapEvidence(tuple(Moment(at / 1000, "sample", worked / 1000) for at, worked in clocks), (one,))
        return verdict_of(findings(seen, duration_s=0.2), seen).verdict

    assert on(counts) == "inconclusive"
    assert on((*counts, 5000), (280, 140)) == "clean"


def test_a_tree_that_grew_to_the_end_is_inconclusive() -> None:
    tree = population(ramp(), "", kind="chain", branching=True)
    assert of_run(tree) == "inconclusive"
    assert of_run(dataclasses.replace(tree, retained_bytes=1_000)) == "clean"
    assert of_run(dataclasses.replace(tree, counts=(*tree.counts[:8], *[tree.counts[8]] * 9))) == "clean"


def test_a_buffer_that_was_seen_too_seldom() -> None:
    sizes = (-1, -1, -1, 100_000, 700_000, 900_000, 1_000_000)
    there = [1 if size > 0 else -1 for size in sizes]
    one = population(there, KEEPS.replace("append", "write"), kind="object", sizes=sizes, retained_bytes=sizes[-1])
    assert of_run(one) == "inconclusive"
    assert of_run(dataclasses.replace(one, sizes=(*sizes[:-1], sizes[-2]))) == "clean"
