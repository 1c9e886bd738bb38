"""Open objects in a heap, and which of them only the collector would close."""

from __future__ import annotations

import gc
import io
import socket
import sqlite3
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from memdiag.analysis.roles import Roles
from memdiag.analysis.waiting import OpenGarbage, open_garbage, waiting
from memdiag.model import Frame, Site
from memdiag.probe.opened import opened, unheard
from tests.heaps import Noticed, World, heap_of

HERE = __file__


class Job:
    """Holds what is open, and itself."""

    def __init__(self, resource: object) -> None:
        self.resource = resource
        self.me = self


def told(*objects: object) -> list[object]:
    """Those of these objects that the probe takes for open."""
    ids = opened(list(objects), {id(type(one)): type(one) for one in objects})
    return [one for one in objects if id(one) in ids]


# --- what is open ---------------------------------------------------------------------------------------------


def test_open_files_sockets_and_connections_are_told_and_closed_ones_are_not() -> None:
    near, far = socket.socketpair()
    file, closed = io.FileIO(HERE), io.FileIO(HERE)
    connection, gone = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    for one in (far, closed, gone):
        one.close()
    try:
        assert told(near, far, file, closed, connection, gone, [], HERE) == [near, file, connection]
    finally:
        for one in (near, file, connection):
            one.close()


def test_the_standard_streams_are_the_interpreters() -> None:
    with io.FileIO(1, closefd=False) as stream:
        assert told(stream) == []


def test_an_object_that_was_never_opened_is_not_open() -> None:
    assert told(io.FileIO.__new__(io.FileIO), object.__new__(Job)) == []


def test_code_of_the_programs_is_not_asked() -> None:
    class Strange(io.FileIO):
        def fileno(self) -> int:
            raise Noticed

        @property
        def closed(self) -> bool:
            raise Noticed

    strange = Strange(HERE)
    assert told(strange) == [strange]
    io.FileIO.close(strange)


def test_a_warning_that_nobody_hears_is_left_in_the_globals_of_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    loud, quiet = types.ModuleType("loud"), types.ModuleType("quiet")
    code = "import warnings\nwarnings.simplefilter('ignore')\nwarnings.warn('x', ResourceWarning)"
    for module in (loud, quiet):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    import warnings

    with warnings.catch_warnings():
        exec(code, vars(loud))
    assert {"loud", "quiet"} & set(unheard()) == {"loud"}


# --- who waits for the collector ------------------------------------------------------------------------------


def found_in_heap() -> tuple[OpenGarbage, ...]:
    graph = heap_of(gc.get_objects())
    return open_garbage(graph, Roles(graph))


def make_and_drop(resource: Any) -> None:
    Job(resource)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_nothing_reaches_any_more_is_told_with_its_owner() -> None:
    with World():
        make_and_drop(open(HERE))  # noqa: SIM115
        make_and_drop(socket.socket())
        found = {(one.type, one.owner) for one in found_in_heap()}
        gc.collect()
    assert found == {("_io.FileIO", "Job"), ("socket.socket", "Job")}


def test_what_is_in_use_is_not() -> None:
    with World(), open(HERE) as file:
        job = Job(file)
        held = [Job(socket.socket())]
        found = found_in_heap()
        job.me = held[0].me = None  # type: ignore[assignment]
        held[0].resource.close()  # type: ignore[attr-defined]
    assert found == ()


def test_closed_garbage_is_not() -> None:
    with World():
        with open(HERE) as file:
            make_and_drop(file)
        del file
        found = found_in_heap()
        gc.collect()
    assert found == ()


def test_over_a_series_each_is_counted_once() -> None:
    line = Frame("app.py", 3)
    first = (OpenGarbage(1, "_io.FileIO", "Job", line), OpenGarbage(2, "_io.FileIO", "Job", line))
    second = (OpenGarbage(2, "_io.FileIO", "Job", line), OpenGarbage(3, "_io.FileIO", "Task"))
    (files, sockets) = waiting([first, (), second, (OpenGarbage(9, "socket.socket"),)])
    assert (files.type, files.counts, files.seen, files.owners) == ("_io.FileIO", (2, 0, 2, 0), 3, ("Job", "Task"))
    assert files.sites == (Site("app.py", 3, "", 0, 2),)
    assert (sockets.type, sockets.counts, sockets.seen) == ("socket.socket", (0, 0, 0, 1), 1)


def test_a_heap_without_anything_open_is_not_gone_through() -> None:
    graph = heap_of([Job(None), Path(HERE)])
    assert open_garbage(graph, Roles(graph)) == ()
