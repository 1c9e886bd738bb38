"""Benchmarks 2 and 3: what one heap snapshot costs the program, and what it takes to write it."""

from __future__ import annotations

import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.children import Failed, asked, program, reap, run
from tests.benchmarks.tables import Table, held, megabytes, ratio, seconds

PAUSE_LIMIT = 0.25
WALK_LIMIT = 10.0
MEMORY_LIMIT = 10e6
_SIZES = (100_000, 1_000_000, 5_000_000)
_QUICK_SIZES = (100_000, 300_000)


@lru_cache(maxsize=8)
def _measured(tracked: int, times: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        found = asked("in_program", directory, tracked, times)
    reap()
    return found


def _at_sizes(table: Table, quick: bool) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for tracked in _QUICK_SIZES if quick else _SIZES:
        try:
            found.append((tracked, _measured(tracked, 5 if quick else 9)))
        except Failed as error:
            table.missing.append(f"{tracked:,} objects: {error}")
    return found


def pause(quick: bool) -> Table:
    """How long the program stands still."""
    columns = ("tracked", "gc.collect()", "pause", "pause, x collect", "limit", "next collect, image alive")
    table = Table("2. Pause of the program for one snapshot", columns)
    table.notes.append(
        "From the start of the snapshot until the program goes on, against one gc.collect() of the same heap just "
        "before; medians. The last column is the first collection while the image lives: it writes to every page "
        "that the image shares, the worst that a program can do then."
    )
    for _, found in _at_sizes(table, quick):
        collect = median(found["collections"])
        factor = median(found["pauses"]) / collect
        cells = (seconds(collect), seconds(median(found["pauses"])), ratio(factor), held(factor, PAUSE_LIMIT))
        shared = ratio(median(found["collections_shared"]) / collect)
        table.rows.append((f"{found['tracked']:,}", *cells, shared))
    return table


def walk(quick: bool) -> Table:
    """How long it takes to have the whole heap in a file, and what the program itself pays in memory."""
    columns = ("tracked", "gc.collect()", "walk and write", "x collect", "limit", "file", "grew by snapshots", "limit ")
    table = Table("3. Walk and write of one snapshot", columns)
    table.notes.append(
        "From the copy to the complete file, in the image, while the program waits (its core is not used twice); "
        "medians. Memory: by how much the peak of the program's own resident set lies above what it had before the "
        "probe was imported."
    )
    for _, found in _at_sizes(table, quick):
        collect = median(found["collections"])
        factor = median(found["walks"]) / collect
        cells = (seconds(collect), seconds(median(found["walks"])), ratio(factor), held(factor, WALK_LIMIT))
        grown = found["grown_bytes"]
        memory = (megabytes(found["file_bytes"]), megabytes(grown), held(grown / 1e6, MEMORY_LIMIT / 1e6, " MB"))
        table.rows.append((f"{found['tracked']:,}", *cells, *memory))
    _add_whole_run(table, 300_000 if quick else 1_000_000)
    return table


def _add_whole_run(table: Table, tracked: int) -> None:
    """Everything that the probe does in the program during a run, not its snapshots alone."""
    try:
        more = [_peak(tracked, under=True) - _peak(tracked, under=False) for _ in range(3)]
    except Failed as error:
        table.missing.append(f"memory of a whole run: {error}")
        return
    grown = median(more)
    table.notes.append(
        f"Over a whole `memdiag run` (auto) of a program with {tracked:,} tracked objects, the peak of its resident "
        f"set lay {megabytes(grown)} above plain python's (median of three pairs; "
        f"{held(grown / 1e6, MEMORY_LIMIT / 1e6, ' MB')})."
    )


def _peak(tracked: int, under: bool) -> int:
    with tempfile.TemporaryDirectory() as place:
        words = program("holding", tracked, f"{place}/peak")
        start = ["-m", "memdiag", "run", "-o", f"{place}/run.memdiag"] if under else []
        run([sys.executable, *start, *words], (0, 1))
        return int((Path(place) / "peak").read_text()) * 1024
