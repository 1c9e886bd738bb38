"""Keeps other threads of the program from running in between, while what is looked at must not move."""

from __future__ import annotations

from _thread import _count as _other_threads
from sys import getswitchinterval as _getswitchinterval
from sys import setswitchinterval as _setswitchinterval
from time import sleep as _sleep

_LONG = 0.5  # seconds for which a thread that wants to run is made to wait
_SHORT = 0.05

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def undisturbed(action: Callable[[], object]) -> None:
    """Do it without other threads for half a second; those that wait already are let pass once, at first."""
    interval = _getswitchinterval()
    _setswitchinterval(_LONG)
    try:
        _sleep(2 * interval)
        action()
    finally:
        _setswitchinterval(interval)


def briefly(action: Callable[[], object]) -> bool:
    """The same for something short that comes often, without letting anybody pass; whether nobody can have come in."""
    if _other_threads() == 0:
        action()
        return True
    interval = _getswitchinterval()
    _setswitchinterval(max(interval, _SHORT))
    try:
        action()
    finally:
        _setswitchinterval(interval)
    return False
