"""One moment of a run, as if the run had ended there: so that two moments of one run compare like two runs."""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_right

import numpy as np

from memdiag.errors import UsageError
from memdiag.model import Capture, HeapEvidence, Moment, Population, Traces, TypeSeries
from memdiag.units import format_duration

_SHOWN = 12  # moments that an error lists
_EPSILON_S = 1e-6


def at_moment(capture: Capture, asked: str, name: str) -> Capture:
    """The capture up to the moment that is ``asked`` for: its number, from the end if negative, or its label.

    Numbers are those of the allocation traces where there are any, else of the heap snapshots. What was looked at
    less often counts as of its last look before. Raises UsageError, naming the moments, where there is no such one.
    """
    moments = _moments(capture)
    if not moments:
        raise UsageError(f"{name} holds no series of moments", "leave # and what follows it out")
    if re.fullmatch(r"-?[0-9]{1,9}", asked):
        number = int(asked)
        if not -len(moments) <= number < len(moments):
            raise UsageError(f"{name} has no moment {asked}", _listed(moments, capture))
        return _until(capture, moments[number].t_s)
    named = [moment for moment in (*capture.labels, *moments) if moment.label == asked]
    if not named:
        raise UsageError(f"{name} has no moment {asked!r:.60}", _listed(moments, capture))
    return _until(capture, named[-1].t_s)


def _moments(capture: Capture) -> tuple[Moment, ...]:
    if capture.traces is not None and capture.traces.moments:
        return capture.traces.moments
    return capture.heap.moments if capture.heap is not None else ()


def _listed(moments: tuple[Moment, ...], capture: Capture) -> str:
    """The moments as they can be asked for."""
    told = [f"#{at} {moment.label} ({format_duration(moment.t_s)})" for at, moment in enumerate(moments)]
    if len(told) > _SHOWN:
        told = [*told[: _SHOWN // 2], "...", *told[-_SHOWN // 2 :]]
    labels = [f"#{moment.label!s:.40}" for moment in capture.labels]
    return "it has " + ", ".join([*told, *dict.fromkeys(labels)])


def _until(capture: Capture, t_s: float) -> Capture:
    last = t_s + _EPSILON_S
    return dataclasses.replace(
        capture,
        traces=capture.traces and _traces_until(capture.traces, last),
        heap=capture.heap and _heap_until(capture.heap, last),
        samples=tuple(sample for sample in capture.samples if sample.t_s <= last),
        end_s=None if capture.end_s is None else min(capture.end_s, last),
        cycles=(),
    )


def _count(moments: tuple[Moment, ...], last: float) -> int:
    """How many of the moments have come by then; the first always has."""
    return max(1, bisect_right([moment.t_s for moment in moments], last)) if moments else 0


def _traces_until(traces: Traces, last: float) -> Traces:
    count = _count(traces.moments, last)
    if count == len(traces.moments):
        return traces
    nothing = np.zeros(len(traces.stacks), np.int64)  # what was garbage then is not known
    return dataclasses.replace(
        traces,
        moments=traces.moments[:count],
        live_bytes=traces.live_bytes[:count],
        live_blocks=traces.live_blocks[:count],
        awaiting_bytes=nothing,
        awaiting_blocks=nothing.copy(),
        untold_bytes=0,
    )


def _heap_until(heap: HeapEvidence, last: float) -> HeapEvidence:
    count = _count(heap.moments, last)
    if count == len(heap.moments):
        return heap
    return dataclasses.replace(
        heap,
        moments=heap.moments[:count],
        populations=tuple(_population_until(one, count) for one in heap.populations),
        objects=heap.objects[:count],
        heap_bytes=heap.heap_bytes[:count],
        garbage_objects=0,
        garbage_bytes=0,
        garbage_types=(),
        types=tuple(_types_until(one, count) for one in heap.types),
    )


def _population_until(one: Population, count: int) -> Population:
    """What its items would give back is known of the last moment: of others it is taken to go with their number."""
    there, last = (max(counts[-1], 0) if counts else 0 for counts in (one.counts[:count], one.counts))
    share = there / last if last else 0.0
    return dataclasses.replace(
        one,
        counts=one.counts[:count],
        sizes=one.sizes[:count],
        retained_bytes=round(one.retained_bytes * share),
        reachable_bytes=round(one.reachable_bytes * share),
    )


def _types_until(one: TypeSeries, count: int) -> TypeSeries:
    return dataclasses.replace(one, counts=one.counts[:count], sizes=one.sizes[:count])
