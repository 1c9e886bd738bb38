"""Benchmark 6: reading and comparing two snapshots of allocations, beside tracemalloc; and an ordinary diff."""

from __future__ import annotations

import sys
import tempfile
from statistics import median

from tests.benchmarks.children import Failed, asked, run
from tests.benchmarks.tables import Table, held, megabytes, ratio, seconds

SPEED_LIMIT = 1 / 20  # of the time that compare_to() takes, once both are loaded
SIZE_LIMIT = 1 / 5
MEMORY_LIMIT = 1 / 2
DIFF_LIMIT = 1.0  # seconds, start and all
HELP_LIMIT = 0.3
_SIZES = (200_000, 2_000_000)  # the larger needs some 8 GB
_QUICK_SIZES = (50_000,)
_SAMPLE = "sample_scripts/chat_history_{}.py"


def measure(quick: bool) -> Table:
    columns = ("traces", "tool", "read", "compare", "x compare_to", "limit", "peak", "limit ", "file", "limit  ")
    table = Table("6. Comparing two snapshots of allocations", columns)
    table.notes.append(
        "Each trace has a stack of ten frames, drawn from 1,500 lines that call each other at random: nearly all "
        "stacks differ. tracemalloc: Snapshot.load() twice, then compare_to('traceback'). memdiag: the same traces as "
        "captures, read and compared by stack. Its share is that of its reading *and* comparing in the comparing of "
        "tracemalloc alone. Times are CPU seconds, without those of imports. Both find as many stacks, and the same "
        "growth, or there is no figure."
    )
    for count in _QUICK_SIZES if quick else _SIZES:
        try:
            _add(table, count)
        except Failed as error:
            table.missing.append(f"{count:,} traces: {error}")
    _add_ordinary(table)
    return table


def _add(table: Table, count: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        made = asked("two_snapshots", "make", place, count, patience=3600)
        theirs = asked("two_snapshots", "tracemalloc", place, patience=3600)
        ours = asked("two_snapshots", "memdiag", place, patience=3600)
    if (ours["rows"], ours["growth_bytes"]) != (theirs["rows"], theirs["growth_bytes"]):
        raise Failed("the two do not find the same")
    share = (ours["read_s"] + ours["compare_s"]) / theirs["compare_s"]
    peak = ours["peak_bytes"] / theirs["peak_bytes"]
    size = made["after_capture_bytes"] / made["after_dump_bytes"]
    for tool, found, file in (("tracemalloc", theirs, "dump"), ("memdiag", ours, "capture")):
        limits = (
            [held(share, SPEED_LIMIT), held(peak, MEMORY_LIMIT), held(size, SIZE_LIMIT)] if found is ours else [""] * 3
        )
        times = [seconds(found["read_s"]), seconds(found["compare_s"]), ratio(share) if found is ours else ""]
        bytes_ = (megabytes(found["peak_bytes"]), megabytes(made[f"after_{file}_bytes"]))
        table.rows.append((f"{count:,}", tool, *times, limits[0], bytes_[0], limits[1], bytes_[1], limits[2]))
    table.notes.append(
        f"At {count:,} traces memdiag is {1 / share:.0f} times as fast as compare_to() alone, "
        f"{(theirs['read_s'] + theirs['compare_s']) / (ours['read_s'] + ours['compare_s']):.0f} times as fast as "
        f"load() and compare_to(), its file {1 / size:.1f} times smaller, its peak {1 / peak:.1f} times."
    )


def _add_ordinary(table: Table) -> None:
    with tempfile.TemporaryDirectory() as place:
        memdiag = [sys.executable, "-m", "memdiag"]
        for name in ("leaky", "fixed"):
            run([*memdiag, "run", "-o", f"{place}/{name}.memdiag", _SAMPLE.format(name)], (0, 1))
        took = _typical([*memdiag, "diff", f"{place}/fixed.memdiag", f"{place}/leaky.memdiag"])
        told = _typical([*memdiag, "--help"])
    table.notes.append(
        f"A diff of two ordinary captures (of the samples `chat_history`), start and all: {seconds(took)} "
        f"({held(took, DIFF_LIMIT, ' s')}); `memdiag --help`: {seconds(told)} ({held(told, HELP_LIMIT, ' s')}); an "
        f"interpreter that does nothing: {seconds(_typical([sys.executable, '-c', 'pass']))}. Medians of five."
    )


def _typical(command: list[str]) -> float:
    return median(run(command, (0, 1)).cpu_seconds for _ in range(5))
