"""What went on between two heap snapshots that lie far apart: by the interpreter's own count of its blocks.

A snapshot of a large heap is dear, so a program that grows is seen ever less often. How many blocks Python's allocator
has in use is known at many more moments. Where a population makes up most of what came between two snapshots, it came
as the blocks did: at once, or all along.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.case import FEWEST_MOMENTS
from memdiag.analysis.samples import work_at
from memdiag.analysis.series import Floats, floor
from memdiag.model import HeapEvidence, Moment, Population, Sample

_WIDE = 1 / 8  # of the run
_APART = 1 / 16
_MOST = 0.5  # of the bytes that came in between, for a population to have come as all of it did
_FITTING = 0.5  # blocks for each object that came, at least: else other things went meanwhile
_FEWEST = 2  # samples in between
_UNKNOWN = 0.4  # of the run, in which there was not even one of these
_FEWEST_APART = 4  # looks that will do, if each lies by so much of the run behind the one before:
_DISTINCT = 1 / 25


@dataclass(frozen=True)
class Between:
    """Between which two moments, and at which times after the first which share of the blocks had come."""

    at: int
    times: tuple[float, ...]
    shares: tuple[float, ...]


def gaps(evidence: HeapEvidence, samples: Sequence[Sample]) -> list[Between]:
    """Where two snapshots lie far apart, and how the blocks came in between; none where there are too few of them."""
    moments = evidence.moments
    enough = len(moments) >= FEWEST_MOMENTS or _distinct([moment.t_s for moment in moments]) >= _FEWEST_APART
    if not enough or len(evidence.objects) != len(moments):
        return []
    told = [(one.t_s, one.heap_blocks) for one in samples if one.heap_blocks and one.t_s <= moments[-1].t_s]
    if not told:
        return []
    times, blocks = np.array([time for time, _ in told]), floor([count for _, count in told])
    whole = moments[-1].t_s - moments[0].t_s
    found = [
        _between(at, (moments[at].t_s, moments[at + 1].t_s), evidence, times, blocks, whole)
        for at in range(len(moments) - 1)
        if moments[at + 1].t_s - moments[at].t_s > _WIDE * whole
    ]
    return [one for one in found if one is not None]


def _distinct(times: Sequence[float]) -> int:
    """How many looks there were, if those that lie close together count as one."""
    found, last = 0, float("-inf")
    for time in times:
        if time - last >= _DISTINCT * (times[-1] - times[0]):
            found, last = found + 1, time
    return found


def _between(
    at: int, ends: tuple[float, float], evidence: HeapEvidence, times: Floats, blocks: Floats, whole: float
) -> Between | None:
    inside = (times > ends[0]) & (times < ends[1])
    first, last = np.interp(ends, times, blocks)
    came = evidence.objects[at + 1] - evidence.objects[at]
    if inside.sum() < _FEWEST or came <= 0 or last - first < _FITTING * came:
        return None
    chosen: list[int] = []
    for place in np.flatnonzero(inside).tolist():
        if times[place] - (times[chosen[-1]] if chosen else ends[0]) >= _APART * whole:
            chosen.append(place)
    if np.diff([ends[0], *times[chosen], ends[1]]).max() > _UNKNOWN * whole:
        return None
    shares = ((blocks[chosen] - first) / (last - first)).clip(0.0, 1.0)
    return Between(at, tuple(times[chosen].tolist()), tuple(shares.tolist()))


def filled(
    population: Population, evidence: HeapEvidence, samples: Sequence[Sample], wide: Sequence[Between]
) -> tuple[Population, HeapEvidence]:
    """Both with more moments, where the population makes up most of what came between two."""
    shared = [one for one in wide if _came_with(population, evidence, one.at)]
    if not shared:
        return population, evidence
    moments, counts, sizes = list(evidence.moments), list(population.counts), list(population.sizes)
    for one in reversed(shared):
        work = work_at(samples, one.times) or [evidence.moments[one.at].worked_s] * len(one.times)
        more = [Moment(time, "sample", worked) for time, worked in zip(one.times, work, strict=True)]
        here = slice(one.at + 1, one.at + 1)
        counts[here] = _shared_out(population.counts, one)
        if sizes:
            sizes[here] = _shared_out(population.sizes, one)
        moments[here] = more
    fuller = dataclasses.replace(population, counts=tuple(counts), sizes=tuple(sizes))
    return fuller, dataclasses.replace(evidence, moments=tuple(_in_order(moments)))


def _in_order(moments: Sequence[Moment]) -> list[Moment]:
    """The other clock never runs backwards, though it was read at other times."""
    work = np.maximum.accumulate([moment.worked_s for moment in moments])
    return [dataclasses.replace(one, worked_s=float(worked)) for one, worked in zip(moments, work, strict=True)]


def _shared_out(values: Sequence[int], one: Between) -> list[int]:
    before, after = values[one.at], values[one.at + 1]
    return [round(before + (after - before) * share) for share in one.shares]


def _came_with(population: Population, evidence: HeapEvidence, at: int) -> bool:
    before, after = population.counts[at : at + 2]
    bytes_before, bytes_after = evidence.heap_bytes[at : at + 2]
    if before < 0 or after <= before or bytes_after <= bytes_before:
        return False
    gained = population.retained_bytes * (after - before) / max(1, population.counts[-1])
    return gained >= _MOST * (bytes_after - bytes_before)
