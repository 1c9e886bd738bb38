"""``memdiag cycles --tune``, in the target: the collector set as asked, and what its collections take; nothing else.

Runs are compared with each other, so what is measured must not be what measures: no thread, no samples, no looks. An
entry in ``gc.callbacks`` makes a collection a little dearer, and more so the more often the collector runs; what that
comes to is told, to be taken off again.
"""

from __future__ import annotations

import atexit
import sys as _sys
from _operator import is_ as _stand_in
from gc import callbacks as _callbacks
from gc import disable as _disable
from gc import freeze as _freeze
from gc import get_stats as _get_stats
from gc import get_threshold as _get_threshold
from gc import isenabled as _isenabled
from gc import set_threshold as _set_threshold
from os import O_RDONLY
from os import close as _close
from os import read as _read
from os import register_at_fork as _register_at_fork
from time import perf_counter as _perf_counter

from .interrupts import deliver_again, disturbed
from .moments import at_work
from .pauses import Pauses
from .recorder import Recorder
from .spool import open_high

_MOST_FREEZES = 10
_REHEARSALS = 100  # collections that are played through, to learn what our own part in one costs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Tuning:
    """One run under one setting: ``thresholds`` ("7000,10,10"), ``freeze`` and ``off`` of the options."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._recorder = Recorder(options["directory"], float(options["started"]))
        self._pauses = Pauses()
        self._freezes = _MOST_FREEZES if options["freeze"] == "1" else 0
        self._modules = 0  # that were loaded at the last freeze
        python = ".".join(map(str, _sys.version_info[:3]))
        facts = {"python": python, "executable": _sys.executable, "platform": _sys.platform}
        self._recorder.write("hello", {**facts, "thresholds": list(_get_threshold())})
        if options["thresholds"]:
            _set_threshold(*map(int, options["thresholds"].split(",")))
        self._off = options["off"] == "1"
        if self._off:
            _disable()
        self._thresholds = _get_threshold()
        self._before = _collections()
        self._timed = True
        self._entry = self._called
        _callbacks.append(self._entry)
        _register_at_fork(after_in_child=self._forked)
        atexit.register(self._exiting)

    def _called(self, phase: str, info: dict[str, int]) -> None:
        now = _perf_counter()
        try:
            if disturbed():
                self._step_aside()
            elif phase == "stop":
                self._pauses.count(info, now)
                if self._freezes and self._recorder.in_main_thread():
                    self._freeze_what_has_come()
        except RecursionError:
            pass  # the program is at its recursion limit: nothing can be called here, not even to say so
        except Exception as error:
            self._recorder.fault("collection", error)
            deliver_again(error)
        except BaseException as error:
            deliver_again(error)
        finally:
            if phase == "start":
                self._pauses.begun = _perf_counter()

    def _step_aside(self) -> None:
        """For good: a function in C, which has no frame to see or to lose an exception in, takes our place."""
        self._timed = False
        if self._entry in _callbacks:
            _callbacks[_callbacks.index(self._entry)] = _stand_in

    def _freeze_what_has_come(self) -> None:
        """Once start-up is over, that is at the first collection past the imports; again where more were made since.

        Before that collection, freezing could not have saved any.
        """
        if len(_sys.modules) > self._modules and at_work():
            self._modules = len(_sys.modules)
            self._freezes -= 1
            _freeze()

    def _exiting(self) -> None:
        """The program has ended and its own exit handlers, registered after ours, have run."""
        if not self._recorder.mine():
            return
        try:
            told = self._pauses.tell(self._recorder.active())
            told["collections"] = _collections() - self._before
            told["peak"] = _peak_resident()
            told["enabled"] = _isenabled()
            told["overridden"] = self._overridden()
            told["own"] = self._rehearsed() * sum([row[1] for row in told["generations"]])
            if not self._timed:
                told["generations"] = []
            self._recorder.write("tuned", told)
        except Exception as error:
            self._recorder.fault("exit", error)
        finally:
            self._leave()

    def _overridden(self) -> bool:
        """Whether the program has set the collector otherwise; thresholds are of no matter while it is off."""
        return _isenabled() if self._off else not _isenabled() or _get_threshold() != self._thresholds

    def _rehearsed(self) -> float:
        """Seconds that our entry takes of one collection."""
        self._freezes = 0
        begun = _perf_counter()
        for _ in range(_REHEARSALS):
            self._entry("start", {"generation": 0, "collected": 0, "uncollectable": 0})
            self._entry("stop", {"generation": 0, "collected": 0, "uncollectable": 0})
        return (_perf_counter() - begun) / _REHEARSALS

    def _forked(self) -> None:
        """A forked child keeps the setting, as it would the program's own; what it does is not told."""
        self._leave()

    def _leave(self) -> None:
        self._recorder.silent = True
        for entry in (self._entry, _stand_in):
            if entry in _callbacks:
                _callbacks.remove(entry)


def _collections() -> int:
    return sum([one["collections"] for one in _get_stats()])


def _peak_resident() -> int | None:
    """Bytes of this process at its highest; what the system tells a parent may be the parent's own, before exec."""
    try:
        descriptor = open_high("/proc/self/status", O_RDONLY)
        try:
            text = _read(descriptor, 1 << 14)
        finally:
            _close(descriptor)
        return int(text.split(b"VmHWM:", 1)[1].split(None, 1)[0]) * 1024
    except (OSError, ValueError, IndexError):
        return None


def start(options: Mapping[str, str]) -> None:
    """Set the collector. Raises nothing: where that fails, the program runs as it is, and the parent hears nothing."""
    try:
        Tuning(options)
    except Exception as error:
        try:
            Recorder(options["directory"], float(options["started"])).fault("start", error)
        except Exception:
            return
