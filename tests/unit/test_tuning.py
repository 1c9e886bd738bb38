"""What is concluded from made-up runs: gains, their price, noise, and settings that were not to be tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from memdiag.analysis.tuning import judge
from memdiag.model import CollectorCost, CollectorSetting, GenerationCost, Trial, TrialRun, Tuning

MORE, MUCH = (7_000, 10, 10), (50_000, 20, 20)
SETTINGS = (
    CollectorSetting(),
    CollectorSetting(thresholds=MORE),
    CollectorSetting(thresholds=MUCH),
    CollectorSetting(freeze=True),
    CollectorSetting(thresholds=MORE, freeze=True),
    CollectorSetting(off=True),
)
AS_IT_IS, TENFOLD, FIFTY, FREEZE, BOTH, OFF = SETTINGS
STEADY = (0.9999, 1.0, 1.0001)
FLAT = dict.fromkeys(SETTINGS, 1.0)


def run(
    cpu: float = 1.0, rss: int = 100_000_000, pause: float = 0.001, share: float = 0.1, frozen: int = 0
) -> TrialRun:
    generation = GenerationCost(0, 100, share * cpu, pause, 0)
    return TrialRun(cpu, cpu, rss, CollectorCost((generation,), active_s=cpu, frozen=frozen), 100)


def trials(
    cpu: dict[CollectorSetting, float],
    noise: Sequence[float] = (0.99, 1.0, 1.01),
    change: Callable[[CollectorSetting, TrialRun], TrialRun] = lambda _, run: run,
) -> list[Trial]:
    """A trial a setting, with these CPU times; the noise is another in each round for each of them."""
    found = []
    for at, setting in enumerate(SETTINGS):
        factors = [noise[(at + number) % len(noise)] for number in range(len(noise))]
        runs = [run(cpu[setting] * factor, frozen=1_000 if setting.freeze else 0) for factor in factors]
        found.append(Trial(setting, tuple(change(setting, one) for one in runs)))
    return found


def said(tuning: Tuning) -> str:
    return " ".join(tuning.advice)


def test_no_difference_is_said_with_the_noise() -> None:
    tuning = judge(trials(FLAT))
    assert tuning.advised is None
    assert 0.02 < tuning.noise < 0.06
    assert tuning.advice == (
        f"No setting made a difference larger than the noise ({100 * tuning.noise:.2g} %);"
        " the collector takes 10.0 % of the time.",
    )


def test_a_clear_gain_is_advised_with_what_to_write() -> None:
    tuning = judge(trials({**FLAT, FREEZE: 0.8}))
    assert tuning.advised == FREEZE
    assert tuning.advice[0].startswith("gc.freeze() after start-up: 20 % less CPU time (noise ")
    assert tuning.advice[0].endswith("same memory.")


def test_a_gain_within_the_noise_is_none() -> None:
    tuning = judge(trials({**FLAT, FREEZE: 0.9}, noise=(0.9, 1.0, 1.1)))
    assert tuning.advised is None
    assert "larger than the noise" in said(tuning)


def test_a_gain_too_small_to_matter_is_none() -> None:
    tuning = judge(trials({**FLAT, FREEZE: 0.99}, STEADY))
    assert tuning.noise < 0.001
    assert tuning.advice[0].startswith("No setting saves as much as 2 % of the CPU time")


def test_a_machine_that_slows_down_does_so_for_all() -> None:
    """Rounds that take 1, 2 and 4 times as long: compared within a round, a fifth less is as plain as ever."""

    def drifting(setting: CollectorSetting) -> Trial:
        cpu = 0.8 if setting == FREEZE else 1.0
        return Trial(setting, tuple(run(cpu * slow, frozen=int(setting.freeze)) for slow in (1.0, 2.0, 4.0)))

    tuning = judge([drifting(setting) for setting in SETTINGS])
    assert tuning.noise < 1e-6
    assert tuning.advised == FREEZE
    assert tuning.rows[3].cpu_ratio == pytest.approx(0.8)


def test_of_equal_gains_the_one_that_takes_less_memory_wins_else_the_simpler() -> None:
    gains = {**FLAT, TENFOLD: 0.7, FIFTY: 0.7, FREEZE: 0.7, BOTH: 0.7}
    assert judge(trials(gains)).advised == TENFOLD

    def dear(setting: CollectorSetting, one: TrialRun) -> TrialRun:
        return replace(one, peak_rss_bytes=150_000_000) if setting.thresholds else one

    assert judge(trials(gains, change=dear)).advised == FREEZE


def test_the_price_in_memory_is_told() -> None:
    def dear(setting: CollectorSetting, one: TrialRun) -> TrialRun:
        return replace(one, peak_rss_bytes={FIFTY: 130_000_000, OFF: 340_000_000}.get(setting, 100_000_000))

    tuning = judge(trials({**FLAT, FIFTY: 0.7, OFF: 0.6}, STEADY, change=dear))
    assert tuning.advised == FIFTY
    assert "30 % more memory (30.0 MB)" in tuning.advice[0]
    assert tuning.advice[1].startswith(
        "With no collector at all it would be 40 % less, 3.4 times the memory (240.0 MB more): a bound, and no advice"
    )


def test_no_collector_is_never_advised() -> None:
    tuning = judge(trials({**FLAT, OFF: 0.3}))
    assert tuning.advised is None
    assert tuning.advice[0].startswith("No setting saves more than the noise")
    assert "no advice" in tuning.advice[1]


def test_no_more_to_gain_is_said() -> None:
    tuning = judge(trials({**FLAT, BOTH: 0.6, OFF: 0.6}, STEADY))
    assert tuning.advised == BOTH
    assert tuning.advice[0].startswith("gc.set_threshold(7000, 10, 10) and gc.freeze() after start-up: 40 % less")
    assert tuning.advice[1].startswith("No more is to be gained")


def test_slower_is_said() -> None:
    assert (
        "Slower: (50000, 20, 20) by 30 %, collector off by 50 %."
        in judge(trials({**FLAT, FIFTY: 1.3, OFF: 1.5}, STEADY)).advice
    )


def test_shorter_pauses_alone_are_worth_a_sentence() -> None:
    def calmer(setting: CollectorSetting, one: TrialRun) -> TrialRun:
        assert one.collector is not None
        longest = 0.004 if setting.freeze else 0.080
        generations = tuple(replace(each, longest_s=longest) for each in one.collector.generations)
        return replace(one, collector=replace(one.collector, generations=generations))

    tuning = judge(trials(FLAT, change=calmer))
    assert tuning.advised is None
    assert tuning.advice[1] == "gc.freeze() after start-up: longest pause 4 ms instead of 80 ms, same memory."


def test_longer_pauses_are_no_advice() -> None:
    def longer(setting: CollectorSetting, one: TrialRun) -> TrialRun:
        assert one.collector is not None
        longest = 0.080 if setting.thresholds else 0.004
        generations = tuple(replace(each, longest_s=longest) for each in one.collector.generations)
        return replace(one, collector=replace(one.collector, generations=generations))

    assert len(judge(trials(FLAT, change=longer)).advice) == 1
    gain = judge(trials({**FLAT, TENFOLD: 0.7}, change=longer))
    assert "longest pause 80 ms instead of 4 ms" in gain.advice[0]


def test_what_the_program_sets_itself_is_left_out_and_said() -> None:
    def overriding(_: CollectorSetting, one: TrialRun) -> TrialRun:
        assert one.collector is not None
        return replace(one, overridden=True, collector=replace(one.collector, thresholds=(5_000, 50, 50)))

    tuning = judge(trials({**FLAT, TENFOLD: 0.5, FREEZE: 0.7}, change=overriding))
    assert [bool(row.left_out) for row in tuning.rows] == [False, True, True, False, True, True]
    assert tuning.advised == FREEZE
    assert "The program sets the collector itself (its thresholds are (5000, 50, 50))" in said(tuning)


def test_a_program_without_a_collector_has_none_to_tune() -> None:
    def switching(_: CollectorSetting, one: TrialRun) -> TrialRun:
        return replace(one, overridden=True, enabled=False)

    assert "at the end it is off" in said(judge(trials(FLAT, change=switching)))


def test_where_nothing_was_frozen_nothing_is_said_of_freezing() -> None:
    def idle(_: CollectorSetting, one: TrialRun) -> TrialRun:
        assert one.collector is not None
        return replace(one, collector=replace(one.collector, frozen=0))

    tuning = judge(trials({**FLAT, FREEZE: 0.5}, change=idle))
    assert tuning.advised is None
    assert tuning.rows[3].left_out == "nothing was frozen: the main thread saw no collection past the imports"


def test_a_setting_that_the_program_fails_under_is_left_out() -> None:
    def failing(setting: CollectorSetting, one: TrialRun) -> TrialRun:
        return replace(one, exit_status=1) if setting == FIFTY else one

    tuning = judge(trials({**FLAT, FIFTY: 0.1}, change=failing))
    assert tuning.advised is None
    assert tuning.rows[2].left_out == "3 of 3 runs ended with status 1"


def test_figures_that_are_not_known_are_none() -> None:
    def blind(_: CollectorSetting, one: TrialRun) -> TrialRun:
        return replace(one, peak_rss_bytes=None)

    tuning = judge(trials({**FLAT, FREEZE: 0.8}, change=blind))
    assert {row.rss_ratio for row in tuning.rows} == {None}
    assert "memory not known" in tuning.advice[0]


def test_collections_that_could_not_be_timed_are_still_counted() -> None:
    def untimed(_: CollectorSetting, one: TrialRun) -> TrialRun:
        assert one.collector is not None
        return replace(one, collector=replace(one.collector, generations=()))

    tuning = judge(trials({**FLAT, FREEZE: 0.8}, change=untimed))
    assert tuning.advised == FREEZE
    first = tuning.rows[0]
    assert (first.collector_share, first.longest_pause_s, first.collections) == (None, None, 100)
    assert "was not measured: the program has signal handlers" in said(tuning)


def test_chance_seldom_ends_in_an_advice() -> None:
    """Where no setting changes anything: below one trial in a hundred, whether runs vary by 1 % or by 30 %."""
    random = np.random.default_rng(3)
    false = 0
    for number in range(600):
        spread = 0.01 if number % 2 else 0.3
        times = np.exp(random.normal(size=(len(SETTINGS), 3)) * spread)
        made_up = [
            Trial(setting, tuple(run(float(time), frozen=int(setting.freeze)) for time in row))
            for setting, row in zip(SETTINGS, times, strict=True)
        ]
        false += judge(made_up).advised is not None
    assert false <= 6
