"""What every part of the probe shares: the spool, the two clocks, and the promise to stay silent when it fails."""

from __future__ import annotations

from _thread import allocate_lock as _allocate_lock
from _thread import get_ident as _get_ident
from gc import disable as _disable
from gc import enable as _enable
from gc import isenabled as _isenabled
from os import getpid as _getpid
from time import monotonic as _monotonic
from time import perf_counter as _perf_counter
from time import process_time as _process_time
from time import thread_time as _thread_time

from .files import fitting
from .spool import Resident, Spool
from .wire import pack

_DEEPEST = 40  # levels of calls that a piece of the probe's work needs at most
_LOST_TO_TRACING = 3 / 4  # of the time while allocations are traced, which makes a program up to ten times slower
_LONGEST_PIECE = 10.0  # seconds to wait for the other thread's piece of work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .native import Native
    from .wire import Column


def _nothing() -> None:
    pass


def _headroom(levels: int) -> None:
    """Raises RecursionError where the program has come so close to its limit that our own calls would meet it."""
    if levels:
        _headroom(levels - 1)


class Recorder:
    """Writes records with the time since the target started, in this process only."""

    def __init__(self, directory: str, started: float, native: Native | None = None) -> None:
        self.native = native
        self.files = fitting(native, directory)
        self.spool = Spool(directory, self.files)
        self.collections = 0  # the clock of work: collections since the start
        self.collecting = 0  # the thread in which a collection is under way
        self.paused = 0.0  # seconds that the probe's own work took
        self._begun = 0.0
        self._begun_cpu = 0.0
        self._paused_cpu = 0.0
        self.looking = 0  # the thread in which the probe is at work; it must not watch itself
        self._work = _allocate_lock()
        self._main_thread = _get_ident()
        self._begun_thread = 0.0
        self.silent = False  # in a forked child, and once the program has ended
        self.resident = Resident(self.files)
        self.woken = 0.0  # when, of ``perf_counter``, our own thread was last given the interpreter's lock
        self.on_begin: Callable[[], object] = _nothing  # what else must rest meanwhile
        self.on_end: Callable[[], object] = _nothing
        self.own_bytes = 0  # by which our own work has made the resident set grow
        self._before = 0
        self._furthest = self._furthest_cpu = 0.0
        self.slowed_since: tuple[float, float] | None = None  # both clocks, while allocations are traced
        self._started = started
        self._pid = _getpid()
        self.collector_enabled = True
        self._resting = False

    def now(self) -> float:
        return _monotonic() - self._started

    def active(self) -> float:
        """Seconds since the start without those that the probe took: how far the program itself has come.

        It never goes back, though what the probe took may turn out to have been more than was thought.
        """
        self._furthest = max(self._furthest, self._come())
        return self._furthest

    def _come(self) -> float:
        return (self._begun if self.looking else self.now()) - self.paused

    def worked(self) -> float:
        """CPU seconds of the program without the probe's own: the clock of work, whatever else the machine does."""
        self._furthest_cpu = max(self._furthest_cpu, self._done())
        return self._furthest_cpu

    def _done(self) -> float:
        return (self._begun_cpu if self.looking else _process_time()) - self._paused_cpu

    def clock(self) -> Callable[[], float]:
        """What tells the cost of a piece of work in this thread: where the main one does it, the program waits."""
        return _perf_counter if self.in_main_thread() else _thread_time

    def in_main_thread(self) -> bool:
        return _get_ident() == self._main_thread

    def mine(self) -> bool:
        return not self.silent and _getpid() == self._pid

    def write(self, kind: str, header: Mapping[str, Any], columns: Mapping[str, Column] | None = None) -> None:
        if self.mine():
            self.spool.write(pack(kind, header, columns))

    def begin(self, wait: bool = False) -> bool:
        """Claim the probe for one piece of work, with the collector at rest: our own garbage is not the program's.

        ``wait`` for the other thread to finish its piece; else it is for that thread to do what is due.
        """
        if self.looking == _get_ident() or not self.mine():
            return False
        _headroom(_DEEPEST)  # else a piece of work could be left half done, with the collector off
        asked, paused = self.now(), self.paused
        if not self._work.acquire(wait, _LONGEST_PIECE if wait else -1):
            return False
        if wait:  # the program stood still for that as well
            self.paused = max(self.paused, paused + self.now() - asked)
        self.discount()
        self.looking = _get_ident()
        self.on_begin()
        self._begun = self.now()
        self._begun_cpu = _process_time()
        self._begun_thread = _thread_time()
        self._before = self.resident() or 0
        self.collector_enabled = _isenabled()
        # In gc.callbacks nothing collects anyway; in our own thread the program would see the switch, or lose its own.
        self._resting = self.collector_enabled and self.looking == self._main_thread and self.collecting != self.looking
        if self._resting:
            _disable()
        return True

    def discount(self) -> None:
        """Take from both clocks what the program lost since the last time because its allocations were traced.

        How much that is depends on the program; without it, its rates would seem to rise as the tracing ends.
        """
        if self.slowed_since is None:
            return
        wall, cpu = self.slowed_since
        self.paused += (self._come() - wall) * _LOST_TO_TRACING
        self._paused_cpu += (self._done() - cpu) * _LOST_TO_TRACING
        self.slowed_since = self._come(), self._done()

    def slowed(self, traced: bool) -> None:
        """Say that tracing begins, or ends."""
        self.discount()
        self.slowed_since = (self._come(), self._done()) if traced else None

    def end(self) -> None:
        """Hand the probe back. What the program did meanwhile, in another thread, is not counted as ours."""
        if self._resting:
            _enable()
        used = _thread_time() - self._begun_thread
        self._paused_cpu += used
        self.paused += self.now() - self._begun if self.looking == self._main_thread else used
        self.own_bytes += max(0, (self.resident() or 0) - self._before)
        self.on_end()
        self.looking = 0
        self._work.release()

    def fault(self, where: str, error: BaseException) -> None:
        """An error of the probe's own: its type and line are recorded, the program never hears of it."""
        try:
            self.write("fault", {"where": where, **described(error)})
        except Exception:
            self.silent = True


def described(error: BaseException) -> dict[str, Any]:
    """Type and innermost line of an error; its text may hold values of the user's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return {"type": type(error).__name__, "line": trace.tb_lineno if trace is not None else 0}
