"""Noise told from change: what lies within the spread of the runs is the same."""

from __future__ import annotations

import random

import pytest

from memdiag.analysis.diff.noise import judge
from memdiag.units import format_bytes


def status(before: list[int], after: list[int], floor: int = 512) -> str:
    return judge(before, after, floor, format_bytes).status


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([10_000], [10_400], "same"),
        ([10_000], [20_000], "worse"),
        ([20_000], [10_000], "better"),
        ([0], [20_000], "new"),
        ([20_000], [0], "gone"),
        ([10_000, 12_000, 11_000], [11_500, 12_500, 10_500], "same"),
        ([10_000, 12_000, 11_000], [12_100, 12_900, 12_500], "same"),  # apart, but by no more than either spreads
        ([10_000, 12_000, 11_000], [20_000, 21_000, 22_000], "worse"),
        ([20_000, 21_000, 22_000], [10_000, 12_000, 11_000], "better"),
        ([0, 0, 0], [20_000, 21_000, 22_000], "new"),
        ([20_000, 21_000], [0, 0], "gone"),
        ([10_000, 12_000, 11_000], [12_100], "same"),  # one run against the spread of three
        ([10_000, 12_000, 11_000], [40_000], "worse"),
    ],
)
def test_status(before: list[int], after: list[int], expected: str) -> None:
    assert status(before, after) == expected


def test_noise_is_what_differs_and_is_the_same_all_the_same() -> None:
    within = judge([10_000, 12_000], [10_500, 12_500], 512, format_bytes)
    assert (within.status, within.noise) == ("same", True)
    assert "within the spread" in within.evidence
    assert not judge([10_000, 12_000], [10_000, 12_000], 512, format_bytes).noise
    assert not judge([10_000], [10_100], 512, format_bytes).noise  # nothing is known of the spread of single runs


def test_a_few_workers_that_grow_are_told_though_most_do_not() -> None:
    before = [1_000_000 + 1000 * at for at in range(8)]
    change = judge(before, [*before[:5], 9_000_000, 9_100_000, 9_200_000], 512, format_bytes, "worker")
    assert (change.status, change.after) == ("worse", 9_100_000)
    assert change.evidence.startswith("3 of 8 workers grow, to 9.1 MB")
    alone = [*before[:7], 9_000_000]  # it may have had more to do
    assert judge(before, alone, 512, format_bytes, "worker").status == "same"


def test_runs_of_the_same_program_hardly_ever_differ() -> None:
    """Five runs against five, a hundred rows, a hundred times: a false alarm in less than one row of two hundred."""
    chance = random.Random(5)
    rows = [[round(chance.gauss(1_000_000, 50_000)) for _ in range(10)] for _ in range(10_000)]
    wrong = sum(status(row[:5], row[5:]) != "same" for row in rows)
    assert wrong < 50


def test_a_real_change_is_seen_in_spite_of_noise() -> None:
    chance = random.Random(6)
    rows = [[round(chance.gauss(mean, 50_000)) for mean in [1_000_000] * 5 + [1_400_000] * 5] for _ in range(1000)]
    seen = sum(status(row[:5], row[5:]) == "worse" for row in rows)
    assert seen > 950
