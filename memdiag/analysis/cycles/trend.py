"""Whether what holds the surviving cycles grows: a registry that only fills up, or the program's working set."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from memdiag.analysis.cycles.telling import Ids, Stage, Told, bare_name
from memdiag.analysis.roles import CONTAINERS, Roles
from memdiag.analysis.series import judge
from memdiag.model import HeapGraph, Ints, Moment

_FEWEST = 4  # looks at a container during the run
_LARGE = 500  # objects of one class, which are then followed by their number
_NOISE = 0.05  # of the largest count, below which a change is none
_MOST = 24  # looks that are kept


@dataclass(frozen=True)
class Lengths:
    """How many references each container bore at one moment, and how many objects of each type there were.

    ``ids`` are in order.
    """

    moment: Moment
    ids: Ids
    amounts: Ints
    types: Mapping[str, int] = field(default_factory=dict)

    def of(self, key: int) -> int:
        """0 where it was not there."""
        at = int(np.searchsorted(self.ids, np.uint64(key)))
        return int(self.amounts[at]) if at < len(self.ids) and int(self.ids[at]) == key else 0


def lengths(heap: HeapGraph) -> Lengths:
    """Of the containers of one heap that bear anything."""
    roles = Roles(heap)
    chosen = np.flatnonzero(roles.are(CONTAINERS) & (roles.degrees > 0))
    counts = np.bincount(heap.types, minlength=len(heap.type_names))
    types: Counter[str] = Counter()
    for kind in np.flatnonzero(roles.own_types & (counts > 0)).tolist():
        types[bare_name(heap.type_names[kind], heap.type_modules[kind])] += int(counts[kind])
    return Lengths(heap.moment, heap.ids[chosen], roles.degrees[chosen], types)


def thinned(series: Sequence[Lengths]) -> list[Lengths]:
    """The series, every other look of it left out once there are too many."""
    return list(series) if len(series) <= _MOST else [*series[:-1:2], series[-1]]


def with_trends(stage: Stage, moment: Moment, series: Sequence[Lengths]) -> Stage:
    """The look with how the containers that hold its cycles went over the run until then."""
    before = [one for one in series if one.moment.t_s < moment.t_s]
    if len(before) < _FEWEST:
        return stage
    return dataclasses.replace(stage, clusters=tuple(_with_trend(told, moment, before) for told in stage.clusters))


def _with_trend(told: Told, moment: Moment, series: Sequence[Lengths]) -> Told:
    """By the container that is nearest to the cycles and lasts: one that is made anew says nothing.

    Where none does, by how many there are of their first class, if these are many.
    """
    moments = [*(one.moment for one in series), moment]
    for key, amount in reversed(told.containers):
        counts = [*(one.of(key) for one in series), amount]
        if np.count_nonzero(counts[:-1]) * 2 >= len(series):
            return _judged(told, moments, counts)
    kind = told.cluster.shape[0] if told.cluster.shape else ""
    if told.types[kind] < _LARGE:
        return told
    return _judged(told, moments, [*(one.types.get(kind, 0) for one in series), told.types[kind]])


def _judged(told: Told, moments: Sequence[Moment], counts: Sequence[int]) -> Told:
    kept = _without_slip(counts)
    times, work = [moments[at].t_s for at in kept], [moments[at].worked_s for at in kept]
    shown = [counts[at] for at in kept]
    trend = judge(times, shown, max(2, _NOISE * max(shown)), work)
    cluster = dataclasses.replace(told.cluster, holder_counts=tuple(shown), holder_trend=trend.shape)
    return dataclasses.replace(told, cluster=cluster)


def _without_slip(counts: Sequence[int]) -> list[int]:
    """Places of all counts, but of one that alone keeps them from rising: a dictionary that was just being enlarged."""
    falls = [at for at in range(1, len(counts)) if counts[at] < counts[at - 1]]
    slipped = len(falls) == 1 and falls[0] + 1 < len(counts) and counts[falls[0] + 1] >= counts[falls[0] - 1]
    return [at for at in range(len(counts)) if not slipped or at != falls[0]]
