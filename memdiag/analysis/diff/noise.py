"""Noise told from change: by the spread between runs of the same program, where there are several.

With one run a side nothing is known of the spread: what moved by less than a floor is the same, all else is told as it
is. With several, a change is real where the two sides' ranges lie apart, and their medians by more than either side
spreads: of five runs against five of the same program, ranges alone lie apart once in 126 times, and a diff has a
hundred rows. Of workers of a server a few may leak and the others not: where some of them lie above all before by more
than twice the spread, these are told, and stand for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from memdiag.model import RowStatus
from memdiag.units import counted

WORKER = "worker"  # a run beside others; else one after the other
_SOME = 0.2  # of the later side's runs that must lie above, where not all do
_FEWEST = 2
_FAR = 2  # times the spread


@dataclass(frozen=True)
class Change:
    """The typical figure of each side, what became of it, why, and whether it is no more than noise."""

    before: int
    after: int
    status: RowStatus
    evidence: str
    noise: bool = False


def judge(
    before: Sequence[int], after: Sequence[int], floor: float, told: Callable[[int], str], unit: str = "run"
) -> Change:
    """``before`` and ``after`` have a figure for each run; ``told`` puts one into words."""
    if len(before) == len(after) == 1:
        return _by_floor(before[0], after[0], floor, told)
    middle, new_middle = _middle(before), _middle(after)
    spread = max(max(before) - min(before), max(after) - min(after), floor)
    apart = max(before) < min(after) or max(after) < min(before)
    if apart and abs(new_middle - middle) > spread:
        words = f"{_ranged(before, told, unit)} before, {_ranged(after, told, unit)} after: clear of the spread"
        return Change(middle, new_middle, _status(max(before), max(after), new_middle - middle), words)
    above = [one for one in after if one > max(before) + _FAR * max(max(before) - min(before), floor)]
    if unit == WORKER and len(above) >= max(_FEWEST, _SOME * len(after)):
        grown = _middle(above)
        words = (
            f"{len(above)} of {counted(len(after), unit)} grow, to {told(grown)}; before at most {told(max(before))}"
        )
        return Change(middle, grown, "new" if not max(before) else "worse", words)
    words = f"within the spread: {_ranged(before, told, unit)} before, {_ranged(after, told, unit)} after"
    return Change(middle, new_middle, "same", words, noise=new_middle != middle)


def _by_floor(before: int, after: int, floor: float, told: Callable[[int], str]) -> Change:
    status: RowStatus = "same" if abs(after - before) < floor else _status(before, after, after - before)
    words = {
        "new": f"{told(after)}, of which nothing was there before",
        "gone": f"{told(before)} before, nothing after",
        "same": f"{told(after)}, as before" if after == before else f"{told(after)}, {told(before)} before: no change",
    }
    return Change(before, after, status, words.get(status, f"from {told(before)} to {told(after)}"))


def _status(before: int, after: int, change: int) -> RowStatus:
    if before == 0:
        return "new"
    if after == 0:
        return "gone"
    return "worse" if change > 0 else "better"


def _middle(figures: Sequence[int]) -> int:
    return round(median(figures))


def _ranged(figures: Sequence[int], told: Callable[[int], str], unit: str) -> str:
    low, high = told(min(figures)), told(max(figures))
    if len(figures) == 1:
        return low
    return f"{low if low == high else f'{low} to {high}'} in {counted(len(figures), unit)}"
