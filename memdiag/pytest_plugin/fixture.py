"""The ``memdiag`` fixture: a test that says itself what is to be repeated, or between which points nothing may grow.

It was asked for in code, so it works without ``--memdiag`` too. A test that uses it is not repeated besides.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from memdiag.errors import CannotDo, MemdiagError
from memdiag.probe.counted import begin_tracing
from memdiag.pytest_plugin.failure import text
from memdiag.pytest_plugin.heaps import Heaps, Trial
from memdiag.pytest_plugin.judged import Judged
from memdiag.pytest_plugin.judging import heaps_of, told_of
from memdiag.pytest_plugin.rounds import asked, end_tracing
from memdiag.pytest_plugin.screen import settled_size
from memdiag.pytest_plugin.terms import Terms, of_words
from memdiag.units import format_bytes

_WARM_UP = 2  # rounds
_ITERATIONS = 1000


class Memdiag:
    """What the fixture gives."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._watch: Watch | None = None

    def current_bytes(self) -> int:
        """Bytes of all live Python objects of this process, garbage collected first.

        What C keeps is not among them, nor is what only a variable of a running function holds, unless it is a
        container or an instance: the interpreter tells of no others.
        """
        return settled_size().bytes

    def rounds(self, iterations: int = _ITERATIONS, **terms: Any) -> Iterator[int]:
        """``for n in memdiag.rounds(1000):`` repeats the loop's body, and fails the test where something grows.

        ``iterations`` are all of them; the first quarter, two rounds of eight, is not judged, since caches and windows
        fill. The other arguments are those of the mark. Raises UsageError as pytest's failure.
        """
        wanted = self._terms({"iterations": iterations, **terms})
        return self._repeated(wanted, iterations)

    def _repeated(self, terms: Terms, iterations: int) -> Iterator[int]:
        rounds = terms.rounds
        ends = [iterations * at // (rounds + _WARM_UP) for at in range(1, rounds + _WARM_UP + 1)]
        trial = self._begin(terms, rounds + 1)
        tracing = False
        at = 0
        try:
            for number in range(iterations):
                yield number
                if number + 1 != ends[at]:
                    continue
                if at >= _WARM_UP:
                    trial.count(ends[at] - ends[at - 1])
                if at >= _WARM_UP - 1:
                    trial.look("sample" if at + 1 < len(ends) else "last round")
                tracing = end_tracing(tracing)
                at += 1
                if at == _WARM_UP + rounds // 2:
                    tracing = begin_tracing()
            self._conclude(trial)
        finally:
            end_tracing(tracing)
            trial.end()

    @contextmanager
    def watch(self, **terms: Any) -> Iterator[Watch]:
        """``with memdiag.watch(max_growth="1MB"):`` fails the test where the block leaves more than that behind.

        The terms are those of the mark. Without ``max_growth`` nothing fails, and the figures are there to be asserted.
        """
        wanted = self._terms(terms)
        trial = self._begin(wanted, 2)
        watch = self._watch = Watch(trial)
        try:
            watch.begin()
            yield watch
            watch.end()
            if wanted.max_growth_bytes is not None and watch.growth_bytes > wanted.max_growth_bytes:
                self._over(watch, trial, wanted)
        finally:
            self._watch = None
            trial.end()

    def label(self, name: str) -> None:
        """Note the bytes at this point of the block that is watched."""
        if self._watch is None:
            pytest.fail("memdiag.label() is for the inside of `with memdiag.watch():`", pytrace=False)
        self._watch.label(name)

    def _terms(self, words: dict[str, Any]) -> Terms:
        try:
            return of_words(self._item.config, **words)
        except MemdiagError as error:
            problem = "; ".join(filter(None, (error.problem, error.next_step)))
        pytest.fail(problem, pytrace=False)

    def _begin(self, terms: Terms, looks: int) -> Trial:
        try:
            heaps: Heaps = heaps_of(self._item.config)
        except CannotDo as error:
            pytest.skip(f"memdiag: {error.problem}")
        return heaps.begin({**told_of(self._item), **asked(terms), "looks": looks})

    def _conclude(self, trial: Trial) -> None:
        """Fails the test with what was found."""
        judged = self._judged(trial)
        if judged.failed:
            pytest.fail(text(judged.failed), pytrace=False)

    def _judged(self, trial: Trial) -> Judged:
        try:
            report = trial.verdict()
        except CannotDo as error:
            pytest.skip(f"memdiag: {error.problem}")
        if "problem" in report:
            pytest.skip(f"memdiag: {report['problem']}")
        return Judged(str(report["verdict"]), report=report)

    def _over(self, watch: Watch, trial: Trial, terms: Terms) -> None:
        held = text([_of_the_block(finding) for finding in self._judged(trial).failed])
        grew = f"grew by {format_bytes(watch.growth_bytes)}, more than max_growth={terms.max_growth}"
        pytest.fail(
            "\n".join([f"the block {grew}", *watch.told(), "", held or "What holds it was not found."]), pytrace=False
        )


def _of_the_block(finding: dict[str, Any]) -> dict[str, Any]:
    """The finding in words that fit a block, which was gone through once."""
    title = finding["title"].replace(" per call", " in the block")
    why = finding["why"].replace(" over 1 call, more after each of 1 round,", " in the block,")
    return {**finding, "title": title, "why": why}


class Watch:
    """A block that is watched: ``growth_bytes`` from its begin on, and ``moments``, (label, bytes)."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.moments: list[tuple[str, int]] = []

    @property
    def growth_bytes(self) -> int:
        return self.moments[-1][1] - self.moments[0][1] if self.moments else 0

    def begin(self) -> None:
        self._trial.look()
        self.label("begin")

    def label(self, name: str) -> None:
        self.moments.append((name, settled_size().bytes))

    def end(self) -> None:
        self.label("end")
        self._trial.count(1)
        self._trial.look("last round")

    def told(self) -> list[str]:
        width, first = max(len(name) for name, _ in self.moments), self.moments[0][1]
        return [f"   {name:<{width}}  {format_bytes(size - first, signed=True):>10}" for name, size in self.moments[1:]]
