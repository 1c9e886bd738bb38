"""Small plots out of block characters: a sparkline for a row, a few lines of chart for a run. Pure, text out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

LEVELS = "▁▂▃▄▅▆▇█"
FULL = LEVELS[-1]

# A chart's axis spans at least this part of its largest value: noise must not look like a mountain.
MIN_SPAN = 0.1

Points = Sequence[tuple[float, float | None]]
Columns = list[float | None]


def sparkline(values: Sequence[float], width: int) -> str:
    """One character a value, or a part of the series where there are more values than ``width``.

    The lowest value has the lowest block, so it shows the shape, not the size; a constant series is a low line.
    """
    columns = _largest_of_each(values, width)
    if not columns:
        return ""
    low, high = min(columns), max(columns)
    top = len(LEVELS) - 1
    return "".join(LEVELS[round((value - low) / (high - low) * top) if high > low else 0] for value in columns)


def _largest_of_each(values: Sequence[float], width: int) -> list[float]:
    """The series in at most ``width`` columns; each keeps its largest value, so that no peak is lost."""
    count = min(len(values), width)
    bounds = [len(values) * column // count for column in range(count + 1)] if count > 0 else []
    return [max(values[begin:end]) for begin, end in pairwise(bounds)]


def axis(values: Sequence[float]) -> tuple[float, float]:
    """The lowest and highest value of a chart's axis: those of the series, the lowest less where they are close."""
    high = max(values)
    return min(*values, high - abs(high) * MIN_SPAN), high


def chart(points: Points, *, width: int, height: int) -> list[str]:
    """A filled chart of (time, value) points as ``height`` lines of ``width`` characters, the topmost first.

    Time runs from the first point to the last. A column shows the largest value measured in it; columns between two
    measurements are interpolated; a measurement that is ``None`` leaves a gap. At least one value must be known.
    """
    columns = resample(points, width)
    low, high = axis([value for value in columns if value is not None])
    eighths = [None if value is None else _height(value, low, high, height) for value in columns]
    return ["".join(_cell(filled, row) for filled in eighths) for row in reversed(range(height))]


def _height(value: float, low: float, high: float, lines: int) -> int:
    """In eighths of a line; never 0, so that what was measured can be told from what was not."""
    most = lines * len(LEVELS)
    return 1 + round((value - low) / (high - low) * (most - 1)) if high > low else 1


def _cell(filled: int | None, row: int) -> str:
    here = (filled or 0) - row * len(LEVELS)
    return " " if here <= 0 else LEVELS[min(here, len(LEVELS)) - 1]


def resample(points: Points, width: int) -> Columns:
    """The series in ``width`` columns of equal duration (see ``chart``); the points need not be in order."""
    points = sorted(points, key=lambda point: point[0])
    times = [time for time, _ in points]
    start, span = times[0], times[-1] - times[0]
    if span <= 0:
        return [_largest(value for _, value in points)] * width
    measured: list[list[float | None]] = [[] for _ in range(width)]
    for time, value in points:
        measured[min(int((time - start) / span * width), width - 1)].append(value)
    middles = [start + (column + 0.5) * span / width for column in range(width)]
    return [
        _largest(values) if values else _between(points, times, middle)
        for values, middle in zip(measured, middles, strict=True)
    ]


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _between(points: Points, times: Sequence[float], time: float) -> float | None:
    right = bisect_left(times, time)
    (time_before, before), (time_after, after) = points[right - 1], points[right]
    if before is None or after is None:
        return None
    return before + (after - before) * (time - time_before) / (time_after - time_before)
