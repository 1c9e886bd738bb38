"""The rounds of one test: a few to see whether anything grows at all, and if so more, with the heap after each.

How many repetitions make a round follows from how long one takes: a budget of seconds pays for those that screen, and
four times as much for those that find what it was. Most tests leave nothing, and end with the first.
"""

from __future__ import annotations

import time
from _tracemalloc import is_tracing, stop
from collections.abc import Callable
from typing import Any

from memdiag.errors import CannotDo
from memdiag.probe.counted import begin_tracing
from memdiag.pytest_plugin.heaps import Heaps, Trial
from memdiag.pytest_plugin.judged import Judged
from memdiag.pytest_plugin.left import left_behind, with_left
from memdiag.pytest_plugin.repeat import Repeater
from memdiag.pytest_plugin.screen import settled_size
from memdiag.pytest_plugin.terms import FEWEST_ITERATIONS, FEWEST_ROUNDS, Terms
from memdiag.units import format_duration

_WARM_UP = 2  # repetitions
_SCREENING = 4  # rounds, at most
_STEADY = 2  # rounds in which nothing grew
_MOST_SCREENED = 10  # repetitions of a screening round
_MOST = 40  # of a judged one
_FEWEST = 2
_MORE = 4  # times the budget


class _NotAgain(Exception):
    """A repetition went wrong; the text says how."""


class Rounds:
    """Repeats one test. ``heaps`` is asked for only where something grows; ``told`` is what the judge hears of it."""

    def __init__(self, once: Repeater, terms: Terms, heaps: Callable[[], Heaps], told: dict[str, Any]) -> None:
        self._once, self._terms, self._heaps, self._told = once, terms, heaps, told
        self._done = 0
        self._each_s = 0.0

    def judged(self) -> Judged:
        """Raises CannotDo."""
        try:
            problem = self._warm_up()
            if problem:
                return Judged("inconclusive", problem, self._done)
            left = left_behind(lambda: self._repeat(1))
            grown = self._examined() if self._grows() else Judged("clean", "", self._done)
            return with_left(grown, left, self._terms)
        except _NotAgain as problem:
            words = f"it cannot be repeated in one process: repetition {self._done} ended with {problem}"
            return Judged("inconclusive", words, self._done)

    def _warm_up(self) -> str:
        begun = time.perf_counter()
        self._repeat(1)
        first = time.perf_counter() - begun
        fewest = _WARM_UP + _STEADY * _FEWEST
        if self._terms.iterations is None and first * fewest > self._terms.budget_s:
            return (
                f"one repetition takes {format_duration(first)}, and {fewest} of them more than the budget of"
                f" {format_duration(self._terms.budget_s)}: raise memdiag_budget, or mark it with iterations="
            )
        begun = time.perf_counter()
        self._repeat(_WARM_UP - 1)
        self._each_s = max((time.perf_counter() - begun) / (_WARM_UP - 1), 1e-6)
        return ""

    def _repeat(self, times: int) -> None:
        for _ in range(times):
            self._done += 1
            problem = self._once()
            if problem:
                raise _NotAgain(problem)

    def _grows(self) -> bool:
        """Whether something may: more than now and then, and not only at first."""
        count = self._fitting(self._terms.budget_s, _SCREENING, _MOST_SCREENED)
        steady = 0
        before = settled_size()
        for _ in range(_SCREENING):
            self._repeat(count)
            now = settled_size()
            steady += _STEADY if now == before else now.bytes < before.bytes
            before = now
            if steady >= _STEADY:
                return False
        return True

    def _fitting(self, seconds: float, rounds: int, most: int) -> int:
        """Repetitions of a round."""
        if self._terms.iterations is not None:
            return min(most, -(-self._terms.iterations // self._terms.rounds))
        return min(most, max(_FEWEST, int(seconds / rounds / self._each_s)))

    def _examined(self) -> Judged:
        rounds, iterations = self._amount()
        least, more = divmod(iterations, rounds)
        trial = self._heaps().begin({**self._told, **asked(self._terms), "looks": rounds + 1})
        try:
            self._repeat(least)
            trial.look()
            for at in range(1, rounds + 1):
                self._round(trial, least + (at <= more), traced=at == rounds // 2 + 1, last=at == rounds)
            report = trial.verdict()
        finally:
            trial.end()
        if "problem" in report:
            raise CannotDo(str(report["problem"]))
        return Judged(str(report["verdict"]), "", self._done, report)

    def _amount(self) -> tuple[int, int]:
        if self._terms.iterations is not None:
            return self._terms.rounds, self._terms.iterations
        seconds = _MORE * self._terms.budget_s
        few = self._each_s * FEWEST_ITERATIONS * 2 > seconds
        rounds = FEWEST_ROUNDS if few else self._terms.rounds
        least = -(-FEWEST_ITERATIONS // rounds)
        return rounds, rounds * max(least, self._fitting(seconds, rounds + 1, _MOST))

    def _round(self, trial: Trial, count: int, *, traced: bool, last: bool) -> None:
        tracing = traced and begin_tracing()
        try:
            self._repeat(count)
            trial.count(count)
            trial.look("last round" if last else "sample")
        finally:
            end_tracing(tracing)


def end_tracing(begun: bool) -> bool:
    """Stop what ``begin_tracing`` began; False, as nothing is traced any more."""
    if begun and is_tracing():
        stop()
    return False


def asked(terms: Terms) -> dict[str, Any]:
    """What the judge must know of them."""
    return {
        "explicit": terms.explicit,
        "fail_on": terms.fail_on,
        "max_growth_bytes": terms.max_growth_bytes,
        "ignore": list(terms.ignore),
        "baseline": terms.baseline,
        "rules": list(terms.rules),
    }
