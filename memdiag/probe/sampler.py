"""Samples over the run, on two clocks: collections, in the thread that caused them, and time, in a thread of ours.

The thread is a bare one, which ``threading`` does not know; it takes no signals, and is gone while the program forks.
"""

from __future__ import annotations

import gc
from _collections import deque as _drain
from _queue import SimpleQueue
from _signal import SIG_BLOCK
from _signal import pthread_sigmask as _sigmask
from _signal import valid_signals as _valid_signals
from _thread import allocate_lock as _allocate_lock
from _thread import get_ident as _get_ident
from _thread import start_new_thread as _start_new_thread
from itertools import islice as _islice
from os import listdir as _listdir
from sys import getallocatedblocks as _getallocatedblocks
from sys import getprofile as _getprofile
from sys import gettrace as _gettrace
from time import perf_counter as _perf_counter
from time import sleep as _sleep
from time import thread_time as _thread_time

from .cadence import Budget, Cadence
from .interrupts import deliver_again, disturbed
from .pauses import Pauses
from .recorder import Recorder

_map = map
_callbacks = gc.callbacks
_get_objects = gc.get_objects
_get_stats = gc.get_stats

_TRACKED_SHARE = 0.01  # of the run that counting tracked objects may take
_MALLOC_SHARE = 0.01  # of the run that malloc may take to count its free blocks
_MALLOC_AT_ENDS_S = 0.02  # where it takes no longer, it is asked at each end

_SHORTEST_PAUSE = 0.0003  # seconds; where the program computes, a switch interval comes on top of each
_LONGEST_PAUSE = 0.1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Sampler:
    """Writes samples; the cadence says when one is due."""

    def __init__(
        self,
        recorder: Recorder,
        memory: Callable[[], tuple[int, int] | None],
        show: Callable[[list[object]], None],
        counting: bool,
    ) -> None:
        self._recorder = recorder
        self._memory = memory
        self._show = show  # to whom else all tracked objects are of use, once they have been listed
        self._counting = counting
        self._cadence = Cadence(keep=24, seconds=0.005, work=1, budget=Budget(share=0.01, allowance=0.05))
        self._tracked_cost = 0.0
        self._malloc_cost = 0.0
        self._malloc_last = 0.0

    def wait(self) -> float:
        """Seconds until the next sample may be due."""
        return self._cadence.wait(self._recorder.now())

    def due(self) -> bool:
        return self._cadence.due(self._recorder.now(), self._recorder.collections)

    def sample(self, at_end: bool = False) -> None:
        recorder = self._recorder
        clock = recorder.clock()
        begun = clock()
        stats = _get_stats()
        header: dict[str, Any] = {
            "t": recorder.active(),
            "clock": recorder.now(),
            "worked": recorder.worked(),
            "rss": recorder.resident(),
            "own": recorder.own_bytes,
            "blocks": _getallocatedblocks(),
            "tracked": self._tracked(),
            "collections": sum([generation["collections"] for generation in stats]),
            "collected": sum([generation["collected"] for generation in stats]),
        }
        memory = self._memory()
        if memory is not None:
            header["traced"], header["tracer"] = memory
        header["malloc"] = self._malloc(at_end)
        recorder.write("sample", header)
        self._cadence.took(recorder.now(), recorder.collections, clock() - begun)

    def _malloc(self, at_end: bool) -> tuple[int, int, int] | None:
        """What malloc says of itself, as far as its share of the run allows."""
        native = self._recorder.native
        dear = self._malloc_cost > 0.002 + _MALLOC_SHARE * self._recorder.now()
        if native is None or (dear and not (at_end and self._malloc_last < _MALLOC_AT_ENDS_S)):
            return None
        begun = _thread_time()
        found = native.malloc_state()
        self._malloc_last = _thread_time() - begun
        self._malloc_cost += self._malloc_last
        return found

    def _tracked(self) -> int | None:
        """How many objects the collector tracks; listing them has its price, which is kept to a share of the run.

        It writes to the pages of all of them. Where ``counting`` is off, since images share these pages, our own thread
        does without; the main one has another use for the list.
        """
        if self._tracked_cost > 0.005 + _TRACKED_SHARE * self._recorder.now():
            return None
        if not self._counting and not self._recorder.in_main_thread():
            return None
        begun = _perf_counter()
        if self._recorder.in_main_thread():
            objects = _get_objects()
            count = len(objects)
            self._show(objects)
            del objects
        else:  # in one call into C: no object may be held while the program goes on, it would die late
            count = _drain(_map(len, _islice(iter(_get_objects, None), 1)), 1).pop()
        self._tracked_cost += _perf_counter() - begun
        return count


class Clock:
    """The thread that ticks by time. Stopped before the program forks, started again in the parent afterwards."""

    def __init__(self, recorder: Recorder, tick: Callable[[], float]) -> None:
        self._recorder = recorder
        self._tick = tick  # in how many seconds it wants to be called again
        self._stop = _allocate_lock()
        self._done = _allocate_lock()
        self._running = False
        self._interrupted = False

    def start(self) -> None:
        if self._running or not self._recorder.mine():
            return
        self._stop = _allocate_lock()
        self._done = _allocate_lock()
        self._stop.acquire()
        self._done.acquire()
        try:
            _start_new_thread(self._run, (self._stop, self._done))
            self._running = True
        except RuntimeError:
            self._running = False

    def stop(self) -> None:
        """Ask the thread to end and wait until the system has forgotten it (a bounded wait)."""
        self._interrupted = self._running
        if not self._running:
            return
        self._running = False
        threads = _thread_count()
        self._stop.release()
        if self._done.acquire(timeout=1.0):
            for _ in range(100):
                if threads is None or (_thread_count() or 0) < threads:
                    return
                _sleep(0.0001)

    def resume(self) -> None:
        """Go on after a stop, if there was anything to stop."""
        if self._interrupted:
            self.start()

    def _run(self, stop: Any, done: Any) -> None:
        try:
            _sigmask(SIG_BLOCK, _valid_signals())
            pause = _SHORTEST_PAUSE
            while not stop.acquire(timeout=pause):
                self._recorder.woken = _perf_counter()
                try:
                    pause = min(max(self._tick(), _SHORTEST_PAUSE), _LONGEST_PAUSE)
                except Exception as error:
                    self._recorder.fault("clock", error)
                    return
        finally:
            done.release()


def _thread_count() -> int | None:
    try:
        return len(_listdir("/proc/self/task"))
    except OSError:
        return None


class Collections:
    """Our entry in ``gc.callbacks``: counts collections and ticks the clock of work."""

    def __init__(
        self, recorder: Recorder, tick: Callable[[], None], watch: Callable[[str, dict[str, int]], None] | None
    ) -> None:
        self._recorder = recorder
        self._tick = tick
        self._watch = watch
        self.pauses = Pauses()
        self._entry = self._called
        self._bell: SimpleQueue[str] = SimpleQueue()
        self._quiet = self._bell.put  # takes (phase, info) as (item, block): a gc callback written in C
        self._loud = True
        self._busy_until = 0.0  # by ``perf_counter``: collections that come sooner are counted, and no more
        _callbacks.append(self._entry)

    def _failed(self, error: Exception) -> None:
        """A signal handler of the program's may raise any exception in here; the others are ours."""
        self._recorder.fault("collection", error)
        deliver_again(error)

    def remove(self) -> None:
        for entry in (self._entry, self._quiet):
            if entry in _callbacks:
                _callbacks.remove(entry)

    def heed(self) -> None:
        """In the clock's thread: step aside in time, and count what the bell has counted."""
        if self._loud and self._watch is None and disturbed():
            self._step_aside()
        while not self._bell.empty():
            if self._bell.get_nowait() == "stop":
                self._recorder.collections += 1

    def _step_aside(self) -> None:
        """From now on a function in C stands in for us: it has no frame to see, and no handler ever runs in it."""
        self._loud = False
        if self._entry in _callbacks:
            _callbacks[_callbacks.index(self._entry)] = self._quiet  # type: ignore[assignment]

    def _called(self, phase: str, info: dict[str, int]) -> None:
        now = _perf_counter()
        recorder = self._recorder
        try:
            if now >= self._busy_until or recorder.looking or _gettrace() or _getprofile():
                self._heard(phase, info, now)
            elif phase == "stop":
                recorder.collections += 1
                self.pauses.count(info, now)
        except RecursionError:
            pass  # the program is at its recursion limit: nothing can be called here, not even to say so
        except Exception as error:
            self._failed(error)
        except BaseException as error:
            deliver_again(error)
        finally:
            recorder.collecting = _get_ident() if phase == "start" else 0
            if phase == "start":
                self.pauses.begun = _perf_counter()

    def _heard(self, phase: str, info: dict[str, int], now: float) -> None:
        recorder = self._recorder
        if not recorder.mine():
            return
        if self._watch is None and disturbed():
            self._step_aside()
            return
        ours = recorder.looking == _get_ident()  # a piece of the probe's work just begins or ends in this thread
        recorder.collecting = _get_ident()
        if self._watch is not None and (ours or recorder.begin(wait=True)):
            self._show(self._watch, phase, info, ours)
        if phase == "stop":
            recorder.collections += 1
            if not ours:
                self.pauses.count(info, now)
                self._tick()
                self._busy_until = 0.0 if self._watch is not None else _perf_counter() + _SHORTEST_PAUSE

    def _show(self, watch: Callable[[str, dict[str, int]], None], phase: str, info: dict[str, int], ours: bool) -> None:
        try:
            watch(phase, info)
        finally:
            if not ours:
                self._recorder.end()
