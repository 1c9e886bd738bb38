"""Snapshots of the whole heap, taken from a frozen image of the process.

The process is copied; the copy holds the heap as it was, for the price of its page tables, and walks it while the
program goes on. It then waits for the parent's questions about single objects, until it is told to end. The copy
closes every descriptor it does not need at once (a pipe or socket kept open here would keep the program's peers
waiting), takes no signals, never collects and leaves by ``_exit``, so that nothing of the program's runs in it.

Where there can be no image the heap is walked in place, which the program waits for: at its end only.
"""

from __future__ import annotations

import sys as _sys
from _signal import SIG_BLOCK, SIG_SETMASK, SIGXFSZ
from _signal import pthread_sigmask as _sigmask
from _signal import sigpending as _sigpending
from _signal import sigwait as _sigwait
from _signal import valid_signals as _valid_signals
from _thread import get_ident as _get_ident
from _tracemalloc import is_tracing as _is_tracing
from _tracemalloc import stop as _stop_tracing
from gc import get_objects as _get_objects
from gc import unfreeze as _unfreeze
from os import _exit
from os import getppid as _getppid
from os import nice as _nice
from sys import getallocatedblocks as _getallocatedblocks
from time import monotonic as _monotonic
from time import perf_counter as _perf_counter
from time import process_time as _process_time

from . import heap, roots
from .allocations import allocations, record
from .cadence import Budget, Cadence, densest
from .moments import kept_frame
from .opened import opened, unheard
from .portable import Portable
from .recorder import Recorder, described
from .walk import Walk
from .walks import Walks
from .wire import pieces, to_json

GARBAGE = "garbage"  # the label of a snapshot that is taken just before a collection
_PATIENCE = 600.0  # seconds to wait for the questions of a parent that lives
_FAULT_S = 8e-6  # what the first write to a page that an image shares costs the program, at most
_TOUCHED = 8  # pages, written to after each image to learn that cost: machines differ by far
_PAGE = 4096
_ENDLESS = float("inf")
_MOST = 10  # images that are walked at the same time
_FEWEST = 2
_MOST_BYTES = 1 << 30  # that such images may come to, if the program rewrites all it has
_FORGOTTEN = 20  # images ago; what became of one then is not asked any more
_COUNTED_S = 1e-7  # for each block, until they are counted again
_CROWDED = 1 / 6  # of an interval, for each image that is still being walked
_UNCOPYABLE = ("memray",)  # what is written through memory that the copy would share

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .native import Native

    Calls = Native | Portable


class Images:
    """Takes heap snapshots when they are due, and at the ends that the probe hears of.

    ``how``: ``auto`` (images where they can be, else in place), ``paused`` (in place) or ``none``.
    """

    def __init__(self, recorder: Recorder, modules: list[Any], how: str) -> None:
        self._recorder = recorder
        self._main_thread = _get_ident()
        self._modules = modules
        self._parent = _getppid()
        self._number = 0
        self._walked: dict[int, bool] = {}  # numbers of images that may not be done yet; whether their file was seen
        self._times: dict[int, float] = {}  # when the latest samples were taken
        self._pages = self._faults = 0  # of the process, at its last image
        self._fault_s = _FAULT_S
        self._shared = bytearray(_TOUCHED * _PAGE)
        # Twice over, as a run may have two: the time that the program waits for, and that of the walks beside it, which
        # slow it wherever two cores share a cache, or a container has but so much of the processor.
        waiting = Budget(share=0.012, doubling=0.01, early=0.008)
        self._cadence = Cadence(keep=6, seconds=0.004, work=1, budget=waiting, apart=0.4, rest=1.5)
        self._walks = Walks(Budget(share=0.03, allowance=0.25, doubling=0.04, early=0.25, first=1.0))
        self._blocks = 0
        self._count_again = 0.0
        self._calls: Calls | None = (recorder.native or Portable()) if how != "none" else None
        self.copies = how != "paused" and recorder.native is not None and recorder.native.can_copy and how != "none"

    def wait(self) -> float:
        """Seconds until the next snapshot may be due; endless where there are none but at the ends."""
        return self._cadence.wait(self._recorder.now()) if self.copies else _ENDLESS

    def due(self) -> bool:
        """Images that come faster than they are walked come further and further apart."""
        recorder, cadence = self._recorder, self._cadence
        now = recorder.now()
        if not self.copies or not cadence.due(now, recorder.collections, self._late_cost):
            return False
        unfinished = self._unfinished()
        crowded = cadence.since(now) < cadence.seconds * (cadence.apart + unfinished * _CROWDED)
        return not crowded and self._walks.allow(now, self._blocks_in_use(now))

    def _blocks_in_use(self, now: float) -> int:
        """Python's blocks of memory, counted the more seldom the more there are: that goes through all its pools."""
        if now >= self._count_again:
            self._blocks = _getallocatedblocks()
            self._count_again = now + _COUNTED_S * self._blocks
        return self._blocks

    def sample(self) -> None:
        """A snapshot during the run, by an image only."""
        recorder, cadence = self._recorder, self._cadence
        clock = recorder.clock()
        begun = clock()
        cadence.charge(self._late_cost())
        self._pages = (recorder.resident() or 0) // _PAGE
        given_up = self._in_exchange()
        if given_up is not None:
            self._note(self._take("sample", given_up))
        self._faults = self._calls.page_faults() if self._calls is not None else 0
        if given_up is not None:
            cadence.took(recorder.now(), recorder.collections, clock() - begun)
        else:
            cadence.passed(recorder.now(), recorder.collections)

    def _in_exchange(self) -> list[int] | None:
        """Images that are given up for a new one, where too many are being walked; None where it has to wait.

        Of a large program there are few: what the program rewrites meanwhile is there once more for each.
        """
        most = max(_FEWEST, min(_MOST, _MOST_BYTES // max(1, self._pages * _PAGE)))
        excess = self._unfinished() - most
        if excess == 0 and most == _FEWEST:
            return None
        return [self._give_up() for _ in range(max(1, excess) if excess >= 0 else 0)]

    def _give_up(self) -> int:
        number = densest(self._times, list(self._walked))
        self._times.pop(number, None)
        self._walked.pop(number, None)
        self._walks.end(number, None)
        return number

    def _late_cost(self) -> float:
        """What the program lost since the last image by writing to pages that it shared with it.

        As many as it has more of by now were new ones.
        """
        if self._calls is None or not self._pages:
            return 0.0
        more = (self._recorder.resident() or 0) // _PAGE - self._pages
        written = self._calls.page_faults() - self._faults - max(0, more)
        return max(0, min(written, self._pages)) * self._fault_s

    def _touch(self) -> None:
        """Learn what a write to a shared page costs here: the least that was seen, or a busy machine would tell."""
        shared = self._shared
        begun = _perf_counter()
        for at in range(0, _TOUCHED * _PAGE, _PAGE):
            shared[at] = 1
        self._fault_s = min(self._fault_s, (_perf_counter() - begun) / _TOUCHED)

    def garbage(self) -> None:
        """A snapshot of garbage that is about to be collected, by an image only."""
        self._take(GARBAGE)

    def final(self, label: str, asked: bool = True) -> int:
        """A snapshot that must be, at an end: in place where it cannot be otherwise; its number.

        There the program waits to be ``asked``, or goes on once the heap is written down.
        """
        if self._calls is not None and not self._take(label):
            before = _sigmask(SIG_BLOCK, (SIGXFSZ,))  # which is death, past a limit on the size of files
            try:
                self._in_place(label, self._calls, asked)
            finally:
                if SIGXFSZ in _sigpending():
                    _sigwait((SIGXFSZ,))
                _sigmask(SIG_SETMASK, before)
        return self._number

    def _take(self, label: str, given_up: Sequence[int] = ()) -> bool:
        """``given_up``: images that the parent is to end, unless they are done by now: a busy machine is behind."""
        native = self._recorder.native
        if native is None or not self.copies or self._forbidden():
            return False
        header = self._header(label)
        before = _sigmask(SIG_BLOCK, _valid_signals())
        try:
            own_thread = _get_ident() != self._main_thread
            pid = native.copy(self._recorder.resident() or 0, self._recorder.woken if own_thread else 0.0)
            if pid == 0:
                self._live(header, native)
        except OSError:
            self.copies = False
            return False
        finally:
            _sigmask(SIG_SETMASK, before)
        self._recorder.write("image", {**header, "pid": pid, "given_up": list(given_up)})
        return True

    def _header(self, label: str) -> dict[str, Any]:
        recorder = self._recorder
        self._number += 1
        clocks = {"t": recorder.active(), "clock": recorder.now(), "worked": recorder.worked()}
        facts = {"collector": recorder.collector_enabled, "rss": recorder.resident()}
        return {"number": self._number, "label": label, **facts, **clocks}

    def _forbidden(self) -> bool:
        """The parent watches the memory that is free, and says when there is too little for an image."""
        if any(name in _sys.modules for name in _UNCOPYABLE):
            return True
        return self._is_there("no-images")

    def _note(self, taken: bool) -> None:
        if taken:
            self._touch()
            self._walked[self._number] = False
            now = self._recorder.now()
            self._walks.begin(self._number, self._blocks_in_use(now), now)
            self._times[self._number] = now
            self._times.pop(self._number - _FORGOTTEN, None)

    def _unfinished(self) -> int:
        """How many images are still being walked, as far as their files tell; the parent may remove these.

        Both threads ask, and a collection may come in between: what is gone through is a copy, made in one step.
        """
        for number, begun in self._walked.copy().items():
            if self._is_there(f"heap-{number}.part"):
                self._walked[number] = True
            elif begun or self._is_there(f"heap-{number}") or number <= self._number - _FORGOTTEN:
                self._done(number)
        return len(self._walked)

    def _done(self, number: int) -> None:
        """Take note of what an image says of its walk, unless the other thread has seen to that."""
        if self._walked.pop(number, None) is None:
            return
        native = self._recorder.native
        text = native.contents(self._path(f"walked-{number}")) if native is not None else None
        self._walks.end(number, float(text) if text else None)

    def _is_there(self, name: str) -> bool:
        return self._recorder.files.exists(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._recorder.spool.directory}/{name}"

    def _live(self, header: dict[str, Any], native: Native) -> None:
        """In the copy: write the heap down, answer questions, and be gone."""
        try:
            native.let_go_of_descriptors()
            _nice(12)
            _unfreeze()  # what the program has put out of the collector's sight is part of its heap all the same
            native.tell_memory(self._recorder.spool.directory, header["number"])
            self._write(header, native, copied=True)
            self._serve(header["number"], native, self._parent, copied=True)
        except Exception as error:
            self._put(native, f"failed-{header['number']}", described(error))
        finally:
            _exit(0)

    def _in_place(self, label: str, native: Calls, asked: bool) -> None:
        """Where there can be no image: the program waits, until the parent has asked all it wants to know."""
        header = self._header(label)
        self._write(header, native, copied=False)
        self._recorder.write("image", {**header, "pid": 0, "given_up": []})
        if asked:
            self._serve(header["number"], native, self._parent, copied=False)

    def _write(self, header: dict[str, Any], native: Calls, copied: bool) -> None:
        objects = _get_objects()
        path = self._path(f"heap-{header['number']}")
        file = native.create(path + ".part")

        def write(parts: list[bytes]) -> None:
            for part in parts:
                native.write(file, part)

        write(pieces("begin", header))
        if _is_tracing():
            found = allocations(objects, native)
            if copied:
                _stop_tracing()
            write(record(found))
        walk = Walk(write, native.addresses)
        walk.objects(objects)
        walk.types()
        # In the program itself, a dictionary made of a frame's variables would keep them alive.
        in_use = roots.frames(self._main_thread) if copied else []
        kept = kept_frame(objects)
        if kept is not None and copied:
            in_use.append(roots.ended(kept))
        held = {"modules": roots.modules(), "frames": in_use, "own": roots.own(self._modules), **roots.registries()}
        write(pieces("roots", {**held, "opened": opened(objects, walk.kinds), "unheard": unheard()}))
        if copied:
            self._put(native, f"walked-{header['number']}", _process_time())
        native.finish(file, path + ".part", path)

    def _serve(self, number: int, native: Calls, parent: int, copied: bool) -> None:
        """Answer the parent once, as long as it lives."""
        deadline = _monotonic() + _PATIENCE
        while _getppid() == parent and _monotonic() < deadline:
            text = native.contents(self._path(f"questions-{number}"))
            if text is not None:
                self._put(native, f"answers-{number}", heap.told(native.objects_at, text, copied))
                return
            native.sleep(0.005)

    def _put(self, native: Calls, name: str, value: object) -> None:
        path = self._path(name)
        file = native.create(path + ".part")
        native.write(file, to_json(value).encode("ascii"))
        native.finish(file, path + ".part", path)
