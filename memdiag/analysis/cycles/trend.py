"""Whether what holds the surviving cycles grows: a registry that only fills up, or the program's working set."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.cycles.telling import Ids, Stage, Told
from memdiag.analysis.roles import CONTAINERS, Roles
from memdiag.analysis.series import judge
from memdiag.model import HeapGraph, Ints, Moment

_FEWEST = 4  # looks at a container during the run
_NOISE = 0.05  # of the largest count, below which a change is none
_MOST = 24  # looks that are kept


@dataclass(frozen=True)
class Lengths:
    """How many references each container bore at one moment; ``ids`` are in order."""

    moment: Moment
    ids: Ids
    amounts: Ints

    def of(self, key: int) -> int:
        """0 where it was not there."""
        at = int(np.searchsorted(self.ids, np.uint64(key)))
        return int(self.amounts[at]) if at < len(self.ids) and int(self.ids[at]) == key else 0


def lengths(heap: HeapGraph) -> Lengths:
    """Of the containers of one heap that bear anything."""
    roles = Roles(heap)
    chosen = np.flatnonzero(roles.are(CONTAINERS) & (roles.degrees > 0))
    return Lengths(heap.moment, heap.ids[chosen], roles.degrees[chosen])


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
    """By the container that is nearest to the cycles and lasts: one that is made anew says nothing."""
    moments = [*(one.moment for one in series), moment]
    times, work = [one.t_s for one in moments], [one.worked_s for one in moments]
    for key, amount in reversed(told.containers):
        counts = [*(one.of(key) for one in series), amount]
        if np.count_nonzero(counts[:-1]) * 2 < len(series):
            continue
        trend = judge(times, counts, max(2, _NOISE * max(counts)), work)
        cluster = dataclasses.replace(told.cluster, holder_counts=tuple(counts), holder_trend=trend.shape)
        return dataclasses.replace(told, cluster=cluster)
    return told
