"""Is this growth? A question about a series, not about two points.

What counts is what stays: the *floor* of a series is, at each moment, the least it will ever be again. Garbage that
awaits the collector, bursts and saws leave the floor flat, a warm-up raises it once, and a leak raises it all along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Shape = Literal["flat", "steady", "levelled", "step", "unsteady", "too short"]
Floats = npt.NDArray[np.float64]

_INTERVALS = 8  # that the run is cut into, where there are moments enough
_FEWEST = 4  # intervals that must grow, one after the other, up to the end
_EVEN = 0.3  # of the mean rate: an interval that grew less is a pause
_LATE = 0.5  # of the run that the growing intervals must cover
_NOISE = 3.0  # growth must be this many times the largest fall that came before the end
LEVEL = 0.25  # of the run, at its end, that must have brought next to nothing for growth to have come to an end

_AGREED: tuple[Shape, ...] = ("steady", "unsteady", "step", "levelled")  # the later, the more clocks must say so

WORDS: dict[Shape, str] = {
    "flat": "does not grow",
    "steady": "grows to the end",
    "levelled": "levelled off",
    "step": "came at once",
    "unsteady": "comes and goes",
    "too short": "too few samples",
}


@dataclass(frozen=True)
class Trend:
    """How a series went: its shape, how much of it stayed, and over which part of the run it grew steadily."""

    shape: Shape
    growth: float = 0.0  # of the floor, over the whole series
    per_second: float = 0.0  # over the whole series
    intervals: int = 0  # that grew one after the other, up to the end
    share: float = 0.0  # of the run's time that these cover

    @property
    def words(self) -> str:
        return WORDS[self.shape]


def floor(values: Sequence[float]) -> Floats:
    """At each moment, the least value from then on."""
    return np.minimum.accumulate(np.asarray(values, dtype=np.float64)[::-1])[::-1]


def judge(times: Sequence[float], values: Sequence[float], least: float, work: Sequence[float] = ()) -> Trend:
    """The trend of a series; growth of less than ``least`` in all is flat.

    ``times`` are seconds, increasing; ``values`` as many; ``work`` is a clock that counts work done, as many. Growth is
    steady if it is so by either clock, and has come to an end only if it is so by both: a machine that is busy with
    other things stretches time, not work.
    """
    if len(values) < 2:
        return Trend("too short")
    low = floor(values)
    growth = float(low[-1] - low[0])
    if growth < least:
        return Trend("flat", growth)
    trends = []
    for clock in (times, work):
        cuts = _cuts(np.asarray(clock, dtype=np.float64)) if len(clock) else []
        if len(cuts) > _FEWEST:
            trends.append(
                _judge_cut(np.asarray(clock, dtype=np.float64)[cuts], low[cuts], growth, least, values, times)
            )
    if not trends:
        return Trend("too short", growth)
    return min(trends, key=lambda trend: _AGREED.index(trend.shape))


def is_spread(clock: Sequence[float]) -> bool:
    """Whether the moments lie far enough apart, and all over the run, for a trend to be told from them."""
    return len(_cuts(np.maximum.accumulate(np.asarray(clock, dtype=np.float64)))) > _FEWEST


def _judge_cut(
    clock: Floats, low: Floats, growth: float, least: float, values: Sequence[float], times: Sequence[float]
) -> Trend:
    spans, rises = np.diff(clock), np.diff(low)
    steady = _steady_end(rises / spans)
    share = float(spans[len(spans) - steady :].sum() / spans.sum())
    late = float(rises[len(rises) - steady :].sum())
    if steady >= _FEWEST and share >= _LATE and late >= least:
        shape: Shape = "steady" if late >= _NOISE * _largest_fall(values) else "unsteady"
        return Trend(shape, growth, growth / max(times[-1] - times[0], 1e-9), steady, share)
    return Trend(_otherwise(rises, spans, growth), growth, 0.0, steady, share)


def _cuts(times: Floats) -> list[int]:
    """Indices of moments that cut the run into intervals of about the same length, the last moment among them."""
    gap = (times[-1] - times[0]) / _INTERVALS
    if gap <= 0:
        return []
    cuts = [len(times) - 1]
    for at in range(len(times) - 2, -1, -1):
        if times[cuts[-1]] - times[at] >= 0.8 * gap:
            cuts.append(at)
    return cuts[::-1]


def _steady_end(rates: Floats) -> int:
    """How many of the last intervals all grew, each by a fair part of what they grew on average."""
    best = 0
    for count in range(1, len(rates) + 1):
        last = rates[len(rates) - count :]
        if last.min() > 0 and last.min() >= _EVEN * last.mean():
            best = count
    return best


def _largest_fall(values: Sequence[float]) -> float:
    heights = np.maximum.accumulate(np.asarray(values, dtype=np.float64))
    return float((heights - np.asarray(values, dtype=np.float64)).max())


def _otherwise(rises: Floats, spans: Floats, growth: float) -> Shape:
    if rises.max() >= 0.7 * growth:
        return "step"
    covered = np.cumsum(spans[::-1])
    last = 1 + int(np.searchsorted(covered, LEVEL * covered[-1] - 1e-9))
    if rises[-last:].sum() < 0.1 * growth:
        return "levelled"
    return "unsteady"
