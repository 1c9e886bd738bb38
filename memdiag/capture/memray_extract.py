"""Runs in a process of its own: turns one memray file into one JSON object on standard output.

memray's reader is native code and trusts its input; a corrupt file may crash it, hang it or make it ask for all
memory. So :mod:`memdiag.capture.memray_file` starts this file by its path, isolated, under limits, and reads the
answer. It imports nothing of memdiag's. Its one argument is the request as JSON: ``path``, ``until_s``,
``sys_path`` and ``cpu_s``.

The answer has ``moments`` [seconds, label], ``frames`` [file, line, function], ``stacks`` [index of a frame, ...],
``live_bytes`` and ``live_blocks`` (a row a stack, a column a moment) and ``arenas`` [index of a stack]; or else
``problem``, and ``missing`` where memray itself is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

FRAMES_LIMIT = 50
MOMENTS_LIMIT = 24
SNAPSHOTS_LIMIT = 100_000  # memray's own measurements, where one of them has to be found by its time
MMAP = 14  # memray.AllocatorType.MMAP
ARENA_BYTES = (1 << 20, 256 << 10)  # pymalloc's, with and without the radix tree (CPython 3.10)
UNKNOWN = ("", "<unknown>", 0)  # tracemalloc's name for an allocation below no Python frame

Point = tuple[int, float, str]  # after how many of memray's snapshots, seconds, label
Amounts = tuple[list[int], list[int]]  # bytes and blocks at every point


def main() -> None:
    request = json.loads(sys.argv[1])
    limit_resources(request["cpu_s"])
    sys.path += [entry for entry in request["sys_path"] if entry not in sys.path]
    try:
        answer = extract(request["path"], request["until_s"])
    except ImportError as error:
        answer = {"problem": one_line(error), "missing": True}
    except UnicodeDecodeError:
        answer = {"problem": "it holds a name that is not UTF-8"}
    except Exception as error:  # whatever memray makes of a corrupt file, the caller gets a line
        answer = {"problem": one_line(error) or type(error).__name__}
    sys.stdout.write(json.dumps(answer))


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def limit_resources(cpu_s: int) -> None:
    """Three quarters of the machine's memory, a bounded time, and no core file; as far as the system lets us."""
    import resource

    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 3 // 4
    for name, limit in (("RLIMIT_AS", memory), ("RLIMIT_CPU", cpu_s), ("RLIMIT_CORE", 0)):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            kind = getattr(resource, name)
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


def extract(path: str, until_s: float | None) -> dict[str, Any]:
    import memray

    # memray thins out its snapshots itself: without a time to look for, no more than are shown need be kept.
    kept = MOMENTS_LIMIT - 1 if until_s is None else SNAPSHOTS_LIMIT
    with contextlib.closing(memray.FileReader(path, max_memory_records=kept)) as reader:
        try:
            points = choose_points(reader, until_s)
            table = history(reader, points)
        except (NotImplementedError, MemoryError):  # an aggregated file; or a history too long to hold
            points = choose_points(reader, None)[-1:]
            table = final_state(reader)
    return {"moments": [[t_s, label] for _, t_s, label in points], **table.as_json()}


def history(reader: Any, points: list[Point]) -> Table:
    table = Table(reader.metadata)
    for record in reader.get_temporal_allocation_records(merge_threads=True):
        table.add(record, alive_at(points, record.intervals))
    return table


def final_state(reader: Any) -> Table:
    table = Table(reader.metadata)
    for record in reader.get_leaked_allocation_records(merge_threads=True):
        table.add(record, ([record.size], [record.n_allocations]))
    return table


def choose_points(reader: Any, until_s: float | None) -> list[Point]:
    """At most MOMENTS_LIMIT points of the recording, the first and the last among them, evenly spread.

    A file that was cut short has no time of its end, so its last snapshot stands for it.
    """
    start = reader.metadata.start_time.timestamp()
    measured = [max(snapshot.time / 1000 - start, 0.0) for snapshot in reader.get_memory_snapshots()]
    times = list(accumulate(measured, max))  # the system's clock may have been set back
    end = max([reader.metadata.end_time.timestamp() - start, *times[-1:]])
    points = [(index, t_s, "sample") for index, t_s in enumerate(times)]
    if until_s is None or until_s >= end or not points:
        points.append((len(times), end, "exit"))
    else:
        points = points[: max(bisect_right(times, until_s), 1)]
        points[-1] = (*points[-1][:2], "end of main()")
    if len(points) > 1:
        points[0] = (*points[0][:2], "start")
    return list(thin_out(points, MOMENTS_LIMIT))


def thin_out(points: list[Point], limit: int) -> Iterator[Point]:
    count = min(len(points), limit)
    return (points[step * (len(points) - 1) // max(count - 1, 1)] for step in range(count))


def alive_at(points: list[Point], intervals: Iterable[Any]) -> Amounts:
    """What of *intervals* is alive at each of *points*.

    memray numbers its snapshots from 0. What was allocated before snapshot *a* and freed before snapshot *f* is
    seen by those from *a* to *f* - 1; the end of the recording counts as one snapshot more.
    """
    indices = [index for index, _, _ in points]
    sizes, counts = [0] * (len(points) + 1), [0] * (len(points) + 1)  # steps first, then their sums
    for interval in intervals:
        freed = interval.deallocated_before_snapshot
        first = bisect_left(indices, interval.allocated_before_snapshot)
        last = len(points) if freed is None else bisect_left(indices, freed)
        for steps, amount in ((sizes, interval.n_bytes), (counts, interval.n_allocations)):
            steps[first] += amount
            steps[last] -= amount
    return list(accumulate(sizes[:-1])), list(accumulate(counts[:-1]))


class Table:
    """Amounts by stack; equal stacks are one row, whatever allocator or thread they belong to."""

    def __init__(self, metadata: Any) -> None:
        self.native = metadata.has_native_traces
        self.arenas_possible = not getattr(metadata, "trace_python_allocators", False)
        self.mimalloc = metadata.python_allocator.startswith("mimalloc")
        self.frames: dict[tuple[str, str, int], int] = {}
        self.rows: dict[tuple[int, ...], Amounts] = {}
        self.arena_bytes: dict[tuple[int, ...], int] = {}
        self.known_stacks: dict[tuple[int, int, int], tuple[int, ...]] = {}

    def add(self, record: Any, amounts: Amounts) -> None:
        sizes, counts = amounts
        if not any(sizes) and not any(counts):
            return
        stack = self.stack_of(record)
        known = self.rows.get(stack)
        self.rows[stack] = amounts if known is None else (add_up(known[0], sizes), add_up(known[1], counts))
        if self.is_arena(record, amounts):
            self.arena_bytes[stack] = self.arena_bytes.get(stack, 0) + sum(sizes)

    def is_arena(self, record: Any, amounts: Amounts) -> bool:
        """Whether this is an allocator's supply: pymalloc maps arenas of one size; mimalloc maps as it likes.

        A block that the program itself maps in just that size is taken for one.
        """
        if not self.arenas_possible or record.allocator != MMAP:
            return False
        return self.mimalloc or any(
            all(size == count * arena for size, count in zip(*amounts, strict=True)) for arena in ARENA_BYTES
        )

    def stack_of(self, record: Any) -> tuple[int, ...]:
        """The stack as indices of frames, most recent call first."""
        key = (record.stack_id, record.native_stack_id, record.native_segment_generation)
        if key not in self.known_stacks:
            self.known_stacks[key] = tuple(
                self.frames.setdefault(frame, len(self.frames)) for frame in self.trace(record)
            )
        return self.known_stacks[key]

    def trace(self, record: Any) -> list[tuple[str, str, int]]:
        get = record.hybrid_stack_trace if self.native else record.stack_trace
        try:
            return get(max_stacks=FRAMES_LIMIT)[:FRAMES_LIMIT] or [UNKNOWN]
        except UnicodeDecodeError:  # one name that is not UTF-8 must not cost the whole file
            return [UNKNOWN]

    def as_json(self) -> dict[str, Any]:
        rows = enumerate(self.rows.items())
        return {
            "frames": [[file, line, function] for function, file, line in self.frames],
            "stacks": list(self.rows),
            "live_bytes": [sizes for sizes, _ in self.rows.values()],
            "live_blocks": [counts for _, counts in self.rows.values()],
            # A stack may have blocks of its own beside the arenas; the greater part decides what to call it.
            "arenas": [i for i, (stack, (sizes, _)) in rows if 2 * self.arena_bytes.get(stack, 0) > sum(sizes)],
        }


def add_up(left: list[int], right: list[int]) -> list[int]:
    return [a + b for a, b in zip(left, right, strict=True)]


if __name__ == "__main__":
    main()
