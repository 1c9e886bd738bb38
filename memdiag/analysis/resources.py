"""Growth that allocations do not show: handles, threads, children, and memory outside Python's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.fingerprint import fingerprint
from memdiag.analysis.series import Trend, judge
from memdiag.model import Capture, Finding, FindingKind, Growing, Sample
from memdiag.units import format_bytes


@dataclass(frozen=True)
class _Kind:
    noun: str
    read: Callable[[Sample], int | None]
    least: int
    rule: str
    fix: str


_NATIVE_BYTES = 8_000_000  # less is loaded code, arenas not yet full, and stacks
_BLOCKS_OF_ONE = 3  # of Python's allocator, that an object may take: itself, its items, its values
_LEAST_LOST = 20_000

HANDLES = (
    _Kind(
        "open file descriptors",
        lambda sample: sample.fds,
        10,
        "MEM-004",
        "Find what opens files, sockets or pipes and does not close them: use with, or close() in finally."
        " python -X dev -W always::ResourceWarning names those that only the collector closed.",
    ),
    _Kind(
        "threads",
        lambda sample: sample.threads,
        10,
        "MEM-001",
        "Find what starts threads that never end: join() them, or use a pool that is shut down.",
    ),
    _Kind(
        "child processes",
        lambda sample: sample.children,
        10,
        "MEM-001",
        "Find what starts processes and does not wait for them: use with on Popen, or call wait().",
    ),
)


def findings(capture: Capture) -> list[Finding]:
    """Handles that pile up to the end of the run, and memory that Python did not allocate."""
    found = [finding for kind in HANDLES if (finding := _handles(capture, kind)) is not None]
    native = _native(capture)
    return [*found, native] if native is not None else found


def _series(capture: Capture, read: Callable[[Sample], int | None]) -> tuple[list[float], list[int], list[float]]:
    """The samples at which it could be read: seconds, values, and the work done by then (CPU seconds)."""
    end = float("inf") if capture.end_s is None else capture.end_s + 1e-6
    worked = [sample for sample in capture.samples if sample.t_s <= end]
    told = [(sample, value) for sample in worked if (value := read(sample)) is not None]
    work = [sample.worked_s for sample, _ in told if sample.worked_s is not None]
    return [sample.t_s for sample, _ in told], [value for _, value in told], work if len(work) == len(told) else []


def _handles(capture: Capture, kind: _Kind) -> Finding | None:
    times, values, work = _series(capture, kind.read)
    trend = judge(times, values, kind.least, work)
    if trend.shape != "steady":
        return None
    return _finding(
        "resource",
        "handles",
        kind.rule,
        trend,
        title=f"{kind.noun} pile up: {values[0]} at the start, {values[-1]} at the end",
        why=f"Their number rose in each of the last {trend.intervals} intervals, {trend.share:.0%} of the run.",
        fix=kind.fix,
        growing=Growing(kind.noun, tuple(_thin(values)), (), trend.per_second),
    )


def _native(capture: Capture) -> Finding | None:
    """Resident memory that neither Python's objects nor the tracer account for."""

    inside = _inside(capture)

    def outside(sample: Sample) -> int | None:
        known = inside(sample)
        if sample.rss_bytes is None or known is None:
            return None
        return sample.rss_bytes - known - (sample.probe_bytes or 0)

    times, values, work = _series(capture, outside)
    if not values:
        return None
    trend = judge(times, values, max(_NATIVE_BYTES, 0.3 * values[0]), work)
    if trend.shape != "steady":
        return None
    size, lost = format_bytes(round(trend.growth)), _lost_blocks(capture)
    what = "memory that no object accounts for" if lost else "memory outside Python's own"
    cause = "a C library, or an allocator that keeps what was freed"
    if lost:
        cause = f"Python's allocator has {lost:,} blocks more in use that nothing refers to; C code has lost them"
    return _finding(
        "native",
        "native",
        "MEM-002",
        trend,
        title=f"{what} grows: {size}, {format_bytes(round(trend.per_second))}/s",
        why=f"Resident memory rose by {size} that no Python object accounts for, in each of the last {trend.intervals}"
        f" intervals, {trend.share:.0%} of the run: {cause}.",
        fix="Run it again with --tracer memray --native, which names the native stack that allocates.",
        growing=Growing("native memory", (), tuple(_thin(values)), trend.per_second),
    )


def _lost_blocks(capture: Capture) -> int:
    """Blocks of Python's allocator that came, if most of them are of no object that the heap leads to; else 0."""
    blocks = [sample.heap_blocks for sample in capture.samples if sample.heap_blocks is not None]
    if capture.heap is None or len(blocks) < 2 or not capture.heap.objects:
        return 0
    came = blocks[-1] - blocks[0]
    lost = came - _BLOCKS_OF_ONE * max(0, capture.heap.objects[-1] - capture.heap.objects[0])
    return lost if lost >= max(_LEAST_LOST, came // 2) else 0


def _inside(capture: Capture) -> Callable[[Sample], int | None]:
    """What is known of Python's own memory at a sample: traced then, or between the heap snapshots around it."""
    heap = capture.heap
    if any(sample.heap_bytes is not None for sample in capture.samples) or heap is None or len(heap.moments) < 2:
        return lambda sample: (
            None
            if sample.heap_bytes is None or sample.tracer_bytes is None
            else sample.heap_bytes + sample.tracer_bytes
        )
    times = [moment.t_s for moment in heap.moments]

    def between(sample: Sample) -> int | None:
        if not times[0] <= sample.t_s <= times[-1]:
            return None
        return round(float(np.interp(sample.t_s, times, heap.heap_bytes)))

    return between


def _thin(values: Sequence[int], kept: int = 24) -> list[int]:
    step = max(1, len(values) // kept)
    return [*values[:-1:step], values[-1]]


def _finding(
    kind: FindingKind, pattern: str, rule: str, trend: Trend, *, title: str, why: str, fix: str, growing: Growing
) -> Finding:
    return Finding(
        id=fingerprint(kind, growing.type),
        kind=kind,
        pattern=pattern,
        rule=rule,
        verdict="suspect",
        confidence=round(min(0.9, 0.4 + 0.05 * trend.intervals * trend.share), 2),
        title=title,
        why=why,
        fix=fix,
        growing=growing,
    )
