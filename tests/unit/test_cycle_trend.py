"""Whether what holds surviving cycles grows, told from looks during the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from memdiag.analysis.cycles.stage import examine
from memdiag.analysis.cycles.telling import Stage, Told, tell
from memdiag.analysis.cycles.trend import Lengths, lengths, thinned, with_trends
from memdiag.model import Answers, CycleCluster, Moment
from tests.heaps import Node, drawn

OUTER, INNER = 0x100, 0x200


def seen(*series: Sequence[int], keys: Sequence[int] = (OUTER,)) -> list[Lengths]:
    """What each container bore at each moment; -1: it was not there."""
    found = []
    for at, amounts in enumerate(zip(*series, strict=True)):
        there = [(key, amount) for key, amount in zip(keys, amounts, strict=True) if amount >= 0]
        ids = np.array([key for key, _ in there], np.uint64)
        found.append(Lengths(Moment(float(at), "sample", float(at)), ids, np.array([n for _, n in there], np.int64)))
    return found


def trend(series: list[Lengths], *containers: tuple[int, int]) -> CycleCluster:
    cluster = CycleCluster(("A",), (".b",), 1, 1, 1, "reachable", "app.kept[*]")
    empty = np.zeros(0, np.uint64)
    told = Told(cluster, empty, containers=containers)
    stage: Stage = tell(examine(drawn([Node()])), Answers())
    with_it = type(stage)(**{**vars(stage), "clusters": (told,)})
    return (
        with_trends(with_it, Moment(float(len(series)), "end of main()", float(len(series))), series)
        .clusters[0]
        .cluster
    )


@pytest.mark.parametrize(
    ("counts", "last", "shape"),
    [
        ([1, 2, 3, 4, 5, 6, 7], 8, "steady"),
        ([40, 40, 40, 40, 40, 40, 40], 40, "flat"),
        ([5, 20, 38, 40, 40, 40, 40], 40, "levelled"),
        ([40, 10, 44, 12, 41, 9, 43], 11, "flat"),
    ],
)
def test_how_the_holder_went(counts: list[int], last: int, shape: str) -> None:
    found = trend(seen(counts), (OUTER, last))
    assert found.holder_trend == shape
    assert found.holder_counts == (*counts, last)


def test_too_few_looks_say_nothing() -> None:
    assert trend(seen([1, 2, 3]), (OUTER, 4)).holder_trend == ""


def test_a_holder_that_is_made_anew_says_nothing_and_the_one_around_it_does() -> None:
    series = seen([1, 2, 3, 4, 5, 6], [-1, -1, -1, -1, -1, 3], keys=(OUTER, INNER))
    found = trend(series, (OUTER, 7), (INNER, 3))
    assert found.holder_counts == (1, 2, 3, 4, 5, 6, 7)


def test_lengths_are_those_of_containers() -> None:
    heap = drawn([Node((1, 2), type="list", home="builtins"), Node(), Node((1,), type="Thing")])
    found = lengths(heap)
    assert found.ids.tolist() == [int(heap.ids[0])]
    assert found.of(int(heap.ids[0])) == 2
    assert found.of(12345) == 0


def test_a_long_series_is_thinned() -> None:
    series: list[Lengths] = []
    for one in seen(list(range(200))):
        series = thinned([*series, one])
    assert len(series) <= 24
    assert series[-1].moment.t_s == 199
    times = [one.moment.t_s for one in series]
    assert times == sorted(times)
