"""Series out of a run's samples, on both clocks, up to the end of its work."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from memdiag.model import Capture, Sample

Series = tuple[list[float], list[int], list[float]]


def series(capture: Capture, read: Callable[[Sample], int | None]) -> Series:
    """The samples at which it could be read: seconds, values, and the work done by then (CPU seconds)."""
    end = float("inf") if capture.end_s is None else capture.end_s + 1e-6
    worked = [sample for sample in capture.samples if sample.t_s <= end]
    told = [(sample, value) for sample in worked if (value := read(sample)) is not None]
    work = [sample.worked_s for sample, _ in told if sample.worked_s is not None]
    return [sample.t_s for sample, _ in told], [value for _, value in told], work if len(work) == len(told) else []


def work_at(samples: Sequence[Sample], times: Sequence[float]) -> list[float]:
    """The other clock at these times, by the samples; empty where they do not have it."""
    told = [(sample.t_s, sample.worked_s) for sample in samples if sample.worked_s is not None]
    if not told:
        return []
    return [float(value) for value in np.interp(times, [time for time, _ in told], [work for _, work in told])]


def thinned(values: Sequence[int], kept: int = 24) -> list[int]:
    """At most about so many, the last among them."""
    step = max(1, len(values) // kept)
    return [*values[:-1:step], values[-1]]
