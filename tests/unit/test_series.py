"""Is this growth? Leaks must be called steady, and whatever only looks like one must not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from memdiag.analysis.series import WORDS, Floats, Trend, floor, judge

LEAST = 8192
Series = Callable[[np.random.Generator, int], Floats]


def judged(values: Floats, length: float = 10.0) -> Trend:
    """The trend of values that were taken at even intervals."""
    return judge(np.linspace(0, length, len(values)).tolist(), values.tolist(), LEAST)


def ramp(count: int, to: float = 1e6) -> Floats:
    return np.linspace(0, to, count)


def saw(count: int, height: int, size: float) -> Floats:
    return np.asarray(np.arange(count) % height, dtype=np.float64) * size


# --- leaks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [6, 9, 16, 24, 100, 256])
def test_steady_growth(count: int) -> None:
    trend = judged(ramp(count))
    assert trend.shape == "steady"
    assert trend.growth == pytest.approx(1e6)
    assert trend.per_second == pytest.approx(1e5)
    assert trend.share == pytest.approx(1.0)
    assert 4 <= trend.intervals <= 10


@pytest.mark.parametrize(("count", "begin"), [(12, 0.4), (24, 0.5), (100, 0.5)])
def test_a_leak_that_begins_halfway(count: int, begin: float) -> None:
    trend = judged(np.maximum(0, np.linspace(-begin, 1 - begin, count) * 1e6))
    assert trend.shape == "steady"
    assert 0.5 <= trend.share < 0.85


def test_a_leak_after_a_large_start() -> None:
    """Loading adds far more than the leak does, and comes first."""
    values = np.concatenate([np.linspace(0, 5e7, 6), 5e7 + ramp(40)])
    assert judged(values).shape == "steady"


@pytest.mark.parametrize("count", [24, 100, 256])
def test_a_leak_under_a_saw(count: int) -> None:
    """Bursts of garbage come and go; the floor beneath them rises all the same."""
    assert judged(ramp(count, 5e6) + saw(count, 4, 2e5)).shape == "steady"


def test_growth_by_steps_of_a_container() -> None:
    """A list is enlarged an eighth at a time: its buffer grows rarely, and the more the larger it is."""
    values = [0.0]
    for at in range(1, 200):
        values.append(values[-1] if at * 8 <= values[-1] else at * 9.0)
    assert judged(1000 * np.array(values)).shape == "steady"


@pytest.mark.parametrize("count", [10, 24, 100])
def test_a_slow_leak_with_noise(count: int) -> None:
    """With noise of a fiftieth of what leaks in all, hardly a leak is missed."""
    found = 0
    for seed in range(500):
        noise = np.random.default_rng(seed).normal(0, 2e4, count)
        found += judged(1e8 + ramp(count) + noise).shape == "steady"
    assert found >= 490


# --- what is no leak ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 24, 256])
def test_nothing_changes(count: int) -> None:
    trend = judged(np.full(count, 1e9))
    assert trend == Trend("flat", 0.0)


@pytest.mark.parametrize("count", [6, 24, 256])
def test_shrinking(count: int) -> None:
    assert judged(ramp(count)[::-1].copy()).shape == "flat"


def test_growth_below_what_matters() -> None:
    assert judged(ramp(24, LEAST - 1)).shape == "flat"
    assert judged(ramp(24, LEAST * 2)).shape == "steady"


def test_growth_that_is_all_given_back() -> None:
    """A batch is built up and let go at the end."""
    assert judged(np.concatenate([ramp(40), np.zeros(1)])).shape == "flat"


@pytest.mark.parametrize("count", [6, 12, 24, 100])
@pytest.mark.parametrize("when", [0.1, 0.5, 0.9])
def test_one_step(count: int, when: float) -> None:
    values = np.where(np.arange(count) > count * when, 1e6, 0.0)
    assert judged(values).shape in ("step", "flat")


@pytest.mark.parametrize("count", [12, 24, 100])
@pytest.mark.parametrize("part", [0.15, 0.3, 0.5])
def test_a_plateau_after_warming_up(count: int, part: float) -> None:
    """A cache that fills and is bounded: growth that ended, however steady it was."""
    trend = judged(np.minimum(ramp(count) / part, 1e6))
    assert trend.shape in ("levelled", "step")
    assert trend.per_second == 0.0


@pytest.mark.parametrize(("flat", "shape"), [(1, "unsteady"), (2, "levelled"), (3, "levelled")])
def test_a_plateau_is_seen_for_a_fair_part_of_the_run(flat: int, shape: str) -> None:
    """One interval of seven without growth is none: the last of the work may have been of another kind."""
    values = [*range(0, (8 - flat) * 10**5, 10**5), *[(7 - flat) * 10**5] * flat]
    assert judge(list(range(8)), values, LEAST).shape == shape


@pytest.mark.parametrize("height", [3, 5, 8, 12])
def test_a_saw(height: int) -> None:
    assert judged(saw(120, height, 1e5)).shape != "steady"


@pytest.mark.parametrize("count", [24, 100, 256])
def test_growth_in_the_last_fifth_alone(count: int) -> None:
    """It may be a leak, and it may be the last batch; a longer run would tell."""
    assert judged(np.maximum(0, np.linspace(-0.8, 0.2, count) * 1e6)).shape != "steady"


def test_two_steps() -> None:
    at = np.arange(60)
    assert judged(np.where(at > 15, 1e6, 0.0) + np.where(at > 40, 1e6, 0.0)).shape != "steady"


# --- how often noise is called a leak -------------------------------------------------------------------------


def white(generator: np.random.Generator, count: int) -> Floats:
    return 1e6 + generator.normal(0, 1e5, count)


def drawn_back(generator: np.random.Generator, count: int) -> Floats:
    """A random walk that is drawn back to its mean (an Ornstein-Uhlenbeck process): a pool, a queue, a cache."""
    values, value = [], 0.0
    for step in generator.normal(0, 1e5, count):
        value += float(step) - 0.2 * value
        values.append(1e6 + value)
    return np.array(values)


def warming(generator: np.random.Generator, count: int) -> Floats:
    return 1e6 * (1 - np.exp(-np.linspace(0, 8, count))) + generator.normal(0, 1e4, count)


def bursts(generator: np.random.Generator, count: int) -> Floats:
    return np.asarray(generator.exponential(1e6, count), dtype=np.float64)


@pytest.mark.parametrize(
    ("series", "count", "allowed"),
    [  # of 2000; measured 2, 0, 0, 0 / 21, 2, 1, 0 / 12, 20, 0 / 0
        (white, 6, 4),
        (white, 10, 0),
        (white, 24, 0),
        (white, 256, 0),
        (drawn_back, 6, 30),
        (drawn_back, 10, 8),
        (drawn_back, 24, 4),
        (drawn_back, 256, 0),
        (warming, 10, 30),
        (warming, 24, 30),
        (warming, 256, 0),
        (bursts, 24, 0),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_false_alarms(series: Series, count: int, allowed: int) -> None:
    """Two thousand series that do not leak, always the same ones."""
    alarms = sum(judged(series(np.random.default_rng(seed), count)).shape == "steady" for seed in range(2000))
    assert alarms <= allowed


# --- too little to tell ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_too_short(count: int) -> None:
    assert judged(ramp(count)).shape == "too short"


def test_moments_that_are_all_at_the_end_are_too_few() -> None:
    """A hundred moments in the last tenth of the run say nothing of the rest of it."""
    times = [0.0, *np.linspace(9.0, 10.0, 100)]
    assert judge(times, [0.0, *ramp(100)], LEAST).shape != "steady"


@pytest.mark.parametrize("times", [[0.0] * 24, [5.0] * 24])
def test_a_clock_that_stands_still_tells_nothing(times: list[float]) -> None:
    assert judge(times, ramp(24).tolist(), LEAST).shape == "too short"


# --- the clock of work ----------------------------------------------------------------------------------------


def test_work_in_bursts_is_told_by_the_clock_of_work() -> None:
    """A service leaks with each request; the requests come in the first tenth of the time, and in its last."""
    work = np.linspace(0, 10, 41)
    times = np.where(work < 5, work / 5, 90 + work).tolist()
    values = (work * 1e5).tolist()
    assert judge(times, values, LEAST).shape != "steady"
    assert judge(times, values, LEAST, work.tolist()).shape == "steady"


def test_idling_after_work_is_no_pause() -> None:
    work = np.concatenate([np.linspace(0, 10, 30), np.full(10, 10.0)])
    times = np.linspace(0, 40, 40).tolist()
    assert judge(times, (work * 1e5).tolist(), LEAST, work.tolist()).shape == "steady"


def test_steady_by_time_is_enough() -> None:
    times = np.linspace(0, 10, 24)
    work = np.where(times < 9, times / 100, times * 10)
    assert judge(times.tolist(), ramp(24).tolist(), LEAST, work.tolist()).shape == "steady"


def test_rates_are_by_the_wall() -> None:
    trend = judge(np.linspace(0, 20, 24).tolist(), ramp(24).tolist(), LEAST, np.linspace(0, 1, 24).tolist())
    assert trend.per_second == pytest.approx(5e4)


def test_a_plateau_is_one_by_both_clocks() -> None:
    work = np.linspace(0, 10, 40)
    values = np.minimum(work, 3.0) * 1e6
    times = np.linspace(0, 100, 40)
    assert judge(times.tolist(), values.tolist(), LEAST, work.tolist()).shape in ("levelled", "step")


# --- the floor, and words -------------------------------------------------------------------------------------


def test_the_floor_is_what_stays() -> None:
    assert floor([5, 1, 4, 2, 8, 3]).tolist() == [1, 1, 2, 2, 3, 3]
    assert floor([1]).tolist() == [1]


def test_every_shape_has_its_words() -> None:
    shapes = {judged(values).shape for values in (ramp(24), np.zeros(24), ramp(3), np.minimum(ramp(24) * 4, 1e6))}
    assert shapes <= set(WORDS)
    assert Trend("steady").words == "grows to the end"
    assert len(set(WORDS.values())) == len(WORDS)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_unit_of_time_does_not_matter(scale: float) -> None:
    series: list[Floats] = [ramp(24), np.minimum(ramp(24) * 3, 1e6), saw(24, 5, 1e6)]
    for values in series:
        assert judged(values, 10 * scale).shape == judged(values, 10).shape
