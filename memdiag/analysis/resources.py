"""Handles that pile up: descriptors by kind, threads, child processes, and objects that each hold one.

A count says that something leaks; the heap says who keeps it, and the program's source which line opens it without
being sure to close it. Where the only such line does close what it opens, but not when an exception or an early return
comes in between, that is where it is lost.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import basename

import numpy as np

from memdiag.analysis import late_closing
from memdiag.analysis.fingerprint import fingerprint
from memdiag.analysis.handle_kinds import (
    CONNECTIONS,
    FEWEST_READINGS,
    KINDS,
    LEAST,
    OPEN,
    OTHER,
    PROCESSES,
    TEMPORARIES,
    THREADS,
    TYPES,
    ZOMBIES,
    Kind,
    from_source,
    handle_readings,
    of_descriptors,
)
from memdiag.analysis.samples import series, thinned, work_at
from memdiag.analysis.series import Trend, floor, judge
from memdiag.model import Capture, Finding, Growing, Handles, Sample

_AS_MANY = 0.15  # by which two counts that grow together may differ
_IN_STEP = 0.25  # of the growth, by which they may differ on the way: they are counted at other moments
_MOST_EACH = 4  # handles that one object may hold
_MOSTLY = 0.8  # of all descriptors that came
_PARTS = 6  # of the run, of which all but the first must bring some
_GOING_ON = 0.4  # of an even share, that each of the last two must bring
_AT_ONCE = 0.5  # of all, that no part may bring
_TAKEN_BACK = 0.1  # of all, that may have been closed in between

# A finding may say the last name alone; programs have classes called Connection and socket of their own.
_BY_LAST_NAME = {
    name.rpartition(".")[2]: kind for name, kind in TYPES.items() if kind not in (CONNECTIONS, KINDS["socket"])
}


def findings(capture: Capture, held: Sequence[Finding] = ()) -> list[Finding]:
    """Handles that pile up to the end of the run, or are in the collector's hands. ``held``: who keeps what grows."""
    told = [one.sites for one in held if one.kind == "resource" and one.sites]
    piled = [_finding(grown, capture, held) for grown in _growing(capture)]
    piled = [one for one in piled if one.holder is not None or one.sites not in told]
    return piled + late_closing.findings(capture, [*piled, *(one for one in held if one.kind == "resource")])


def merged(found: Sequence[Finding], held: Sequence[Finding]) -> list[Finding]:
    """The findings ``held`` without those that a resource finding has taken over; objects that are handles are such."""
    taken = {one.holder.path for one in found if one.holder is not None}
    return [one for one in held if one.holder is None or one.holder.path not in taken]


def retyped(held: Sequence[Finding], capture: Capture) -> list[Finding]:
    """Findings of growing objects that each hold a handle are resource findings, with the line that opens them."""
    return [_retyped(one, capture) for one in held]


def _retyped(finding: Finding, capture: Capture) -> Finding:
    if finding.kind not in ("growth", "resource") or finding.verdict not in ("leak", "suspect"):
        return finding
    kind, told = _held_by(finding, capture)
    if kind is None:
        return finding
    sites, why, rule = from_source(kind.opens, capture, kind.rule)
    holder = finding.holder
    fix = f"Close what {holder.owner or holder.path} holds: " if holder is not None else ""
    return dataclasses.replace(
        finding,
        kind="resource",
        pattern="handles",
        rule=rule,
        sites=sites or finding.sites,
        why=finding.why + told + why,
        fix=f"{fix}{kind.fix}.",
    )


def _held_by(finding: Finding, capture: Capture) -> tuple[Kind | None, str]:
    """The kind of handle that each of the growing objects is, or holds; and why that is thought."""
    grown = finding.growing.type
    if known := _kind_of(grown):
        return known, ""
    readings = handle_readings(capture)
    counts = finding.growing.counts
    if capture.heap is None or not readings or not 1 < len(counts) <= len(capture.heap.moments):
        return None, ""
    kind, risen = _risen(readings)
    for one in capture.heap.types:
        handles = one.counts[-len(counts) :]  # since the holder has been there
        each = round((handles[-1] - handles[0]) / max(1, counts[-1] - counts[0]))
        if one.name in OPEN and 0 < each <= _MOST_EACH and risen >= LEAST and _in_step(handles, counts, each):
            return kind, f" Each has {each} {one.name}, and {risen} more {kind.noun} than at first were seen."
    return None, ""


def _in_step(handles: Sequence[int], objects: Sequence[int], each: int) -> bool:
    """At every heap snapshot; some may be in the making, or of the program's beginning."""
    spare = max(2 * each, _AS_MANY * (handles[-1] - handles[0]))
    pairs = zip(handles, objects, strict=True)
    return all(abs((handle - handles[0]) - each * (one - objects[0])) <= spare for handle, one in pairs)


def _risen(readings: Sequence[Handles]) -> tuple[Kind, int]:
    """The kind of which there were the most more than at first, at the last reading."""
    first, last = dict(readings[0].kinds), dict(readings[-1].kinds)
    name = max(last, key=lambda name: last[name] - first.get(name, 0), default="")
    return KINDS.get(name, OTHER), last.get(name, 0) - first.get(name, 0)


# --- which counts grow ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Grown:
    """A kind of handle, and how many there were at each reading (seconds)."""

    kind: Kind
    times: Sequence[float]
    values: list[int]
    trend: Trend


def _growing(capture: Capture) -> list[_Grown]:
    """Kinds whose count rises to the end, the most first; all descriptors together only where no kind does."""
    found = _by_kind(capture)
    kinds = [one.kind for one in found]
    descriptors = any(kind in kinds for kind in KINDS.values())
    for kind, read in _FROM_SAMPLES:
        if kind not in kinds and not (kind is OTHER and descriptors):
            found += _steady(_most(capture) if kind is OTHER else kind, *series(capture, read))
    if any(one.kind is ZOMBIES for one in found):
        found = [one for one in found if one.kind is not PROCESSES]
    return sorted(_without_files_of_its_own(found, capture), key=lambda one: -one.trend.growth)


def _most(capture: Capture) -> Kind:
    """Of descriptors that the samples count without regard to kind: the kind that most of them were seen to be of."""
    readings = handle_readings(capture)
    kind, risen = _risen(readings) if readings else (OTHER, 0)
    first, last = (sum(count for _, count in one.kinds) for one in (readings[0], readings[-1])) if readings else (0, 0)
    return kind if risen >= LEAST and risen >= _MOSTLY * (last - first) else OTHER


def _without_files_of_its_own(found: Sequence[_Grown], capture: Capture) -> list[_Grown]:
    """Temporary files that are open are counted already: as the descriptors that the same lines open."""
    lines = [from_source(one.kind.opens, capture, "")[0] for one in found if one.kind is not TEMPORARIES]
    temporary = from_source(TEMPORARIES.opens, capture, "")[0]
    return [one for one in found if one.kind is not TEMPORARIES or temporary not in lines]


def _steady(kind: Kind, times: Sequence[float], values: list[int], work: Sequence[float]) -> list[_Grown]:
    trend = judge(times, values, LEAST, work)
    if trend.shape == "unsteady":
        trend = _uneven(times, values, trend)
    return [_Grown(kind, times, values, trend)] if trend.shape == "steady" else []


def _uneven(times: Sequence[float], values: Sequence[int], trend: Trend) -> Trend:
    """The trend of handles that come at no even rate, yet in each part of the run: they are counted, not estimated."""
    edges = np.linspace(times[0], times[-1], _PARTS + 1)
    rises = np.diff(np.interp(edges, times, floor(values)))
    each = trend.growth / _PARTS
    if len(times) <= _PARTS or rises[1:].min() <= 0 or rises[-2:].min() < _GOING_ON * each:
        return trend
    if rises.max() > _AT_ONCE * trend.growth or _fall(values) > _TAKEN_BACK * trend.growth:
        return trend
    grew = _PARTS if rises[0] > 0 else _PARTS - 1
    rate = trend.growth / max(times[-1] - times[0], 1e-9)
    return Trend("steady", trend.growth, rate, intervals=grew, share=grew / _PARTS)


def _fall(values: Sequence[int]) -> int:
    """The most by which the values ever came down from a height."""
    return int((np.maximum.accumulate(values) - np.asarray(values)).max())


_FROM_SAMPLES: tuple[tuple[Kind, Callable[[Sample], int | None]], ...] = (
    (OTHER, lambda sample: sample.fds),
    (THREADS, lambda sample: sample.threads),
    (PROCESSES, lambda sample: sample.children),
)


HANDLES = tuple((kind.noun, read) for kind, read in _FROM_SAMPLES)  # what every sample counts, and how to read it


def _by_kind(capture: Capture) -> list[_Grown]:
    readings = handle_readings(capture)
    if len(readings) < FEWEST_READINGS:
        return []
    times = [one.t_s for one in readings]
    work = work_at(capture.samples, times)
    columns = [
        (
            of_descriptors(name),
            [_count(one, name) for one in readings],
        )
        for name in dict.fromkeys(name for one in readings for name, _ in one.kinds)
    ]
    columns += [
        (THREADS, [one.threads for one in readings]),
        (PROCESSES, [one.children for one in readings]),
        (ZOMBIES, [one.zombies for one in readings]),
    ]
    if from_source(TEMPORARIES.opens, capture, "")[0]:  # else they may be any other process's
        columns.append((TEMPORARIES, [one.temporaries for one in readings]))
    return [found for kind, values in columns for found in _steady(kind, times, values, work)]


def _count(one: Handles, name: str) -> int:
    return dict(one.kinds).get(name, 0)


# --- what they are --------------------------------------------------------------------------------------------


def _finding(grown: _Grown, capture: Capture, held: Sequence[Finding]) -> Finding:
    kind, values, trend = grown.kind, grown.values, grown.trend
    keeper, each = _keeper(grown, held, capture)
    sites, told, rule = from_source(kind.opens, capture, kind.rule)
    sites = sites or (keeper.sites if keeper is not None else ())
    if keeper is not None:  # objects that somebody keeps; with exceptions, the handles of what they came out of
        rule = "MEM-003" if keeper.pattern == "exception" else kind.rule
    at = f" (opened at {basename(sites[0].file)}:{sites[0].line})" if sites else ""
    place = f"Close what is opened at {basename(sites[0].file)}:{sites[0].line}" if sites else "Find what opens them"
    return Finding(
        id=fingerprint("resource", kind.noun),
        kind="resource",
        pattern="handles",
        rule=rule,
        verdict="leak" if keeper is not None and keeper.verdict == "leak" else "suspect",
        confidence=round(min(0.95 if keeper is not None else 0.9, 0.4 + 0.05 * trend.intervals * trend.share), 2),
        title=f"{kind.noun} pile up: {values[0]} at the start, {values[-1]} at the end{at}",
        why=_why(grown, capture, keeper, each) + told,
        fix=f"{place}: {_fix_of(kind, keeper)}.",
        holder=keeper.holder if keeper is not None else None,
        growing=keeper.growing if keeper else Growing(kind.noun, tuple(thinned(values)), (), trend.per_second),
        retained_bytes=keeper.retained_bytes if keeper is not None else None,
        sites=sites,
    )


def _fix_of(kind: Kind, keeper: Finding | None) -> str:
    """By what is kept, where that is known: an executor is not closed as its threads are."""
    kept = _kind_of(keeper.growing.type) if keeper is not None else None
    return (kept or kind).fix


def _kind_of(name: str) -> Kind | None:
    return TYPES.get(name) or _BY_LAST_NAME.get(name)


def _why(grown: _Grown, capture: Capture, keeper: Finding | None, each: int) -> str:
    trend = grown.trend
    why = f"Their number rose in each of the last {trend.intervals} intervals, {trend.share:.0%} of the run."
    if keeper is not None and keeper.holder is not None:
        many = "one" if each == 1 else str(each)
        why += f" {keeper.holder.path} gained {keeper.growing.type} objects at the same rate: {many} for each."
    peers = capture.books.peers if capture.books is not None else ()
    if grown.kind is KINDS["socket"] and peers:
        why += f" The most, {peers[0][1]}, are {peers[0][0]}."
    return why + late_closing.unreached(capture, grown.kind.opens)


def _keeper(grown: _Grown, held: Sequence[Finding], capture: Capture) -> tuple[Finding | None, int]:
    """The finding of objects that grew by as many, or by a half, a third, ...; and how many handles each then holds."""
    fitting = [
        (one, each) for one in held if one.verdict in ("leak", "suspect") and (each := _each(grown, one, capture))
    ]
    return min(fitting, key=lambda pair: (pair[0].verdict != "leak", pair[1]), default=(None, 0))


def _each(grown: _Grown, finding: Finding, capture: Capture) -> int:
    """How many handles each of the objects holds, if their numbers went together; else 0.

    The objects were counted at the heap snapshots: what they came to at a reading of the handles lies between these.
    """
    counts = finding.growing.counts
    moments = capture.heap.moments[-len(counts) :] if capture.heap is not None and counts else ()
    if len(moments) != len(counts) or len(counts) < 2:
        return 0
    times = [moment.t_s for moment in moments]
    objects = np.interp(grown.times, times, counts)
    gained, handles = objects - objects[0], np.asarray(grown.values) - grown.values[0]
    each = round(handles[-1] / gained[-1]) if gained[-1] > 0 else 0
    apart = np.abs(handles - each * gained)
    fits = apart[-1] <= max(_AS_MANY * handles[-1], 2 * each) and apart.max() <= _IN_STEP * handles[-1]
    return each if 0 < each <= _MOST_EACH and fits else 0
