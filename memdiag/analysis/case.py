"""How one population went over the run, and what its source adds to that: what a judgement weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memdiag.analysis import series
from memdiag.analysis.owner import BY_AGE, RESULT, SKIPPED, is_called, is_of_item, is_unset, limit_of
from memdiag.analysis.series import Floats, Trend, judge
from memdiag.analysis.touches import REBUILT, adds_each_time
from memdiag.model import HeapEvidence, Moment, Population, Touch

LEAST_ITEMS = 12  # fewer are noise, unless they are large
LARGE_BYTES = 64 * 1024
FEWEST_MOMENTS = 5  # of a population's own life
_GOES_ON = 0.12  # of all growth that must surely have come in the last third
_EVENLY = 1 / 6  # of all growth, if it is taken to be even between two looks
_WIDE = 0.4  # of the run, that no look fell in: what grew meanwhile may have come at once
_DRIP_PARTS = 6  # of the run, of which the last five must each bring something
_SWELL_PARTS = 4  # for buffers, which are enlarged in steps
LATE = 0.4  # of the run: growth that covers less is no sign of anything
_SLOWER = 0.65  # what the last third brought of what the middle third did: slower than the square root of time grows
_UNWOUND = "exit"  # the moment at which functions have returned: what they held, they held until their end
_REMAKES = tuple(f"evicts: {how}" for how in ("reassigned", "filter", "slice", "replaced by"))
_SEEN_TO = 2  # moments at which another container was in its place
_STILL = 0.05  # of all growth, that the last third of the looks brought where it goes on for certain
_NOISE = 3.0  # growth must be this many times the largest fall


@dataclass(frozen=True)
class Case:
    """A population over its own life; ``counts`` and ``bytes`` (of what it keeps alive) at each of its moments."""

    population: Population
    counts: tuple[int, ...]
    bytes: tuple[int, ...]
    trend: Trend  # of the counts, or of the bytes where ``by_bytes``
    by_bytes: bool  # what is there swells; there is not more of it
    span_s: float  # of its life
    life: float  # share of the run that it was there
    slowing: bool  # every clock says that it grows ever more slowly: it may be about to level off
    fall: int  # the most that it ever came down by: what is taken away again
    adds: tuple[Touch, ...]
    removes: tuple[Touch, ...]
    bounds: tuple[Touch, ...]
    under_way: bool = False  # the last look fell into the program's work, and not on an end
    unseen: float = 0.0  # share of its life that lies between the last two looks, by the clock that says the least

    @property
    def gained(self) -> int:
        return self.counts[-1] - self.counts[0]

    @property
    def grown_bytes(self) -> int:
        return self.bytes[-1] - self.bytes[0]

    @property
    def per_second(self) -> float:
        return max(0, self.grown_bytes) / self.span_s if self.span_s > 0 else 0.0

    @property
    def is_steady(self) -> bool:
        return self.trend.shape == "steady"

    @property
    def watched(self) -> float:
        """Moments, one after the other up to the end, that steady growth covers."""
        return self.trend.share * (len(self.counts) - 1)

    @property
    def is_read(self) -> bool:
        """Whether the source is known that adds to it; a source that never does is not the one that tells."""
        source = self.population.source
        return source.read and bool(self.adds or _cached(source.created))

    @property
    def climbs(self) -> bool:
        """Whether it grew from one look to the next all along, by lines that each time add what they are given.

        Such growth has no level to come to: if it slows, it is the program that does.
        """
        values = self.bytes if self.by_bytes else self.counts
        rises = [after - before for before, after in pairwise(values)]
        last = sum(rises[-(len(rises) // 3) :])
        goes_on = min(rises) >= 0 and min(rises[len(rises) // 2 :]) > 0 and last >= _STILL * sum(rises)
        return self.is_read and bool(self.adds) and all(adds_each_time(touch.how) for touch in self.adds) and goes_on

    @property
    def evicts_in_vain(self) -> bool:
        """Whether what is to let go of items, by making the container anew without them, was seen to; none went."""
        remakes = all(touch.how.startswith(_REMAKES) and BY_AGE not in touch.how for touch in self.bounds)
        added = any(touch.how.startswith(REBUILT) for touch in self.adds)
        return bool(self.bounds) and remakes and not added and not self.fall and self.population.remade >= _SEEN_TO

    @property
    def reached_removes(self) -> tuple[Touch, ...]:
        return tuple(touch for touch in self.removes if is_called(touch))

    @property
    def skipped(self) -> Touch | None:
        """A removal that something in between may skip, where there is no other."""
        reached = self.reached_removes
        return reached[0] if reached and all(SKIPPED in touch.how for touch in reached) else None

    @property
    def result(self) -> Touch | None:
        """Where it is used as a whole once it is full."""
        return next((touch for touch in self.population.source.created if touch.how.startswith(RESULT)), None)

    @property
    def unset_bound(self) -> Touch | None:
        """A bound that is written down, by an attribute that is None."""
        return next((one for one in self.population.source.bounds if is_unset(one, self.population.unset)), None)

    @property
    def broken_bound(self) -> Touch | None:
        """A bound that is written down and far exceeded."""
        limits = [(touch, limit_of(touch)) for touch in self.bounds]
        return next((touch for touch, limit in limits if limit and self.counts[-1] > 2 * limit + LEAST_ITEMS), None)


def case(population: Population, evidence: HeapEvidence) -> Case | None:
    """None where there is nothing to weigh: it was not there for long enough, or did not grow."""
    begin, end = life(population.counts)
    left = end == len(evidence.moments) - 1 and evidence.moments[-1].label == _UNWOUND
    moments = evidence.moments[begin:end]
    if len(moments) < FEWEST_MOMENTS or (end < len(evidence.moments) and not left):
        return None
    counts = population.counts[begin:end]
    sizes = _bytes(population, begin, end)
    clocks = _clocks(moments)
    by_bytes = population.kind == "object" or (counts[-1] - counts[0] < LEAST_ITEMS and _measured(population))
    values = sizes if by_bytes else counts
    trend = _trend(clocks, values, sizes, by_bytes)
    if trend.shape in ("flat", "too short"):
        return None
    return weighed(population, evidence, (begin, end), trend, by_bytes)


def weighed(
    population: Population, evidence: HeapEvidence, life: tuple[int, int], trend: Trend, by_bytes: bool
) -> Case:
    """The case of a population whose trend is known; ``life`` are the moments at which it was there: [begin, end)."""
    begin, end = life
    moments = evidence.moments[begin:end]
    counts = population.counts[begin:end]
    sizes = _bytes(population, begin, end)
    values = sizes if by_bytes else counts
    clocks = _clocks(moments)
    whole = evidence.moments[-1].t_s - evidence.moments[0].t_s
    span = float(clocks[0][-1] - clocks[0][0])
    return Case(
        population=population,
        counts=counts,
        bytes=sizes,
        trend=trend,
        by_bytes=by_bytes,
        span_s=span,
        life=span / whole if whole > 0 else len(moments) / len(evidence.moments),
        slowing=all(_slows(clock, values) for clock in clocks[:2] if clock[-1] > clock[0]),
        fall=_fall(values),
        adds=_fitting(population, population.source.adds),
        removes=tuple(touch for touch in population.source.removes if _bears_on(population, touch)),
        bounds=tuple(touch for touch in population.source.bounds if _is_in_force(population, touch)),
        under_way=evidence.moments[-1].label == "sample",
        unseen=min(_last_gap(clock) for clock in clocks[:2]),
    )


def life(counts: Sequence[int]) -> tuple[int, int]:
    """The last stretch of moments at which it was there: [begin, end)."""
    there = [at for at, count in enumerate(counts) if count >= 0]
    if not there:
        return 0, 0
    begin = end = there[-1]
    while begin > 0 and counts[begin - 1] >= 0:
        begin -= 1
    return begin, end + 1


def _measured(population: Population) -> bool:
    return any(population.sizes)


def _bytes(population: Population, begin: int, end: int) -> tuple[int, ...]:
    """What it kept alive at each moment: as measured, or the last moment's retained size shared out by items."""
    counts = population.counts[begin:end]
    sizes = tuple(max(0, size) for size in population.sizes[begin:end])
    fitting = _measured(population) and len(sizes) == len(counts)
    if fitting and (population.kind == "object" or sizes[-1] >= population.retained_bytes):
        return sizes
    last = max(counts[-1], 1)
    return tuple(population.retained_bytes * count // last for count in counts)


def _clocks(moments: Sequence[Moment]) -> tuple[Floats, ...]:
    """Time, work done, and the moments themselves: each never runs backwards."""
    times = [moment.t_s for moment in moments]
    work = [moment.worked_s for moment in moments]
    return tuple(
        np.maximum.accumulate(np.asarray(clock, dtype=np.float64)) for clock in (times, work, range(len(times)))
    )


def _trend(clocks: tuple[Floats, ...], values: Sequence[int], sizes: Sequence[int], by_bytes: bool) -> Trend:
    """Steady if it is so by any clock. What the program does between two looks is not always the same."""
    least = LARGE_BYTES if by_bytes else 1 if sizes[-1] - sizes[0] >= LARGE_BYTES else LEAST_ITEMS
    times, work, looks = (clock.tolist() for clock in clocks)
    trend = judge(times, values, least, work)
    if trend.shape == "flat":
        return trend
    told = [clock for clock in clocks[:2] if _widest_gap(clock) <= _WIDE]
    found = [trend]
    if told:
        told.append(clocks[2])
        found.append(judge(looks, values, least))
    parts = _SWELL_PARTS if by_bytes else _DRIP_PARTS
    found += [drip for clock in told if (drip := _drip(clock, values, trend, parts)) is not None]
    found += [late for clock in clocks[:2] if (late := _late(clock, values, trend)) is not None]
    goes_on = any(_goes_on(clock, values) for clock in clocks[:2])
    steady = [one for one in found if one.shape == "steady" and goes_on]
    if steady:
        return max(steady, key=lambda one: one.share)
    # That growth has come to an end only time and work can tell: the last two looks may lie close together.
    return trend if trend.shape != "steady" else Trend("unsteady", trend.growth)


def _widest_gap(clock: Floats) -> float:
    """Between two looks, as a share of the whole."""
    whole = float(clock[-1] - clock[0])
    return float(np.diff(clock).max()) / whole if whole > 0 and len(clock) > 1 else 1.0


def _last_gap(clock: Floats) -> float:
    whole = float(clock[-1] - clock[0])
    return float(clock[-1] - clock[-2]) / whole if whole > 0 and len(clock) > 1 else 1.0


def _goes_on(clock: Floats, values: Sequence[int]) -> bool:
    """Whether a fair part of the growth came in the last third: not all of it in a burst of looks before.

    What came between two looks may have come at once, right after the first, unless it is as much as the gap between
    them lets expect.
    """
    if _rises(clock, values, 3)[2] >= _EVENLY * max(1.0, float(values[-1] - values[0])):
        return True
    edges = np.linspace(clock[0], clock[-1], 4)
    rises = np.diff(series.floor(values)[np.searchsorted(clock, edges).clip(max=len(clock) - 1)])
    return bool(rises[2] >= _GOES_ON * max(1.0, float(rises.sum())))


def _drip(clock: Floats, values: Sequence[int], trend: Trend, parts: int) -> Trend | None:
    """Growth that is too little, or comes in steps too large, to be even, yet goes on in each part of the run."""
    if len(clock) <= parts or clock[-1] <= clock[0]:
        return None
    rises = _rises(clock, values, parts)
    if rises[1:].min() <= 0 or rises.max() > rises.sum() / 2 or rises[1:].sum() < _NOISE * _fall(values):
        return None
    grew = parts if rises[0] > 0 else parts - 1
    return Trend("steady", trend.growth, intervals=grew, share=grew / parts)


def _late(clock: Floats, values: Sequence[int], trend: Trend) -> Trend | None:
    """Growth from one look to the next, up to the end, over a part of the run that is less than half."""
    grew = 0
    while grew < len(values) - 1 and values[-1 - grew] > values[-2 - grew]:
        grew += 1
    whole = clock[-1] - clock[0]
    share = float((clock[-1] - clock[-1 - grew]) / whole) if whole > 0 else 0.0
    if grew < FEWEST_MOMENTS or share < LATE or _fall(values) or _widest_gap(clock[-1 - grew :]) > _WIDE:
        return None
    return Trend("steady", trend.growth, intervals=grew, share=share)


def _fall(values: Sequence[int]) -> int:
    heights = np.maximum.accumulate(np.asarray(values, dtype=np.int64))
    return int((heights - np.asarray(values, dtype=np.int64)).max())


def _rises(clock: Floats, values: Sequence[int], parts: int) -> Floats:
    """By how much the floor rose in each of so many equal parts of the clock."""
    edges = np.linspace(clock[0], clock[-1], parts + 1)
    return np.diff(np.interp(edges, clock, series.floor(values)))


def _slows(clock: Floats, values: Sequence[int]) -> bool:
    first, middle, last = _rises(clock, values, 3).tolist()
    scatter = 2 * float(np.sqrt(max(middle + last, 0.0)))  # of counts of chance events
    return bool(first >= middle > 0 and last < _SLOWER * middle and middle - last > scatter)


def _fitting(population: Population, touches: tuple[Touch, ...]) -> tuple[Touch, ...]:
    """What is done to the holder itself, where that can be told from what is done to its items."""
    return tuple(touch for touch in touches if _fits(population, touch)) or touches


def _fits(population: Population, touch: Touch) -> bool:
    """Whether both are about the container that the attribute names, or both about one that it holds."""
    return is_of_item(touch) == population.path.endswith("]")


def _is_in_force(population: Population, touch: Touch) -> bool:
    return is_called(touch) and _fits(population, touch) and not is_unset(touch, population.unset)


def _bears_on(population: Population, touch: Touch) -> bool:
    """What lets go of a container lets go of its items; what lets go of an item leaves its container as it was."""
    return _fits(population, touch) or not is_of_item(touch)


def _cached(created: tuple[Touch, ...]) -> bool:
    return any(touch.how.startswith(("cache(", "lru_cache(")) for touch in created)
