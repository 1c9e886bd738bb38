"""Two allocation snapshots of the same size as files of both kinds, and what it takes to compare them.

``make DIRECTORY TRACES`` writes them, ``tracemalloc DIRECTORY`` and ``memdiag DIRECTORY`` read and compare them, each
in a process of its own. Prints JSON.
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
    from memdiag.capture.load import load

    found: dict[str, Any] = {"traces": count}
    for seed, name in enumerate(_NAMES):
        dump, capture = directory / f"{name}.dump", directory / f"{name}.memdiag"
        tracemalloc.Snapshot(list(_traces(count, seed)), DEPTH).dump(str(dump))
        read = load(dump)
        assert read.traces is not None
        write_capture(read, capture)
        found[f"{name}_stacks"] = len(read.traces.stacks)
        found[f"{name}_dump_bytes"], found[f"{name}_capture_bytes"] = dump.stat().st_size, capture.stat().st_size
    return found


def _traces(count: int, seed: int) -> Iterator[Any]:
    program, chance = random.Random(7), random.Random(seed)
    files = [f"/srv/shop/package_{at % 12}/module_{at}.py" for at in range(_FILES)]
    lines = [(files[program.randrange(_FILES)], program.randrange(1, 900)) for _ in range(_LINES)]
    callees = [[program.randrange(_LINES) for _ in range(_CALLEES)] for _ in range(_LINES)]
    for _ in range(count):
        at = chance.randrange(_LINES)
        stack = [at]
        for _ in range(DEPTH - 1):
            at = callees[at][chance.randrange(_CALLEES)]
            stack.append(at)
        frames = tuple((lines[one][0], lines[one][1]) for one in reversed(stack))  # as tracemalloc makes them: anew
        yield 0, chance.choice(_SIZES), frames, DEPTH


def by_tracemalloc(directory: Path) -> dict[str, Any]:
    begun = time.perf_counter()
    before, after = (tracemalloc.Snapshot.load(str(directory / f"{name}.dump")) for name in _NAMES)
    read = time.perf_counter()
    rows = after.compare_to(before, "traceback")
    compared = time.perf_counter()
    growth = sum(row.size_diff for row in rows)
    return _told(begun, read, compared, len(rows), growth)


def by_memdiag(directory: Path) -> dict[str, Any]:
    begun = time.perf_counter()
    from memdiag.analysis.diff.ways import stack_growth
    from memdiag.capture.format import read_capture

    before, after = (read_capture(directory / f"{name}.memdiag").traces for name in _NAMES)
    read = time.perf_counter()
    assert before is not None
    assert after is not None
    rows = stack_growth(before, after)
    compared = time.perf_counter()
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
