"""By allocating line: the same line on both sides, though lines were added above it or it was itself changed a little.

A line is known by its file, function and text; of several the nearest is the same. Where the text is not known, as in
a tracemalloc dump, the number must do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher

import numpy as np

from memdiag.analysis.diff.sides import Entries, Entry, Figure, Key, measured, relative
from memdiag.analysis.lines import LineIndex, index_lines
from memdiag.model import Capture, Site, StackTable, Traces

_Kind = Callable[[Key, Entry], Key]

_ALIKE = 0.6  # of two texts of one line, before and after it was changed
_MOST_PAIRS = 10_000  # of equal lines, among which the nearest are looked for
_MOST_ALIKE = 30  # lines of one function that are compared by their texts


def by_line(runs: Sequence[Capture]) -> Entries:
    """Lines by relative file and number, over all runs of one side, which are of the same source."""
    return measured(runs, _lines)


def _lines(run: Capture) -> dict[Key, Figure]:
    """What each line holds at the end; what awaits the collector is not counted."""
    traces = run.traces
    if traces is None or not traces.moments:
        return {}
    index = index_lines(StackTable.of(traces.stacks))
    sizes = index.sums(traces.live_bytes[-1] - traces.awaiting_bytes).tolist()
    blocks = index.sums(traces.live_blocks[-1] - traces.awaiting_blocks).tolist()
    arenas = _arenas(traces, index)
    found: dict[Key, Figure] = {}
    for at, frame in enumerate(index.frames):
        source = run.sources.get((frame.file, frame.line))
        known, text = (source.function, source.text) if source is not None else ("", "")
        site = Site(frame.file, frame.line, frame.function or known, source=text)
        found[relative(frame.file, run.target.directory), frame.line] = Figure(
            sizes[at], blocks[at], site=site, arena=at in arenas
        )
    return found


def _arenas(traces: Traces, index: LineIndex) -> set[int]:
    """Lines all of whose stacks are an allocator's arenas."""
    if not traces.arenas:
        return set()
    arenas = np.zeros(len(traces.stacks), np.int64)
    arenas[list(traces.arenas)] = 1
    every = np.bincount(index.of_stacks, minlength=len(index.frames))
    return set(np.flatnonzero(index.sums(arenas) == every).tolist())


def matched(old: Entries, new: Entries) -> dict[Key, Key]:
    """Which line before each line after was; without those that are new."""
    found: dict[Key, Key] = {}
    left_old, left_new = dict(old), dict(new)

    def settle(pairs: Iterable[tuple[Key, Key]]) -> None:
        for before, after in pairs:
            found[after] = before
            del left_old[before], left_new[after]

    settle(_by_text(left_old, left_new))
    settle([(key, key) for key in left_new.keys() & left_old.keys() if not _both_told(old[key], new[key])])
    settle(_by_likeness(left_old, left_new))
    return found


def _both_told(before: Entry, after: Entry) -> bool:
    return bool(_text(before) and _text(after))


def _text(entry: Entry) -> str:
    return entry.figure.site.source if entry.figure.site is not None else ""


def _function(entry: Entry) -> str:
    return entry.figure.site.function if entry.figure.site is not None else ""


def _by_text(old: Entries, new: Entries) -> list[tuple[Key, Key]]:
    """Lines of the same file, function and text; the nearest to each other first."""
    pairs: list[tuple[Key, Key]] = []
    for before, after in _groups(old, new, lambda key, entry: (key[0], _function(entry), _text(entry))):
        if len(before) * len(after) > _MOST_PAIRS:  # as they follow each other: what was generated is
            pairs += zip(sorted(before, key=_number), sorted(after, key=_number), strict=False)
        else:
            pairs += _nearest((abs(_number(one) - _number(other)), one, other) for one in before for other in after)
    return pairs


def _by_likeness(old: Entries, new: Entries) -> list[tuple[Key, Key]]:
    """Lines of the same function that were changed, but not much; the most alike first."""
    pairs = []
    for before, after in _groups(old, new, lambda key, entry: (key[0], _function(entry), bool(_function(entry)))):
        if max(len(before), len(after)) <= _MOST_ALIKE:
            likes = [(_unlike(old[one], new[other]), one, other) for one in before for other in after]
            pairs += _nearest(like for like in likes if like[0] <= 1 - _ALIKE)
    return pairs


def _unlike(before: Entry, after: Entry) -> float:
    return 1 - SequenceMatcher(None, _text(before), _text(after), autojunk=False).ratio()


def _groups(old: Entries, new: Entries, kind: _Kind) -> Iterator[tuple[list[Key], list[Key]]]:
    """What is of one kind on both sides; the last part of the kind tells whether it says anything."""
    sides: list[dict[Key, list[Key]]] = []
    for entries in (old, new):
        grouped: dict[Key, list[Key]] = defaultdict(list)
        for key, entry in entries.items():
            of = kind(key, entry)
            if of[-1] and _text(entry):
                grouped[of].append(key)
        sides.append(grouped)
    for of in sorted(sides[0].keys() & sides[1].keys(), key=repr):
        yield sides[0][of], sides[1][of]


def _number(key: Key) -> int:
    return int(str(key[1]))


def _nearest(candidates: Iterable[tuple[float, Key, Key]]) -> list[tuple[Key, Key]]:
    """Pairs, the nearest first, each line in one at most."""
    used: set[tuple[int, Key]] = set()
    pairs = []
    for _, before, after in sorted(candidates, key=lambda one: (one[0], repr(one[1:]))):
        if (0, before) not in used and (1, after) not in used:
            used |= {(0, before), (1, after)}
            pairs.append((before, after))
    return pairs
