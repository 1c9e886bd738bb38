"""What collections took: exact sums from a made-up clock, and the real collector against its own statistics."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from memdiag.capture.collector import cost_of
from memdiag.model import CollectorCost, GenerationCost
from memdiag.probe.pauses import Pauses
from memdiag.probe.recorder import Recorder
from memdiag.probe.sampler import Collections


def _pass(pauses: Pauses, generation: int, begun: float, stopped: float, collected: int = 0) -> None:
    pauses.begun = begun
    pauses.count({"generation": generation, "collected": collected}, stopped)


def test_sums_by_generation() -> None:
    pauses = Pauses()
    _pass(pauses, 0, 1.0, 1.25, collected=3)
    _pass(pauses, 0, 2.0, 2.5)
    _pass(pauses, 2, 3.0, 7.0, collected=40)
    cost = cost_of(pauses.tell(active=9.5))
    assert cost.generations == (
        GenerationCost(0, 2, 0.75, 0.5, 3),
        GenerationCost(1, 0, 0.0, 0.0, 0),
        GenerationCost(2, 1, 4.0, 4.0, 40),
    )
    assert (cost.seconds, cost.active_s, cost.share) == (4.75, 9.5, 0.5)
    assert cost.thresholds == gc.get_threshold()


def test_a_stop_without_a_start_counts_for_nothing() -> None:
    pauses = Pauses()
    pauses.count({"generation": 0, "collected": 1}, 5.0)
    _pass(pauses, 0, 1.0, 2.0)
    pauses.count({"generation": 0, "collected": 1}, 5.0)
    assert cost_of(pauses.tell(4.0)).generations[0] == GenerationCost(0, 1, 1.0, 1.0, 0)


def test_a_share_is_never_more_than_all() -> None:
    pauses = Pauses()
    _pass(pauses, 1, 1.0, 4.0)
    assert cost_of(pauses.tell(active=2.0)).share == 1.0
    assert cost_of(pauses.tell(active=0.0)).share == 0.0


def test_frozen_objects_are_those_frozen_since() -> None:
    pauses = Pauses()
    assert pauses.tell(1.0)["frozen"] == 0
    gc.freeze()
    try:
        assert pauses.tell(1.0)["frozen"] > 1_000
    finally:
        gc.unfreeze()


def test_nothing_told_is_nothing_known() -> None:
    assert cost_of({}) == CollectorCost()


# --- wired into the probe's entry of gc.callbacks --------------------------------------------------------------


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(str(tmp_path), 0.0)


@pytest.fixture
def collections(recorder: Recorder) -> Iterator[Collections]:
    gc.disable()
    found = Collections(recorder, lambda: None, watch=lambda *_: None)
    yield found
    found.remove()
    gc.enable()


def test_every_collection_counts_in_its_generation(collections: Collections) -> None:
    before = [one["collections"] for one in gc.get_stats()]
    for generation, times in enumerate((5, 3, 2)):
        for _ in range(times):
            gc.collect(generation)
    counted = [one.collections for one in cost_of(collections.pauses.tell(1.0)).generations]
    assert counted == [5, 3, 2]
    assert counted == [one["collections"] - was for one, was in zip(gc.get_stats(), before, strict=True)]


def test_what_was_freed_counts(collections: Collections) -> None:
    gc.collect()
    for _ in range(7):
        ring: list[object] = []
        ring.append(ring)
    del ring
    freed = gc.collect()
    assert freed >= 7
    assert cost_of(collections.pauses.tell(1.0)).generations[2].collected >= freed


def test_a_collection_within_the_probes_own_work_does_not_count(recorder: Recorder, collections: Collections) -> None:
    assert recorder.begin()
    gc.collect()
    recorder.end()
    gc.collect(1)
    counted = [one.collections for one in cost_of(collections.pauses.tell(1.0)).generations]
    assert counted == [0, 1, 0]


def test_the_watch_is_no_part_of_a_pause(recorder: Recorder) -> None:
    """However long the probe looks at what a collection will find, only the collection itself is a pause."""
    waited: list[float] = []

    def slow(_phase: str, _info: dict[str, int]) -> None:
        until = recorder.now() + 0.05
        while recorder.now() < until:
            pass
        waited.append(0.05)

    gc.disable()
    found = Collections(recorder, lambda: None, watch=slow)
    try:
        gc.collect(0)
    finally:
        found.remove()
        gc.enable()
    assert len(waited) == 2
    assert cost_of(found.pauses.tell(1.0)).seconds < 0.05


def test_of_collections_in_a_burst_each_counts_and_few_are_heeded(recorder: Recorder) -> None:
    ticks: list[int] = []
    gc.disable()
    found = Collections(recorder, lambda: ticks.append(recorder.collections), watch=None)
    try:
        for _ in range(500):
            gc.collect(0)
    finally:
        found.remove()
        gc.enable()
    assert recorder.collections == cost_of(found.pauses.tell(1.0)).generations[0].collections == 500
    assert ticks[0] == 1
    assert len(ticks) < 500
