"""Memory in use that no Python object accounts for: does it grow, and where?

Where malloc tells what it has in use, and heap snapshots tell what Python's objects come to, the difference is exact to
some kilobytes, at every sample. Else it is told from the resident set, which also counts what allocators hold free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os.path import basename

import numpy as np

from memdiag.analysis.fingerprint import fingerprint
from memdiag.analysis.openings import NATIVE
from memdiag.analysis.samples import series, thinned
from memdiag.analysis.series import Trend, judge
from memdiag.model import Account, Capture, Finding, Growing, Sample, Site
from memdiag.units import format_bytes

_NATIVE_BYTES = 8_000_000  # by the resident set less is loaded code, arenas not yet full, and stacks
_NATIVE_SHARE = 0.3  # of what there was at first
_IN_USE_BYTES = 2_000_000  # by the allocators' books
_IN_USE_SHARE = 0.05  # of the resident set at the end
_HIDDEN_BYTES = 48  # of an object, at most, that no size tells: an instance's values, since 3.11, lie beside it
_BLOCKS_OF_ONE = 3  # of Python's allocator, that an object may take: itself, its items, its values
_LEAST_LOST = 20_000
_NATIVE_FIX = (
    "Run it again with --native-auto, or --tracer memray --native: that names the native stack that allocates."
    " Then look for what should free it on every path, errors and early returns too."
)
_LOST_FIX = (
    "Run it again with --native-auto: that names the line that makes them. An extension module holds on to a reference"
    " (a missing Py_DECREF): look for a release of it that does not."
)


@dataclass(frozen=True)
class _Grown:
    trend: Trend
    values: list[int]
    lost: str  # where Python's own allocator has lost blocks, in words
    exact: bool


def findings(capture: Capture, account: Account | None = None, held: Sequence[Finding] = ()) -> list[Finding]:
    """At most one: that such memory grows to the end. ``held`` are the findings that name growing objects."""
    grown = _by_the_books(capture) if _tells(capture) else _by_the_resident_set(capture)
    grown = grown or _elsewhere(account)
    return [] if grown is None else [_with_source(_finding(grown, held), capture)]


def _tells(capture: Capture) -> bool:
    heap = capture.heap
    told = sum(sample.malloc_used_bytes is not None for sample in capture.samples)
    return heap is not None and len(heap.moments) > 1 and len(heap.large_bytes) == len(heap.moments) and told > 1


def _by_the_books(capture: Capture) -> _Grown | None:
    """What malloc has in use beyond Python's large objects and the tracer, or Python's blocks of no object."""
    found = [one for one in (_in_malloc(capture), _in_arenas(capture)) if one is not None]
    return max(found, key=lambda one: one.trend.growth, default=None)


def _least(capture: Capture) -> float:
    resident = max((sample.rss_bytes or 0 for sample in capture.samples), default=0)
    return max(_IN_USE_BYTES, _IN_USE_SHARE * resident)


def _in_malloc(capture: Capture) -> _Grown | None:
    heap = capture.heap
    assert heap is not None
    times = [moment.t_s for moment in heap.moments]
    large = _least_between(times, heap.large_bytes)

    def outside(sample: Sample) -> int | None:
        if sample.malloc_used_bytes is None or not times[0] <= sample.t_s <= times[-1]:
            return None
        used = sample.malloc_used_bytes + (sample.malloc_mapped_bytes or 0) - (sample.tracer_bytes or 0)
        return round(used - large(sample.t_s))

    seconds, values, work = series(capture, outside)
    trend = judge(seconds, values, _least(capture), work)
    return _Grown(trend, values, "", exact=True) if trend.shape == "steady" else None


def _in_arenas(capture: Capture) -> _Grown | None:
    """Blocks that no object accounts for, at the snapshots at which both were seen."""
    heap, books = capture.heap, capture.books
    assert heap is not None
    if books is None or not len(heap.small_bytes) == len(heap.objects) == len(heap.moments):
        return None
    own = heap.own_bytes or (0,) * len(heap.moments)
    seen = {one.t_s: one.used_bytes - one.listed_bytes for one in books.arenas}
    both = [(at, moment) for at, moment in enumerate(heap.moments) if moment.t_s in seen]
    hidden = [_HIDDEN_BYTES * max(0, count - heap.objects[0]) for count in heap.objects]
    gaps = [max(0, seen[moment.t_s] - heap.small_bytes[at] - own[at] - hidden[at]) for at, moment in both]
    work = [moment.worked_s for _, moment in both]
    trend = judge([moment.t_s for _, moment in both], gaps, _least(capture), work)
    if trend.shape != "steady":
        return None
    size = format_bytes(round(trend.growth))
    words = f"Python's allocator has {size} more in blocks that nothing refers to; C code has lost them"
    return _Grown(trend, gaps, words, exact=True)


def _least_between(times: Sequence[float], values: Sequence[int]) -> Callable[[float], float]:
    """At each moment as seen; between two, the lesser: what came in between may have come at any time.

    So native memory never seems to be less than it was, which would look like growth where it is told again.
    """
    if not times:
        return lambda _: 0.0

    def between(t_s: float) -> float:
        after = int(np.searchsorted(times, t_s, side="left"))
        if after == len(times) or times[after] == t_s:
            return float(values[min(after, len(times) - 1)])
        return float(min(values[max(after - 1, 0)], values[after]))

    return between


def _by_the_resident_set(capture: Capture) -> _Grown | None:
    """Resident memory that neither Python's objects nor the tracer account for."""
    inside = _inside(capture)

    def outside(sample: Sample) -> int | None:
        known = inside(sample)
        if sample.rss_bytes is None or known is None:
            return None
        return sample.rss_bytes - known - (sample.probe_bytes or 0)

    seconds, values, work = series(capture, outside)
    if not values:
        return None
    trend = judge(seconds, values, max(_NATIVE_BYTES, _NATIVE_SHARE * values[0]), work)
    if trend.shape != "steady":
        return None
    lost = _lost_blocks(capture)
    words = f"Python's allocator has {lost:,} blocks more in use that nothing refers to; C code has lost them"
    return _Grown(trend, values, words if lost else "", exact=False)


def _elsewhere(account: Account | None) -> _Grown | None:
    """Anonymous memory that neither malloc nor Python has mapped: a library's own allocator, or the program itself."""
    layer = None if account is None else next((one for one in account.layers if one.name == "other"), None)
    if account is None or layer is None or layer.note:
        return None
    trend = judge(account.times, layer.sizes, max(_NATIVE_BYTES, _NATIVE_SHARE * layer.sizes[0]))
    return _Grown(trend, list(layer.sizes), "", exact=True) if trend.shape == "steady" else None


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


def _finding(grown: _Grown, held: Sequence[Finding]) -> Finding:
    trend = grown.trend
    size = format_bytes(round(trend.growth))
    what = "memory that no object accounts for" if grown.lost else "memory outside Python's own"
    cause = grown.lost or ("a C library" if grown.exact else "a C library, or an allocator that keeps what was freed")
    told = "By the allocators' own books, memory in use" if grown.exact else "Resident memory"
    growing = thinned(grown.values)
    return Finding(
        id=fingerprint("native", "native memory"),
        kind="native",
        pattern="lost-blocks" if grown.lost else "native",
        rule="MEM-002",
        verdict="suspect",
        confidence=round(min(0.9, 0.4 + (0.06 if grown.exact else 0.05) * trend.intervals * trend.share), 2),
        title=f"{what} grows: {size}, {format_bytes(round(trend.per_second))}/s",
        why=f"{told} rose by {size} that no Python object accounts for, in each of the last {trend.intervals}"
        f" intervals, {trend.share:.0%} of the run: {cause}.{_owned(held)}",
        fix=_LOST_FIX if grown.lost else _NATIVE_FIX,
        growing=Growing("native memory", (), tuple(growing), trend.per_second),
    )


def _with_source(finding: Finding, capture: Capture) -> Finding:
    """The program may ask for native memory itself: the lines are in its source."""
    known = capture.books.openings if capture.books is not None else ()
    own = [one for one in known if NATIVE in one.kinds]
    if not own or finding.pattern != "native":
        return finding
    sites = tuple(Site(one.file, one.line, one.function, source=one.text) for one in own[:3])
    first = own[0]
    where = f"{basename(first.file)}:{first.line}"
    freed = "nothing there frees it"
    if first.fate == "closed":
        freed = f"line {first.closed_line} frees it, not in a finally: not on every path"
    return replace(
        finding,
        sites=sites,
        why=f"{finding.why} {where} asks for native memory, and {freed} (inferred from the source).",
        fix=f"Free what {where} asks for on every path: in finally, or by weakref.finalize on the object that owns it.",
    )


def _owned(held: Sequence[Finding]) -> str:
    """Objects that grow may each own native memory: then they are what leaks."""
    owner = next((one for one in held if one.verdict in ("leak", "suspect") and one.growing.type), None)
    if owner is None:
        return ""
    return f" It may belong to the {owner.growing.type} objects that grow as well: fix that first."
