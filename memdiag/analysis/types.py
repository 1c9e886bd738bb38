"""Growth by type: what the heap consists of, over one run."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np

from memdiag.analysis.census import Census
from memdiag.analysis.series import judge
from memdiag.model import HeapEvidence, Ints, Row, RowStatus, Site, TypeSeries

OTHERS = "(other types)"
_KEPT = 300
_SAME_BYTES = 512  # a type that moved by less is the same


def type_series(series: Sequence[Census], own: Set[str] = frozenset()) -> tuple[TypeSeries, ...]:
    """Every type's instances and shallow bytes at each moment, the largest at the end first.

    ``own`` are the names of the classes that the program defines itself.
    """
    counts: dict[str, Ints] = {}
    sizes: dict[str, Ints] = {}
    for at, census in enumerate(series):
        for table, column in ((counts, census.counts), (sizes, census.sizes)):
            for name, value in zip(census.type_names, column.tolist(), strict=True):
                table.setdefault(name, np.zeros(len(series), np.int64))[at] += value
    order = sorted(sizes, key=lambda name: (-int(sizes[name][-1]), name))
    kept = [
        TypeSeries(name, tuple(counts[name].tolist()), tuple(sizes[name].tolist()), name in own)
        for name in order[:_KEPT]
    ]
    if rest := order[_KEPT:]:
        totals = [np.sum([table[name] for name in rest], axis=0).tolist() for table in (counts, sizes)]
        kept.append(TypeSeries(OTHERS, tuple(totals[0]), tuple(totals[1])))
    return tuple(kept)


def rows(evidence: HeapEvidence) -> tuple[Row, ...]:
    """One run's growth by type, the largest first."""
    times = [moment.t_s for moment in evidence.moments]
    work = [moment.worked_s for moment in evidence.moments]
    found = [
        _row(one.name, (one.sizes[0], one.sizes[-1]), (one.counts[0], one.counts[-1]), one.sizes, words)
        for one in evidence.types
        for words in [judge(times, one.sizes, 1, work).words]
    ]
    return tuple(sorted(found, key=lambda row: (-row.growth_bytes, row.type)))


def _row(name: str, sizes: tuple[int, int], counts: tuple[int, int], series: tuple[int, ...], trend: str) -> Row:
    return Row(
        site=Site("", 0, bytes=sizes[1] - sizes[0], count=counts[1] - counts[0]),
        before_bytes=sizes[0],
        after_bytes=sizes[1],
        before_blocks=counts[0],
        after_blocks=counts[1],
        status=_status(*sizes),
        series_bytes=series,
        trend=trend,
        type=name,
    )


def _status(before: int, after: int) -> RowStatus:
    if abs(after - before) < _SAME_BYTES:
        return "same"
    if before == 0:
        return "new"
    if after == 0:
        return "gone"
    return "worse" if after > before else "better"
