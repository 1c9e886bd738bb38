"""However long a run, and whichever clock drives it: a bounded number of looks, at a bounded price."""

from __future__ import annotations

import math

import pytest

from memdiag.probe.cadence import Budget, Cadence, densest

KEEP = 64


def looks(cadence: Cadence, length: float, step: float, *, per_second: float = 0.0, cost: float = 0.0) -> list[float]:
    """When looks are taken in a simulated run that asks every ``step`` seconds and does work all along."""
    taken = []
    for tick in range(round(length / step) + 1):
        now = tick * step
        work = int(now * per_second)
        if cadence.due(now, work):
            taken.append(now)
            cadence.took(now, work, cost)
    return taken


def new(*, seconds: float = 0.005, work: int = 1, share: float = 1.0, allowance: float = 1.0) -> Cadence:
    return Cadence(keep=KEEP, seconds=seconds, work=work, budget=Budget(share=share, allowance=allowance))


@pytest.mark.parametrize("length", [0.03, 1.0, 60.0, 3600.0, 86400.0])
def test_looks_are_bounded_by_time(length: float) -> None:
    taken = looks(new(), length, max(0.001, length / 50_000))
    doublings = max(0.0, math.log2(length / (0.005 * KEEP)))
    assert len(taken) <= KEEP + (doublings + 1) * KEEP / 2
    assert len(taken) >= min(KEEP / 2, length / 0.005 / 2)


@pytest.mark.parametrize("per_second", [1.0, 1000.0, 100_000.0])
def test_looks_are_bounded_by_work(per_second: float) -> None:
    """A program that collects a hundred thousand times a second is looked at no more often than one that does not."""
    taken = looks(new(seconds=1e9), 50.0, 0.001, per_second=per_second)
    doublings = max(0.0, math.log2(50.0 * per_second / KEEP))
    assert min(KEEP / 2, 50 * per_second / 2) <= len(taken) <= KEEP + (doublings + 1) * KEEP / 2


def test_both_clocks_together_stay_bounded() -> None:
    taken = looks(new(), 1000.0, 0.01, per_second=50.0)
    assert len(taken) <= KEEP * (2 + math.log2(1000.0 * 50.0))


def test_a_run_of_thirty_milliseconds_is_looked_at() -> None:
    assert len(looks(new(), 0.03, 0.002)) >= 5


def test_work_alone_makes_a_look_due() -> None:
    cadence = new(seconds=10.0, work=3)
    assert not cadence.due(0.0, 2)
    assert cadence.due(0.0, 3)
    cadence.took(0.0, 3, 0.0)
    assert not cadence.due(0.1, 5)
    assert cadence.due(0.1, 6)


def test_time_alone_makes_a_look_due() -> None:
    cadence = new(seconds=10.0, work=3)
    assert not cadence.due(9.0, 0)
    assert cadence.due(10.0, 0)
    cadence.took(10.0, 0, 0.0)
    assert not cadence.due(19.0, 0)
    assert cadence.due(20.0, 0)


def test_looks_go_on_to_the_end_evenly() -> None:
    """The last quarter of a run is looked at about as often as the second: a leak shows in its late part."""
    taken = looks(new(), 600.0, 0.002)
    quarters = [sum(1 for when in taken if at <= when / 150.0 < at + 1) for at in range(4)]
    assert quarters[3] >= 8
    assert quarters[3] >= quarters[1] / 3


@pytest.mark.parametrize("cost", [0.0001, 0.01, 0.5, 5.0])
@pytest.mark.parametrize("share", [0.01, 0.2])
def test_the_share_of_the_run_is_respected(cost: float, share: float) -> None:
    """What looks cost stays within the allowance and their share of the run, but for the look that went over it."""
    cadence = Cadence(keep=KEEP, seconds=0.005, work=1, budget=Budget(share=share, allowance=0.1))
    for tick in range(20_000):
        now = tick * 0.01
        if cadence.due(now, tick):
            cadence.took(now, tick, cost)
        assert cadence.spent <= 0.1 + share * now + cost


def test_a_dear_look_is_taken_again_once_it_is_affordable() -> None:
    cadence = Cadence(keep=KEEP, seconds=0.005, work=1, budget=Budget(share=0.1, allowance=0.0))
    taken = looks(cadence, 100.0, 0.01, cost=1.0)
    assert 8 <= len(taken) <= 11


def test_what_each_doubling_of_the_run_allows_is_spent_in_it() -> None:
    """Dear looks lie evenly over the logarithm of the run, instead of spending what there is at its beginning."""
    cadence = Cadence(keep=8, seconds=0.004, work=1, budget=Budget(share=0.0, allowance=0.0, doubling=0.02))
    taken = looks(cadence, 8.0, 0.001, cost=0.01)
    for length in (0.25, 0.5, 1.0, 2.0, 4.0):
        assert 1 <= len([at for at in taken if length <= at < 2 * length]) <= 3


def test_of_the_first_seconds_looks_may_take_a_larger_share() -> None:
    cadence = Cadence(keep=8, seconds=0.004, work=1, budget=Budget(share=0.01, allowance=0.0, early=0.03))
    taken = looks(cadence, 105.0, 0.01, cost=0.01)
    assert 0.5 * 5 * 0.04 <= 0.01 * len([at for at in taken if at < 5]) <= 5 * 0.04 + 0.01
    assert 0.01 * len(taken) <= 105 * 0.01 + 5 * 0.03 + 0.01


def test_where_no_look_can_be_taken_the_next_comes_an_interval_later() -> None:
    cadence = new(seconds=0.1, share=1.0, allowance=1.0)
    cadence.passed(0.5, 3)
    assert not cadence.due(0.55, 3)
    assert cadence.due(0.61, 3)
    assert cadence.count == 0


def test_how_long_to_wait() -> None:
    cadence = new(seconds=0.1, share=0.0, allowance=0.0)
    assert cadence.wait(0.04) == pytest.approx(0.06)
    cadence.took(0.04, 0, 1.0)
    assert cadence.wait(0.05) == pytest.approx(0.09)
    assert not cadence.due(0.5, 0)
    assert cadence.wait(0.5) == pytest.approx(0.03)


def test_the_look_that_tells_least_is_given_up() -> None:
    times = {1: 0.0, 2: 1.0, 3: 1.1, 4: 2.0, 5: 5.0, 6: 5.1, 7: 9.0}
    assert densest(times, [1, 2, 3, 4, 5, 6, 7]) == 3
    assert densest(times, [2, 4, 5]) == 2
    assert densest(times, [1, 7]) == 7
    assert densest({}, [8, 9]) == 9


def test_what_the_first_seconds_may_take_besides() -> None:
    budget = Budget(share=0.03, early=0.25, first=1.0)
    assert budget.by(0.5) == pytest.approx(0.5 * 0.28)
    assert budget.by(10.0) - budget.by(9.0) == pytest.approx(0.03)
