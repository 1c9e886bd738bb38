"""By type, by what holds it, and by resource: what the heap and the process consist of at the end of each run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from memdiag.analysis.diff.sides import Entries, Figure, Key, measured
from memdiag.analysis.judgement import identity
from memdiag.analysis.resources import HANDLES
from memdiag.model import Capture, Sample

RESIDENT = "resident memory"
_PART = 0.5  # of what a holder has gained, by which its items' type must have

# What is counted of a process from outside; with the samples that the program's unwinding has no part in.
_COUNTED: tuple[tuple[str, Callable[[Sample], int | None]], ...] = HANDLES


def by_type(runs: Sequence[Capture]) -> Entries:
    """Instances and shallow bytes by qualified name."""
    return measured(runs, _types)


def _types(run: Capture) -> Mapping[Key, Figure]:
    series = run.heap.types if run.heap is not None else ()
    return {(one.name,): Figure(one.sizes[-1], one.counts[-1], type=one.name) for one in series if one.sizes}


@dataclass(frozen=True)
class Multitude:
    """How many instances of each type there are on both sides: what checks whether something new is new at all.

    Whatever held as many things before, and did not gain any while it was watched, is not among what may grow.
    """

    old: Entries
    new: Entries

    def stayed(self, type_name: str, gained: int) -> bool:
        """Whether there are not so many more of these as something is said to have gained, or lost."""
        counts = [self._count(side, type_name) for side in (self.old, self.new)]
        if counts[0] is None or counts[1] is None or not gained:
            return False
        return (counts[1] - counts[0]) / gained < _PART

    @staticmethod
    def _count(side: Entries, type_name: str) -> float | None:
        """By name, with its module or without, as a holder tells what it holds; None where nothing is known."""
        if not side or not type_name:
            return None
        told = [entry for (name,), entry in side.items() if f".{name}".endswith(f".{type_name}")]
        return sum(median(entry.counts) for entry in told)


def by_holder(runs: Sequence[Capture]) -> Entries:
    """Items, and what would be freed if the holder let go of them, by what holds them however it was reached."""
    return measured(runs, _holders)


def _holders(run: Capture) -> Mapping[Key, Figure]:
    found: dict[Key, Figure] = {}
    for one in run.heap.populations if run.heap is not None else ():
        key = identity(one)
        size = one.retained_bytes or (one.sizes[-1] if one.sizes else 0)
        count = max(one.counts[-1], 0) if one.counts else 0
        before = found.get((key,))
        if before is not None:  # several instances of one class, each with its own
            size, count = size + before.bytes, count + before.count
        site = one.sites[0] if one.sites else None
        found[(key,)] = Figure(size, count, name=one.path, id=key, type=one.item_type, site=site)
    return found


def by_resource(runs: Sequence[Capture]) -> Entries:
    """Descriptors, threads and children by number, resident memory by its bytes."""
    return measured(runs, _resources)


def _resources(run: Capture) -> Mapping[Key, Figure]:
    end = float("inf") if run.end_s is None else run.end_s + 1e-6
    samples = [sample for sample in run.samples if sample.t_s <= end]
    found: dict[Key, Figure] = {}
    for name, read in _COUNTED:
        count = _last(samples, read)
        if count is not None:
            found[(name,)] = Figure(0, count, name=name)
    resident = _last(samples, lambda sample: sample.rss_bytes)
    if resident is not None:
        found[(RESIDENT,)] = Figure(resident, 0, name=RESIDENT)
    return found


def _last(samples: Sequence[Sample], read: Callable[[Sample], int | None]) -> int | None:
    return next((value for sample in reversed(samples) if (value := read(sample)) is not None), None)
