"""memray in the target, through its Python API. The one tracer that is not of the standard library."""

from __future__ import annotations

from _signal import SIG_BLOCK, SIG_SETMASK
from _signal import pthread_sigmask as _sigmask
from _signal import valid_signals as _valid_signals
from gc import collect as _collect
from os import close as _close
from os import dup as _dup
from os import open as _open
from os import set_inheritable as _set_inheritable
from time import sleep as _sleep

from .garbage import find_garbage

_SNAPSHOT_PAUSE = 0.025  # seconds in which memray, every 10 ms, has surely noted the state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def start(directory: str, native: bool, python_allocators: bool) -> Any:
    """A running tracker that writes ``memray.bin`` beside the stream. Raises ImportError where memray is absent."""
    from memray import FileDestination, Tracker

    taken = _low_descriptors()
    before = _sigmask(
        SIG_BLOCK, _valid_signals()
    )  # inherited by memray's thread, which must take none of the program's
    tracker = Tracker(
        destination=FileDestination(directory + "/memray.bin", overwrite=True, compress_on_exit=False),
        native_traces=native,
        trace_python_allocators=python_allocators,
        follow_fork=False,
    )
    tracker.__enter__()
    _sigmask(SIG_SETMASK, before)
    for descriptor in taken:
        _close(descriptor)
    _close_on_exec(taken[-1] + 1)
    return tracker


def _low_descriptors(floor: int = 990) -> list[int]:
    """Descriptors that hold the low numbers, on which programs count, while memray opens its own four."""
    taken = [_open("/dev/null", 0)]
    try:
        while taken[-1] < floor:
            taken.append(_dup(taken[0]))
    except OSError:  # a lower limit
        for descriptor in taken[-8:]:
            _close(descriptor)
        del taken[-8:]
    return taken


def _close_on_exec(first: int) -> None:
    """memray leaves its handle on /proc/PID/status to whatever program this one becomes."""
    for descriptor in range(first, first + 8):
        try:
            _set_inheritable(descriptor, False)
        except OSError:
            return


def settle(collector_enabled: bool) -> int:
    """Collect what awaits the collector, if nobody can tell, and let memray note the state that is left.

    Returns how many objects were left waiting because their end would have been heard.
    """
    found = find_garbage()
    left = 0
    if found is not None:
        if found.unheard(collector_enabled):
            found = None
            _collect()
        else:
            left = len(found.objects)
    _sleep(_SNAPSHOT_PAUSE)
    return left
