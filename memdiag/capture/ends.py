"""Which end of a program's functions is the end of its work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_UNWINDING = 0.05  # of the program's work: what is done after its end
_UNWINDING_S = 0.003
_LETTING_GO = 0.25  # of the program's work, if much of what had come is gone after it
_MUCH = 0.3
_WINDING_UP = 0.6  # of the program's work, that an event loop may take to let go of what it had


@dataclass(frozen=True)
class Standing:
    """How far the program has come, in CPU seconds of its own, and how much it holds then, in whatever unit.

    ``loop_over``: what ends is all that an event loop was given; what the loop does then is to cancel the rest.
    """

    worked: float
    held: float
    loop_over: bool = False


def settled(ends: Sequence[Standing], begun: Standing) -> int:
    """Which of several ends is the one to judge by: the first of the last ones, after which nothing much was done.

    When a program ends, its long-lived functions do so one after the other, and each takes its locals with it. To let
    go of what had come may be work too: asyncio.run() cancels the tasks that are left.
    """
    last = ends[-1].worked
    window = max(_UNWINDING * (last - begun.worked), _UNWINDING_S)
    at = next(at for at, end in enumerate(ends) if last - end.worked <= window)
    over = next((one for one in range(at - 1, -1, -1) if ends[one].loop_over), None)
    if over is not None and last - ends[over].worked <= _WINDING_UP * (last - begun.worked):
        at = over if _let_go(ends[over], ends[-1], begun) else at
    little = _LETTING_GO * (last - begun.worked)
    while at and last - ends[at - 1].worked <= little and _let_go(ends[at - 1], ends[at], begun):
        at -= 1
    return at


def _let_go(earlier: Standing, later: Standing, begun: Standing) -> bool:
    come = earlier.held - begun.held
    return come > 0 and earlier.held - later.held >= _MUCH * come
