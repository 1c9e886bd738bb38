"""The collector's reasoning repeated: on deep heaps, on hostile objects, and when it runs by itself."""

from __future__ import annotations

import gc
import sys
import tempfile
import time
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memdiag.probe.cycles import Watch
from memdiag.probe.garbage import find_garbage
from memdiag.probe.graph import cycle_members, unreachable
from memdiag.probe.image import Images
from memdiag.probe.recorder import Recorder
from tests.heaps import Plain, Slotted, World, noticed_by

DEEP = 200_000


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with World():
        yield


def chain(length: int) -> tuple[Slotted, Slotted]:
    """The first and the last of many objects, each of which refers to the next alone."""
    first = last = Slotted()
    for _ in range(length - 1):
        following = Slotted()
        last.references = following
        last = following
    return first, last


# --- garbage --------------------------------------------------------------------------------------------------


def test_a_deep_chain_that_is_held_is_no_garbage() -> None:
    first, last = chain(DEEP)
    last.references = None
    assert unreachable(gc.get_objects()) == []
    first.references = None


def test_a_deep_ring_is_garbage_as_a_whole() -> None:
    first, last = chain(DEEP)
    last.references = first
    del first, last
    assert len(unreachable(gc.get_objects())) == DEEP
    assert gc.collect() == DEEP


def test_one_reference_from_outside_holds_everything_behind_it() -> None:
    first, last = chain(1000)
    last.references = first
    held = first
    del first, last
    assert unreachable(gc.get_objects()) == []
    ring = held.references
    held.references = None
    assert ring is not None


def test_the_order_is_kept() -> None:
    made = [Slotted() for _ in range(50)]
    for one in made:
        one.references = one
    ids = [id(one) for one in made]
    objects: list[object] = list(made)
    made.clear()
    del one
    assert [id(item) for item in unreachable(objects)] == ids


def test_nothing_is_no_garbage() -> None:
    assert unreachable([]) == []


def test_looking_frees_nothing_and_holds_nothing() -> None:
    lost = Plain()
    lost.me = lost  # type: ignore[attr-defined]
    watched = weakref.ref(lost)
    count = sys.getrefcount(lost)
    found = unreachable([lost])
    assert found == []
    assert sys.getrefcount(lost) == count
    del lost
    assert [type(item) for item in unreachable(gc.get_objects()) if type(item) is Plain] == [Plain]
    assert watched() is not None
    gc.collect()
    assert watched() is None


def test_hostile_objects_are_not_disturbed() -> None:
    assert noticed_by(lambda objects: unreachable(objects)) == []
    assert noticed_by(lambda objects: cycle_members([*objects, objects])) == []


# --- members of cycles ----------------------------------------------------------------------------------------


def test_a_deep_ring_is_one_component() -> None:
    first, last = chain(DEEP)
    last.references = first
    del first, last
    (component,) = cycle_members(unreachable(gc.get_objects()))
    assert len(component) == DEEP


def test_a_deep_chain_has_no_members() -> None:
    first, last = chain(DEEP)
    last.references = None
    objects: list[object] = [item for item in gc.get_objects() if type(item) is Slotted]
    assert cycle_members(objects) == []
    assert first is not last


def test_what_merely_hangs_on_a_cycle_is_no_member() -> None:
    one, other, hanger = Plain(), Plain(), [Plain()]
    one.other, other.one, one.hanger = other, one, hanger  # type: ignore[attr-defined]
    objects: list[object] = [one, other, hanger, *hanger, vars(one), vars(other)]
    (component,) = cycle_members(objects)
    types_ = sorted(type(item).__name__ for item in component)
    assert types_ in (["Plain", "Plain"], ["Plain", "Plain", "dict", "dict"])


# --- collections that happen by themselves --------------------------------------------------------------------


class Watched:
    """A watch at work, as the probe's entry in ``gc.callbacks`` lets it be."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        recorder = Recorder(self._directory.name, time.monotonic())
        self.watch = Watch(recorder, Images(recorder, [], "none"))

    def __enter__(self) -> Watch:
        gc.callbacks.append(self.watch)
        return self.watch

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self.watch)
        self._directory.cleanup()


def reclaimed(watch: Watch) -> dict[str, int]:
    return {name: count for _, name, count in watch.tell() if name in ("Plain", "Slotted", "Reviving", "Library")}


def litter(kind: Any, count: int) -> None:
    for _ in range(count):
        lost = kind()
        lost.references = [lost]


def test_members_that_a_collection_reclaims_are_counted_by_type() -> None:
    with Watched() as watch:
        litter(Plain, 30)
        gc.collect()
        litter(Slotted, 12)
        litter(Plain, 5)
        gc.collect()
    assert reclaimed(watch) == {"Plain": 35, "Slotted": 12}


def test_what_survives_is_not_counted() -> None:
    kept = Plain()
    kept.references = [kept]  # type: ignore[attr-defined]
    with Watched() as watch:
        litter(Plain, 3)
        gc.collect()
        gc.collect()
    assert reclaimed(watch) == {"Plain": 3}


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_collections_of_young_generations(generation: int) -> None:
    with Watched() as watch:
        litter(Plain, 7)
        gc.collect(generation)
    assert reclaimed(watch) == {"Plain": 7}


def test_collections_of_the_young_do_not_see_the_old() -> None:
    """An old object refers to the young: the collector leaves these, and so must the count."""
    older = Plain()
    older.references = []  # type: ignore[attr-defined]
    gc.collect(1)
    with Watched() as watch:
        for _ in range(4):
            young = Plain()
            young.references = [young]  # type: ignore[attr-defined]
            older.references.append(young)  # type: ignore[attr-defined]
        del young
        litter(Plain, 2)
        gc.collect(0)
    assert reclaimed(watch) == {"Plain": 2}


class Reviving:
    revived: list[object] = []  # noqa: RUF012

    def __del__(self) -> None:
        self.revived.append(self)


def test_what_a_finalizer_revives_was_not_reclaimed() -> None:
    with Watched() as watch:
        litter(Reviving, 4)
        gc.collect()
        assert reclaimed(watch) == {}
        for one in Reviving.revived:
            assert type(one) is Reviving
        Reviving.revived.clear()
        del one
        gc.collect()
    assert reclaimed(watch) == {"Reviving": 4}


def test_the_automatic_collector_is_watched_too() -> None:
    with Watched() as watch:
        gc.enable()
        try:
            litter(Plain, 5000)
        finally:
            gc.disable()
        gc.collect()
    assert reclaimed(watch) == {"Plain": 5000}


def test_cycles_of_the_standard_librarys_making_are_not_counted() -> None:
    library: Any = type("Library", (), {"__module__": "asyncio.events"})
    with Watched() as watch:
        litter(library, 6)
        gc.collect()
    assert reclaimed(watch) == {}


def test_a_paused_watch_counts_nothing() -> None:
    with Watched() as watch:
        watch.paused = True
        litter(Plain, 6)
        gc.collect()
    assert reclaimed(watch) == {}


# --- garbage that awaits the collector ------------------------------------------------------------------------


def test_no_garbage_is_none() -> None:
    gc.collect()
    assert find_garbage() is None


def test_garbage_and_what_hangs_on_it() -> None:
    lost = Plain()
    lost.me = lost  # type: ignore[attr-defined]
    lost.text = "a text of its own: " + str(id(lost))  # type: ignore[attr-defined]
    lost.shared = shared = "a text that is shared: " + str(id(lost))  # type: ignore[attr-defined]
    lost.numbers = (10**30 + id(lost), 1.5 + id(lost))  # type: ignore[attr-defined]
    text = id(lost.text)  # type: ignore[attr-defined]
    numbers = list(map(id, lost.numbers))  # type: ignore[attr-defined]
    del lost
    found = find_garbage()
    assert found is not None
    assert Plain in map(type, found.objects)
    hanging = set(map(id, found.hangers))
    assert text in hanging
    assert set(numbers) <= hanging | {id(item) for item in found.objects}
    assert id(shared) not in hanging


class Closing:
    def __del__(self) -> None: ...


def test_plain_garbage_dies_unheard() -> None:
    litter(Plain, 3)
    found = find_garbage()
    assert found is not None
    assert found.unheard(True) == (len(gc.callbacks) <= 1)


@pytest.fixture
def _no_callbacks() -> Iterator[None]:
    """Other tests' tools listen to the collector as well (hypothesis does)."""
    others = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = others


@pytest.mark.usefixtures("_no_callbacks")
@pytest.mark.parametrize(
    ("kind", "unheard"), [(Plain, True), (Slotted, True), (Closing, False), (types.SimpleNamespace, False)]
)
def test_who_would_hear_of_a_collection(kind: type, unheard: bool) -> None:
    litter(kind, 3)
    found = find_garbage()
    assert found is not None
    assert found.unheard(True) is unheard


@pytest.mark.usefixtures("_no_callbacks")
def test_a_weak_reference_hears_of_it() -> None:
    lost = Plain()
    lost.me = lost  # type: ignore[attr-defined]
    watching = weakref.ref(lost)
    del lost
    found = find_garbage()
    assert found is not None
    assert not found.unheard(True)
    assert watching() is not None


@pytest.mark.usefixtures("_no_callbacks")
def test_a_temporary_directory_is_not_removed(tmp_path: Path) -> None:
    """Its finalizer hangs on a weak reference; that of an open file on the file itself."""
    lost: Any = Plain()
    lost.me = lost
    lost.directory = tempfile.TemporaryDirectory(dir=tmp_path)
    lost.file = open(tmp_path / "file", "w")  # noqa: SIM115
    name, file = lost.directory.name, lost.file
    del lost
    found = find_garbage()
    assert found is not None
    assert not found.unheard(True)
    assert Path(name).exists()
    del found
    file.close()
    with pytest.warns(ResourceWarning):
        gc.collect()


@pytest.mark.usefixtures("_no_callbacks")
def test_a_debugging_collector_tells() -> None:
    litter(Plain, 1)
    found = find_garbage()
    assert found is not None
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        assert not found.unheard(True)
    finally:
        gc.set_debug(0)


@pytest.mark.usefixtures("_no_callbacks")
def test_another_callback_tells() -> None:
    litter(Plain, 1)
    found = find_garbage()
    assert found is not None
    ours, theirs = [lambda *_: None, lambda *_: None]
    gc.callbacks.append(ours)
    assert found.unheard(True)
    gc.callbacks.append(theirs)
    assert not found.unheard(True)
