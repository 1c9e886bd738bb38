"""What the walks of images cost beside the program: on a core that shares a cache, or a container's share, it waits.

A walk is paid for long after it was begun, and many may be under way; what it will cost is known beforehand well
enough: so much for each block of memory that is in use.
"""

from __future__ import annotations

from .cadence import Budget

_BLOCK_S = 7e-7  # seconds for each block, before any walk has told
_DEAR_S = 0.08  # after a walk that costs more there is a rest, or the budget would be spent on the run's beginning:
_APART = 0.25  # of so much of the time from the first look to that one,
_REST = 2.0  # and so many times what it costs beyond that
_FURTHER = 0.5  # of the run until the last look, where the budget does not allow the next one
_SHARE = 0.2  # of the time since the last look, that a walk may cost then: a large program is to be seen too


class Walks:
    """Says whether another walk is within the budget, of so much processor time at a moment of the run."""

    def __init__(self, budget: Budget) -> None:
        self.spent = 0.0  # seconds, by walks that are over
        self._budget = budget
        self._block_s = _BLOCK_S
        self._going: dict[int, int] = {}  # blocks that each walk under way was to find
        self._first: float | None = None
        self._last = self._last_cost = 0.0

    def begin(self, number: int, blocks: int, now: float) -> None:
        self._going[number] = blocks
        self._first = now if self._first is None else self._first
        self._last, self._last_cost = now, self._block_s * blocks

    def end(self, number: int, seconds: float | None) -> None:
        """It took so many ``seconds``; None where nobody knows, as it was given up."""
        blocks = self._going.pop(number, None)
        if blocks is None:
            return
        if seconds:
            self._block_s += (seconds / max(1, blocks) - self._block_s) / 2  # one may be slow by chance
        self.spent += self._block_s * blocks if seconds is None else seconds

    def allow(self, now: float, blocks: int) -> bool:
        """Whether a walk over so many blocks may begin."""
        cost = self._block_s * blocks
        since = now - self._last
        if since < self._rest():
            return False
        under_way = self._block_s * sum(self._going.copy().values())
        if self.spent + under_way + cost <= self._budget.by(now):
            return True
        return since >= _FURTHER * self._last and cost <= _SHARE * since

    def _rest(self) -> float:
        """Seconds from the last walk to the next."""
        if self._first is None or self._last_cost <= _DEAR_S:
            return 0.0
        return max(_REST * (self._last_cost - _DEAR_S), _APART * (self._last - self._first))
