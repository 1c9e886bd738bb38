"""Two allocation snapshots of the same size as files of both kinds, and what it takes to compare them.

``make DIRECTORY TRACES`` writes them, ``tracemalloc DIRECTORY`` and ``memdiag DIRECTORY`` read and compare them, each
in a process of its own. Prints JSON; times are CPU seconds, so that a busy machine does not matter.
"""

from __future__ import annotations

import json
import random
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from memdiag.model import Frame, Moment, StackTable, Traces
from tests.benchmarks.children import peak_bytes

DEPTH = 10
_LINES = 1500  # that allocate or call
_FILES = 60
_CALLEES = 6  # that each line may lead to
_SIZES = (28, 32, 56, 64, 72, 120, 1024)
_NAMES = ("before", "after")


def make(directory: Path, count: int) -> dict[str, Any]:
    """Each trace has a stack of its own making: 1500 lines call each other at random, ten deep."""
    from memdiag.capture.format import write_capture
    from memdiag.model import Capture, TargetInfo

    found: dict[str, Any] = {"traces": count}
    for seed, name in enumerate(_NAMES):
        dump, capture = directory / f"{name}.dump", directory / f"{name}.memdiag"
        stacks, sizes = _drawn(count, seed)
        tracemalloc.Snapshot(list(_raw(stacks, sizes)), DEPTH).dump(str(dump))
        write_capture(Capture("file", TargetInfo((name,)), traces=_traces(stacks, sizes)), capture)
        found[f"{name}_dump_bytes"], found[f"{name}_capture_bytes"] = dump.stat().st_size, capture.stat().st_size
    return found


def _drawn(count: int, seed: int) -> tuple[Any, Any]:
    """Lines of each stack, most recent call first, shape (count, DEPTH), and the size of each trace."""
    program, chance = np.random.default_rng(7), np.random.default_rng(seed)
    callees = program.integers(_LINES, size=(_LINES, _CALLEES))
    stacks = np.zeros((count, DEPTH), np.int32)
    stacks[:, -1] = chance.integers(_LINES, size=count)
    for level in range(DEPTH - 2, -1, -1):
        stacks[:, level] = callees[stacks[:, level + 1], chance.integers(_CALLEES, size=count)]
    return stacks, chance.choice(_SIZES, size=count)


def _lines() -> list[tuple[str, int]]:
    program = random.Random(7)
    files = [f"/srv/shop/package_{at % 12}/module_{at}.py" for at in range(_FILES)]
    return [(files[at % _FILES], 1 + at // _FILES * 31 + program.randrange(31)) for at in range(_LINES)]


def _raw(stacks: Any, sizes: Any) -> Iterator[Any]:
    """As tracemalloc has them: a tuple for each frame of each trace."""
    lines = _lines()
    for stack, size in zip(stacks, sizes.tolist(), strict=True):
        yield 0, size, tuple((lines[at][0], lines[at][1]) for at in stack.tolist()), DEPTH


def _traces(stacks: Any, sizes: Any) -> Traces:
    """As memdiag has them: traces with one stack are one."""
    rows, of = np.unique(stacks, axis=0, return_inverse=True)
    order = np.random.default_rng(1).permutation(len(rows))  # in no order, as they come
    table = StackTable([Frame(*line) for line in _lines()], np.full(len(rows), DEPTH), rows[order].ravel())
    amounts = [np.bincount(of, weights, len(rows)).astype(np.int64)[order] for weights in (sizes, None)]
    nothing = np.zeros(len(rows), np.int64)
    live = [amount.reshape(1, -1) for amount in amounts]
    return Traces("tracemalloc", table, (Moment(0.0, "sample"),), live[0], live[1], nothing, nothing.copy())


def by_tracemalloc(directory: Path) -> dict[str, Any]:
    begun = time.process_time()
    before, after = (tracemalloc.Snapshot.load(str(directory / f"{name}.dump")) for name in _NAMES)
    read = time.process_time()
    rows = after.compare_to(before, "traceback")
    compared = time.process_time()
    growth = sum(row.size_diff for row in rows)
    return _told(begun, read, compared, len(rows), growth)


def by_memdiag(directory: Path) -> dict[str, Any]:
    from memdiag.analysis.diff.ways import stack_growth
    from memdiag.capture.format import read_capture

    begun = time.process_time()
    before, after = (read_capture(directory / f"{name}.memdiag").traces for name in _NAMES)
    read = time.process_time()
    assert before is not None
    assert after is not None
    rows = stack_growth(before, after)
    compared = time.process_time()
    return _told(begun, read, compared, len(rows.bytes), int(rows.bytes.sum()))


def _told(begun: float, read: float, compared: float, rows: int, growth: int) -> dict[str, Any]:
    figures = {"read_s": read - begun, "compare_s": compared - read, "rows": rows, "growth_bytes": growth}
    return {**figures, "peak_bytes": peak_bytes()}


def main(words: list[str]) -> dict[str, Any]:
    what, directory = words[0], Path(words[1])
    if what == "make":
        return make(directory, int(words[2]))
    return by_tracemalloc(directory) if what == "tracemalloc" else by_memdiag(directory)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
