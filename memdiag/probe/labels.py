"""Moments that the program names itself: ``memdiag.label("after warm-up")``.

The program's interpreter need not have memdiag installed, so the way to us is a module in ``sys.modules`` whose name no
import ever asks for; ``memdiag.label`` looks there, and so can a program that does without it.
"""

from __future__ import annotations

import sys as _sys
from time import perf_counter as _perf_counter

from .interrupts import deliver_again
from .recorder import Recorder

NAME = "_memdiag"
_MOST = 256  # labels of a run; what is named more often is no moment
_LONGEST = 80  # characters
_ALLOWANCE = 0.25  # seconds that looks at labels may take, and as a share of the run besides
_SHARE = 0.05
_Module = type(_sys)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


class Labels:
    """Takes the program's word for what a moment is, and looks at it as far as that is cheap."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._look: Callable[[str], None] = lambda _: None
        self._count = 0
        self._spent = 0.0
        self.module: ModuleType = _Module(NAME)
        self.module.label = self.label  # type: ignore[attr-defined]

    def begin(self, look: Callable[[str], None]) -> None:
        """From now on the program finds us. ``look`` is told what to call what it sees."""
        self._look = look
        _sys.modules[NAME] = self.module

    def label(self, text: Any = "") -> None:
        """Name this moment. Whatever it is called with, the program hears of nothing."""
        try:
            if type(text) is str and self._count < _MOST and self._recorder.mine():
                self._count += 1
                self._named(text[:_LONGEST])
        except RecursionError:
            pass  # the program is at its recursion limit: there is no room to look
        except Exception as error:
            self._recorder.fault("a label", error)

    def _named(self, text: str) -> None:
        recorder = self._recorder
        begun = _perf_counter()
        if not recorder.begin(wait=True):
            return
        try:
            clocks = {"t": recorder.active(), "clock": recorder.now(), "worked": recorder.worked()}
            recorder.write("label", {**clocks, "text": text})
            if self._spent <= _ALLOWANCE + _SHARE * recorder.now():
                self._look(text)
        except Exception as error:
            recorder.fault("a label", error)
            deliver_again(error)
        except BaseException as error:
            deliver_again(error)
        finally:
            recorder.end()
        self._spent += _perf_counter() - begun
