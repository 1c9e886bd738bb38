"""Tracing in windows: allocations are traced for a short while before some of the snapshots, and not otherwise.

What leaks stays, so the lines that add to it are met in a short window as well as over a whole run. How much a window
slows the program is not known, so all of its time is taken for a cost, and kept to a share of the run.
"""

from __future__ import annotations

import _tracemalloc
from sys import modules as _modules

from .recorder import Recorder

_start = _tracemalloc.start
_stop = _tracemalloc.stop
_is_tracing = _tracemalloc.is_tracing

_SHARE = 0.005  # of the run
_ALLOWANCE = 0.02  # seconds beyond that, without which a short program would not be traced at all
_SHORTEST = 0.006  # seconds
_FRAMES = 4
_FIRST_UNTRACED = 3  # snapshots: a short program needs them more than it needs the lines


class Windows:
    """Opens and closes them. Where the program uses tracemalloc itself, there are none."""

    def __init__(self, recorder: Recorder, wanted: bool) -> None:
        self._recorder = recorder
        self._wanted = wanted and not _is_tracing()
        self._open_since = -1.0
        self._spent = 0.0
        self._untraced = 0  # snapshots since the last window
        self._enough = _FIRST_UNTRACED

    @property
    def open(self) -> bool:
        return self._open_since >= 0

    def before_snapshot(self, now: float) -> bool:
        """Whether the snapshot that is due may be taken: not while a window is too young, or is just being opened."""
        if self.open:
            return now - self._open_since >= _SHORTEST
        if not self._wanted or self._untraced < self._enough or self._is_the_programs() or not self._affordable(now):
            return True
        _start(_FRAMES)
        self._recorder.slowed(True)
        self._open_since = now
        return False

    def after_snapshot(self, now: float) -> None:
        """Close the window; the next snapshot goes without one, so that they lie apart."""
        self._untraced += 1
        if self.open:
            self._untraced, self._enough = 0, 1
            self._spent += now - self._open_since
            self.close()

    def close(self) -> None:
        if self.open:
            self._open_since = -1.0
            self._recorder.slowed(False)
            if not self._is_the_programs():
                _stop()

    def _affordable(self, now: float) -> bool:
        return self._spent + _SHORTEST <= _ALLOWANCE + _SHARE * now

    @staticmethod
    def _is_the_programs() -> bool:
        return "tracemalloc" in _modules
