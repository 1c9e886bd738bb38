"""Allocation stacks by the million: every frame once, and each stack as numbers of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from memdiag.model.recording import Frame, Ints, Stack

Places = npt.NDArray[np.int32]


class StackTable(Sequence[Stack]):
    """A sequence of stacks; a stack of it is made when it is asked for.

    ``frames`` are those that occur. ``depths`` (stacks) says how many frames each stack has, ``places`` (all frames of
    all stacks, one stack after the other, most recent call first) are indices into ``frames``.
    """

    def __init__(self, frames: Sequence[Frame], depths: Ints, places: Places) -> None:
        self.frames = tuple(frames)
        self.depths = depths
        self.places = places

    @classmethod
    def of(cls, stacks: Iterable[Stack]) -> StackTable:
        """The same stacks as a table; what is one already comes back as it is."""
        if isinstance(stacks, StackTable):
            return stacks
        stacks = list(stacks)
        known: dict[Frame, int] = {}
        places = [known.setdefault(frame, len(known)) for stack in stacks for frame in stack]
        depths = np.fromiter(map(len, stacks), np.int64, len(stacks))
        return cls(tuple(known), depths, np.array(places, np.int32))

    @cached_property
    def starts(self) -> Ints:
        """Where each stack begins in ``places``. Shape (stacks)."""
        return np.cumsum(self.depths) - self.depths

    def levels(self) -> Iterator[tuple[Ints | slice, Places]]:
        """For each depth, innermost first: which stacks are so deep (all of them: a slice), and their frames there."""
        deepest = int(self.depths.max(initial=0))
        if len(self) and int(self.depths.min()) == deepest:
            for column in self.places.reshape(len(self), deepest).T:
                yield slice(None), column
            return
        there = np.flatnonzero(self.depths > 0)
        for level in range(deepest):
            there = there[self.depths[there] > level]
            yield there, self.places[self.starts[there] + level]

    def __len__(self) -> int:
        return len(self.depths)

    @overload
    def __getitem__(self, index: int) -> Stack: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Stack]: ...
    def __getitem__(self, index: int | slice) -> Stack | Sequence[Stack]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        start = int(self.starts[index])
        return tuple(self.frames[at] for at in self.places[start : start + int(self.depths[index])].tolist())

    def __iter__(self) -> Iterator[Stack]:
        frames, places, at = self.frames, self.places.tolist(), 0
        for depth in self.depths.tolist():
            yield tuple(frames[place] for place in places[at : at + depth])
            at += depth

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]
