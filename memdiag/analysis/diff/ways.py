"""By whole stack: which way a line was reached for most of what it holds more.

Stacks of both sides are told apart by a number of 64 bits made of their frames, as a sort of millions of numbers takes
a moment, and one of tuples does not. That two stacks share one is as likely as 1 to 5 million among 2 million of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from memdiag.model import Frame, Ints, Stack, StackTable, Traces

_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of SplitMix64, Steele, Lea and Flood 2014
_STEP = np.uint64(0x9E3779B97F4A7C15)
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class StackGrowth:
    """Every stack of either side once: its growth, and where it is to be found (index after those of ``before``)."""

    before: StackTable
    after: StackTable
    places: Ints
    bytes: Ints
    blocks: Ints

    def largest(self, count: int) -> list[tuple[Stack, int, int]]:
        """The stacks that grew most, with their growth in bytes and blocks; the largest first."""
        count = min(count, len(self.bytes))
        if not count:
            return []
        top = np.argpartition(-self.bytes, count - 1)[:count]
        top = top[np.lexsort((self.places[top], -self.bytes[top]))]
        return [(self._stack(int(self.places[at])), int(self.bytes[at]), int(self.blocks[at])) for at in top]

    def _stack(self, place: int) -> Stack:
        return self.before[place] if place < len(self.before) else self.after[place - len(self.before)]


def stack_growth(before: Traces, after: Traces) -> StackGrowth:
    """From the end of one run to that of another, which both have moments; what awaits the collector is not counted."""
    tables = StackTable.of(before.stacks), StackTable.of(after.stacks)
    numbers: dict[Frame, int] = {}
    hashes = np.concatenate([_hashes(table, numbers) for table in tables])
    order = np.argsort(hashes)
    ranked = hashes[order]
    begins = np.flatnonzero(np.concatenate([np.ones(min(1, len(ranked)), np.bool_), ranked[1:] != ranked[:-1]]))
    sizes = np.concatenate([before.awaiting_bytes - before.live_bytes[-1], after.live_bytes[-1] - after.awaiting_bytes])
    blocks = np.concatenate(
        [before.awaiting_blocks - before.live_blocks[-1], after.live_blocks[-1] - after.awaiting_blocks]
    )
    return StackGrowth(*tables, order[begins], _sums(sizes[order], begins), _sums(blocks[order], begins))


def _sums(amounts: Ints, begins: Ints) -> Ints:
    return np.add.reduceat(amounts, begins) if len(begins) else np.zeros(0, np.int64)


def _hashes(table: StackTable, numbers: dict[Frame, int]) -> Hashes:
    """A number for each stack, of its frames in their order; ``numbers`` are the frames of both sides."""
    own = np.array([numbers.setdefault(frame, len(numbers)) for frame in table.frames], np.uint64)
    mixed = _mixed(own + np.uint64(1))
    found = table.depths.astype(np.uint64)
    for there, places in table.levels():
        found[there] = (found[there] ^ mixed[places]) * _STEP
    return _mixed(found)


def _mixed(values: Hashes) -> Hashes:
    for shift, multiplier in zip((30, 27), _MULTIPLIERS, strict=True):
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(multiplier)
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed
