"""How often a heap may be walked beside the program, by what that costs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from memdiag.analysis.series import is_spread
from memdiag.probe.cadence import Budget
from memdiag.probe.walks import Walks

BLOCK_S = 7e-7


def looks(lasting: float, blocks: int, budget: Budget) -> tuple[list[float], float]:
    """When a run of so many seconds is looked at, and what that cost; walks are over long after they were begun."""
    walks = Walks(budget)
    cost = blocks * BLOCK_S
    times: list[float] = []
    for tick in range(1, round(lasting / 0.01)):
        now = tick / 100
        for number, begun in enumerate(times):
            if now > begun + 5 * cost:
                walks.end(number, cost)
        if walks.allow(now, blocks):
            walks.begin(len(times), blocks, now)
            times.append(now)
    return times, cost * len(times)


def test_walks_stay_within_the_budget_though_none_has_told_its_cost() -> None:
    times, cost = looks(0.5, 50_000, Budget(share=0.1, allowance=0.15))
    assert len(times) >= 5
    assert cost <= 0.15 + 0.1 * 0.5 + 0.01


@pytest.mark.parametrize(
    ("blocks", "lasting"), [(20_000, 0.5), (20_000, 3), (20_000, 60), (150_000, 3), (150_000, 60), (400_000, 20)]
)
def test_a_run_is_looked_at_to_its_end(lasting: float, blocks: int) -> None:
    """However dear a look is, they do not all fall into the beginning."""
    times, cost = looks(lasting, blocks, Budget(share=0.03, allowance=0.25, doubling=0.04, early=0.25, first=1.0))
    assert is_spread([*times, lasting])
    assert cost <= 0.65 + 0.2 * lasting


def test_a_large_program_is_seen_more_and_more_seldom() -> None:
    times, _ = looks(120.0, 3_000_000, Budget(share=0.0))
    assert len(times) >= 3
    assert all(later >= 1.5 * earlier for earlier, later in pairwise(times))


def test_a_heap_that_grows_as_fast_as_time_goes_on_is_looked_at_all_the_same() -> None:
    """The rest is after what the last walk cost; by what the next one will it would never be over."""
    walks = Walks(Budget(share=1.0, allowance=1.0))
    times: list[float] = []
    for tick in range(1, 101):
        now = tick / 100
        if walks.allow(now, blocks := round(now * 1_500_000)):
            walks.begin(tick, blocks, now)
            walks.end(tick, blocks * BLOCK_S)
            times.append(now)
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.4
    assert len(times) >= 6


def test_what_a_walk_has_cost_tells_what_the_next_one_will() -> None:
    dear = Walks(Budget(share=0.0, allowance=0.1))
    assert dear.allow(1.0, 40_000)
    dear.begin(1, 10_000, 1.0)
    dear.end(1, 0.05)
    assert not dear.allow(1.01, 40_000)
    assert dear.spent == 0.05


def test_a_walk_is_charged_once_and_also_if_nobody_knows_what_it_cost() -> None:
    walks = Walks(Budget(share=0.1))
    walks.begin(1, 10_000, 0.1)
    walks.end(1, None)
    walks.end(1, 5.0)
    walks.end(2, 5.0)
    assert walks.spent == pytest.approx(10_000 * BLOCK_S)
