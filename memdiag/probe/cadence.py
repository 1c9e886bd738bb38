"""When to look: two clocks, and intervals that widen so that the number of looks stays bounded."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_AGAIN = 0.3  # of an interval, to wait for what the budget does not allow yet
_CHEAP = 0.015  # seconds; after a look that costs no more there is no rest


def densest(times: dict[int, float], among: list[int]) -> int:
    """Of the looks ``among`` all that have a time, the one whose neighbours lie closest together: it tells least."""
    order = list(times)
    gaps = {}
    for at, number in enumerate(order[1:-1], 1):
        if number in among:
            gaps[number] = times[order[at + 1]] - times[order[at - 1]]
    return min(gaps, key=gaps.__getitem__) if gaps else among[-1]


class Budget:
    """What something may have cost by a moment of the run, in seconds.

    ``share`` bounds the part of the run that it may take, beyond an ``allowance`` without which a program that lives
    30 ms would never be seen, and another for each ``doubling`` of the run (from one ``interval`` on), in which there
    are as many looks as in those before it; of the ``first`` seconds it may take the share ``early`` besides, since a
    run may be over soon.
    """

    def __init__(
        self,
        share: float,
        allowance: float = 0.0,
        doubling: float = 0.0,
        early: float = 0.0,
        first: float = 5.0,
        interval: float = 0.004,
    ) -> None:
        self.share = share
        self.allowance = allowance
        self.doubling = doubling
        self.early = early
        self.first = first
        self._interval = interval

    def by(self, now: float) -> float:
        always = self.allowance + self.share * now + self.doubling * int(now / self._interval).bit_length()
        return always + self.early * min(now, self.first)


class Cadence:
    """Due when enough time has passed or enough work was done, and never dearer than the ``budget``.

    After ``keep`` looks both intervals double, as if every second one had been thinned out; a run of any length
    therefore costs O(keep * log(length)) looks. Looks by work keep ``apart`` of the time between looks by time, so that
    a burst of work is not looked at more than all the rest. After each look comes a ``rest`` of so many times its cost:
    dear looks must lie apart from the first on, or the budget would be spent on the program's beginning.
    """

    def __init__(
        self, keep: int, seconds: float, work: int, budget: Budget, apart: float = 0.0, rest: float = 0.0
    ) -> None:
        self.keep = keep
        self.seconds = seconds
        self.work = work
        self.apart = apart
        self.rest = rest
        self.count = 0
        self.spent = 0.0
        self._budget = budget
        self._last_time = 0.0
        self._last_work = 0
        self._last_cost = 0.0

    def due(self, now: float, work: int, late_cost: Callable[[], float] = float) -> bool:
        """``late_cost`` tells what the last look has cost since it was over, as far as that can be told by now."""
        since = self.since(now)
        if since < self.seconds and (work - self._last_work < self.work or since < self.apart * self.seconds):
            return False
        late = late_cost()
        rested = since >= self.rest * max(0.0, self._last_cost + late - _CHEAP)
        return rested and self.spent + late <= self._budget.by(now)

    def wait(self, now: float) -> float:
        """Seconds until it may be due by time; a part of an interval where it should be, and is not."""
        left = self._last_time + self.seconds - now
        return left if left > 0 else self.seconds * _AGAIN

    def since(self, now: float) -> float:
        """Seconds since the last look."""
        return now - self._last_time

    def charge(self, late_cost: float) -> None:
        """Add to what was spent, before the next look."""
        self.spent += late_cost

    def passed(self, now: float, work: int) -> None:
        """No look could be taken: the next one may be due after another interval."""
        self._last_time = now
        self._last_work = work
        self._last_cost = 0.0

    def took(self, now: float, work: int, cost: float) -> None:
        self._last_time = now
        self._last_work = work
        self._last_cost = cost
        self.spent += cost
        self.count += 1
        if self.count >= self.keep:
            self.count = self.keep // 2
            self.seconds *= 2
            self.work *= 2
