"""Live memory by line, however many stacks there are: no Python code runs for each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memdiag.analysis.origin import is_library, is_native
from memdiag.model import Frame, Ints, Stack, StackTable

_NO_FRAME = Frame("<no Python frame>", 0)
_EXACT = 1 << 53  # sums of floats below are exact
_OWN, _REAL, _OTHER = range(3)


@dataclass(frozen=True)
class LineIndex:
    """Which line each stack counts for: ``of_stacks`` (stacks) are indices into ``frames``, one a line."""

    frames: tuple[Frame, ...]
    of_stacks: Ints

    def sums(self, amounts: Ints) -> Ints:
        """Amounts (stacks) added up by line. Shape (lines)."""
        return summed(self.of_stacks, amounts, len(self.frames))


def summed(groups: Ints, amounts: Ints, count: int) -> Ints:
    """Amounts added up by group, exactly. Shape (count)."""
    if not amounts.size:
        return np.zeros(count, np.int64)
    if max(int(amounts.max()), -int(amounts.min())) * len(amounts) < _EXACT:
        return np.bincount(groups, weights=amounts, minlength=count).astype(np.int64)
    found = np.zeros(count, np.int64)
    np.add.at(found, groups, amounts)
    return found


def index_lines(stacks: StackTable) -> LineIndex:
    """Each stack counts for one line: its innermost that is the program's own, else its innermost at all."""
    of_frame: list[int] = []
    lines: dict[tuple[str, int], int] = {}
    frames: list[Frame] = []
    for frame in (*stacks.frames, _NO_FRAME):
        place = lines.setdefault((frame.file, frame.line), len(lines))
        if place == len(frames):
            frames.append(frame)
        of_frame.append(place)
    numbers = np.array(of_frame, np.int64)[shown(stacks)]
    used, of_stacks = _renumbered(numbers, len(frames))
    return LineIndex(tuple(frames[at] for at in used.tolist()), of_stacks)


def _renumbered(numbers: Ints, count: int) -> tuple[Ints, Ints]:
    """Which of ``count`` numbers occur, in order, and each of ``numbers`` as its index among them."""
    there = np.zeros(count, np.bool_)
    there[numbers] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[numbers]


def shown(stacks: StackTable) -> Ints:
    """The frame that each stack is shown by, as an index into its frames; that after the last where it has none."""
    kinds = np.array([_kind(frame) for frame in stacks.frames] or [_OTHER], np.int8)
    best = np.full(len(stacks), _OTHER + 1, np.int8)
    found = np.full(len(stacks), len(stacks.frames), np.int64)
    for there, places in stacks.levels():
        kind = kinds[places]
        better = kind < best[there]
        if not better.any():
            continue
        chosen = np.flatnonzero(better) if isinstance(there, slice) else there[better]
        best[chosen], found[chosen] = kind[better], places[better]
        if not best.any():
            break  # all of them are the program's own
    return found


def shown_frame(stack: Stack) -> Frame:
    """The frame that one stack is shown by."""
    return min(stack, key=_kind, default=_NO_FRAME)


def _kind(frame: Frame) -> int:
    if frame.file.startswith("<") or is_native(frame.file):
        return _OTHER
    return _REAL if is_library(frame.file) else _OWN
