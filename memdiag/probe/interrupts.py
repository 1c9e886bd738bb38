"""Signals that arrive while the probe's code is running in the main thread belong to the program.

Python runs their handlers inside our frames; an exception that a handler raises there (``KeyboardInterrupt``, a
timeout) would be swallowed with them. It is made to happen again, a moment later, in the program's own code.
"""

from __future__ import annotations

from _signal import SIGALRM, SIGINT, SIGPROF, SIGUSR1, SIGUSR2, SIGVTALRM
from _signal import getsignal as _getsignal
from _signal import valid_signals as _valid_signals
from _thread import interrupt_main as _interrupt
from _thread import start_new_thread as _start_new_thread
from sys import getprofile as _getprofile
from sys import gettrace as _gettrace

_RAISING = (SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2)  # whose handlers raise, or come often


def disturbed() -> bool:
    """A debugger would see our frames; the exception of a timer's handler would be lost in them."""
    return bool(_gettrace() or _getprofile()) or any(map(callable, map(_getsignal, _RAISING)))


def deliver_again(error: BaseException) -> None:
    """Have the main thread handle the signal behind ``error`` once more, after the probe has returned."""
    signal = SIGINT if isinstance(error, KeyboardInterrupt) else _signal_of(error)
    if signal is not None:
        # From another thread, so that it is not handled before our own frames are left.
        _start_new_thread(_interrupt, (signal,))  # type: ignore[arg-type]


def _signal_of(error: BaseException) -> int | None:
    """The signal whose handler raised ``error``, told by the code of the frames that it passed."""
    codes = set()
    trace = error.__traceback__
    while trace is not None:
        codes.add(trace.tb_frame.f_code)
        trace = trace.tb_next
    for signal in _valid_signals():
        handler = _getsignal(signal)
        if getattr(getattr(handler, "__func__", handler), "__code__", None) in codes:
            return int(signal)
    return None
