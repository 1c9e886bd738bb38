"""Growth by type, over one run and between two."""

from __future__ import annotations

import dataclasses

from memdiag.analysis import types
from memdiag.analysis.diff import compare
from memdiag.model import HeapEvidence, Moment, TypeSeries
from tests.heaps import run_of


def evidence(**sizes: list[int]) -> HeapEvidence:
    moments = tuple(Moment(float(at), "sample", float(at)) for at in range(max(map(len, sizes.values()))))
    series = tuple(TypeSeries(name, tuple(size // 10 for size in ends), tuple(ends)) for name, ends in sizes.items())
    return HeapEvidence(moments, (), types=series)


def test_rows_are_ranked_by_growth_with_their_series() -> None:
    rows = types.rows(evidence(str=[500, 400], Message=[0, 9000], dict=[100, 800]))
    assert [(row.type, row.growth_bytes, row.status) for row in rows] == [
        ("Message", 9000, "new"),
        ("dict", 700, "worse"),
        ("str", -100, "same"),
    ]
    assert rows[0].series_bytes == (0, 9000)
    assert (rows[0].before_blocks, rows[0].after_blocks) == (0, 900)


def test_two_runs_are_compared_at_their_ends() -> None:
    sides = [
        dataclasses.replace(run_of(None), heap=one)
        for one in (evidence(str=[1, 5000], Old=[0, 2000]), evidence(str=[1, 8000], New=[0, 600]))
    ]
    rows = compare(sides[0], sides[1], ("before", "after")).rows
    assert [(row.type, row.before_bytes, row.after_bytes, row.status) for row in rows] == [
        ("str", 5000, 8000, "worse"),
        ("New", 0, 600, "new"),
        ("Old", 2000, 0, "gone"),
    ]


def test_the_trend_is_told_in_words() -> None:
    steady = types.rows(evidence(Message=[1000 * at for at in range(12)]))[0]
    assert steady.trend == "grows to the end"
