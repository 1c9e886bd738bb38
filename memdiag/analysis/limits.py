"""When the nearest limit will be reached, at the slope of the run's second half, and how sure that is.

The slope is Theil and Sen's: the median of the slopes between all pairs of samples, which a burst does not move. Its
bounds are those of Sen's rank test at 95 % (P. K. Sen, JASA 63, 1968).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from memdiag.analysis.series import judge
from memdiag.model import Capture, Limit, TimeToLimit

_LEAST_GROWTH = 1_000_000  # bytes
_FEWEST = 8
_Z = 1.96
_MOST = 256  # samples; all pairs of them are looked at


def time_to_limit(capture: Capture, limits: Sequence[Limit]) -> TimeToLimit | None:
    """Of the limit that is nearest; ``None`` where memory does not grow to the end."""
    end = float("inf") if capture.end_s is None else capture.end_s + 1e-6
    told = [
        (one.t_s, one.rss_bytes, one.worked_s)
        for one in capture.samples
        if one.rss_bytes is not None and one.t_s <= end
    ]
    if not limits or len(told) < _FEWEST:
        return None
    times = [time for time, _, _ in told]
    sizes = [size for _, size, _ in told]
    work = [work for _, _, work in told if work is not None]
    if judge(times, sizes, _LEAST_GROWTH, work if len(work) == len(told) else []).shape != "steady":
        return None
    half = [at for at, time in enumerate(times) if time >= (times[0] + times[-1]) / 2][-_MOST:]
    found = slope([times[at] for at in half], [sizes[at] for at in half])
    return None if found is None else _until(min(limits, key=lambda limit: limit.headroom_bytes), *found)


def _until(limit: Limit, low: float, middle: float, high: float) -> TimeToLimit | None:
    if middle <= 0 or high <= 0:
        return None
    room = limit.headroom_bytes
    return TimeToLimit(limit, middle, room / middle, room / high, room / low if low > 0 else None)


def slope(times: Sequence[float], values: Sequence[float]) -> tuple[float, float, float] | None:
    """Of a series, a second: the lower bound, the median, and the upper bound; ``None`` where there is too little."""
    count = len(times)
    x, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    left, right = np.triu_indices(count, 1)
    apart = x[right] - x[left]
    slopes = np.sort((y[right] - y[left])[apart > 0] / apart[apart > 0])
    if count < _FEWEST // 2 or not len(slopes):
        return None
    spread = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = int(max(0, (len(slopes) - spread) // 2))
    high = int(min(len(slopes) - 1, (len(slopes) + spread) // 2))
    return float(slopes[low]), float(np.median(slopes)), float(slopes[high])
