"""The resident set of a process, split into layers that add up to it.

The kernel's list of mappings gives the whole, and exactly: pages of files, stacks, malloc's heaps, other anonymous
memory. Within the last two, the allocators' own books say what is in use:

- *Python's arenas* are anonymous mappings. At each heap snapshot the interpreter's allocator says how large they are
  together, and how much of them is in blocks in use: what is not, and its free lists, is freed but held. Of the newest
  arena (1 MiB, 256 KiB before 3.10) the part that was never touched is not resident; it is taken for as large as the
  mappings leave room for.
- *Python's blocks of no object* are those in use beyond the objects that the heap snapshots found: the interpreter's
  own tables (some 0.1 MB), and what C code has lost, by a reference count that is never taken back.
- *malloc* says how much it has in use within its heaps, and in large blocks that it maps one by one. What its heaps
  have in memory beyond that is freed but held. A block that was asked for and never written to is not resident: such
  blocks make what is held look smaller by as much. Threads' caches (tcache, at most 0.3 MB each) count as in use.
- Objects of more than 512 bytes lie with malloc, smaller ones in blocks of the arenas, in steps of 16 bytes. The heap
  snapshots know their sizes, so they count as *live Python objects*, and native is what malloc has in use beyond them.
  An object's header and its table are two blocks; that they are taken for one moves at most some 60 bytes for each
  large object.
- *memdiag's own* are the probe's objects, which the heap snapshots tell from the program's, and what tracemalloc says
  that it takes. Lists that the probe made and has dropped are freed memory like the program's own.
- *The rest* is anonymous memory that none of these claim: allocators of libraries' own (jemalloc, mimalloc), memory
  that a program maps itself, the interpreter's stack of frames.

Between two heap snapshots, and two samples of malloc, the books are interpolated. Where an allocator tells nothing (no
snapshots; another C library), its memory is in the rest, and the layer's note says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.limits import time_to_limit
from memdiag.analysis.samples import series, work_at
from memdiag.analysis.series import WORDS, judge
from memdiag.model import Account, Books, Capture, Layer, LayerName, Mappings, Sample

_WORDS: dict[LayerName, str] = {
    "objects": "live Python objects",
    "blocks": "Python's blocks of no object",
    "python-free": "free in Python's allocator",
    "native": "native allocations in use",
    "malloc-free": "free in malloc",
    "stacks": "thread stacks",
    "files": "mapped files and libraries",
    "written": "their pages, made private",
    "shared": "shared memory",
    "memdiag": "memdiag's own",
    "other": "the rest: other mappings",
}
_UNLISTED = (
    "libraries, thread stacks, and what Python's allocator and malloc hold are all in it: {} lists no mappings of a"
    " process that would tell them apart"
)
_LEAST = 500_000  # bytes; a layer that grows by less does not
_LEAST_SHARE = 0.02  # of the resident set

Read = Callable[[float], float]


@dataclass(frozen=True)
class _Known:
    """The allocators' books at any moment; ``None`` where they were never seen."""

    arenas_total: Read | None
    arenas_live: Read | None
    malloc_used: Read | None
    malloc_mapped: Read | None
    small: Read | None
    large: Read
    tracer: Read
    own: Read
    begin: float  # from when on they are known, and until when
    end: float


def account_of(capture: Capture) -> Account | None:
    """The account over the run; ``None`` where not even the resident set was seen."""
    books = capture.books
    if books is None:
        return None
    if not books.mappings:
        return _without_mappings(capture, books)
    known = _known(capture)
    readings = _worth(books.mappings, known, capture.end_s)
    splits = [_split(one, known) for one in readings]
    times = tuple(one.t_s for one in readings)
    rss = tuple(one.rss_bytes for one in readings)
    work = work_at(capture.samples, times)
    layers = [_layer(name, [split[name] for split in splits], times, work, rss[-1], known) for name in _WORDS]
    last = readings[-1]
    return Account(
        times=times,
        rss=rss,
        layers=tuple(layer for layer in layers if any(layer.sizes) or layer.name == "other"),
        books=books,
        pss_bytes=last.pss_bytes,
        uss_bytes=last.uss_bytes,
        swap_bytes=last.swap_bytes,
        mappings=last.count,
        limits=books.limits,
        oom_kills=books.oom_kills,
        until_limit=time_to_limit(capture, books.limits),
        handles=_handles(capture),
    )


def _without_mappings(capture: Capture, books: Books) -> Account | None:
    """Where the system lists no mappings, as macOS: what Python and its tracer say that they have, and the rest.

    Of the moments between the first heap snapshot and the last; where there is one only, of that.
    """
    heap = capture.heap
    times, rss, _ = series(capture, lambda sample: sample.rss_bytes)
    if heap is None or not heap.moments or not times:
        return None
    begin, end = heap.moments[0].t_s, heap.moments[-1].t_s
    seen = [pair for pair in zip(times, rss, strict=True) if begin <= pair[0] <= end]
    seen = seen if len(heap.moments) > 1 and seen else [(times[-1], rss[-1])]
    times, rss = [time for time, _ in seen], [resident for _, resident in seen]
    known = _known(capture)
    live = _curve([one.t_s for one in heap.moments], heap.heap_bytes)
    objects = [min(_at(live, time), resident) for time, resident in seen]
    tracer = [min(_at(known.tracer, time), resident - of) for (time, resident), of in zip(seen, objects, strict=True)]
    rest = [resident - of - own for resident, of, own in zip(rss, objects, tracer, strict=True)]
    columns: tuple[tuple[LayerName, list[int]], ...] = (("objects", objects), ("memdiag", tracer), ("other", rest))
    layers = [_layer(name, sizes, times, work_at(capture.samples, times), rss[-1], known) for name, sizes in columns]
    note = _UNLISTED.format(books.platform)
    return Account(
        times=tuple(times),
        rss=tuple(rss),
        layers=tuple(
            dataclasses.replace(one, note=note if one.name == "other" else "") for one in layers if any(one.sizes)
        ),
        books=books,
        uss_bytes=next((one.uss_bytes for one in reversed(capture.samples) if one.uss_bytes is not None), 0),
        limits=books.limits,
        until_limit=time_to_limit(capture, books.limits),
        handles=_handles(capture),
    )


def _worth(readings: Sequence[Mappings], known: _Known, end_s: float | None) -> list[Mappings]:
    """Those of the program's work at which the books are known, if there are two; of all others the last at least."""
    end = float("inf") if end_s is None else end_s + 1e-6
    worked = [one for one in readings if one.t_s <= end] or list(readings[:1])
    inside = [one for one in worked if known.begin <= one.t_s <= known.end]
    return inside if len(inside) > 1 else worked


def _known(capture: Capture) -> _Known:
    samples, heap, books = capture.samples, capture.heap, capture.books
    arenas = () if books is None else books.arenas
    used = _of_samples(samples, lambda sample: sample.malloc_used_bytes)
    moments = () if heap is None else heap.moments
    columns = ((), (), ()) if heap is None else (heap.small_bytes, heap.large_bytes, heap.own_bytes)
    small, large, own = (_curve([one.t_s for one in moments], column) for column in columns)
    nothing: Read = lambda _: 0.0  # noqa: E731
    spans = [(arenas[0].t_s, arenas[-1].t_s)] if arenas else []
    return _Known(
        arenas_total=_curve([one.t_s for one in arenas], [one.total_bytes for one in arenas]),
        arenas_live=_curve([one.t_s for one in arenas], [one.used_bytes - one.listed_bytes for one in arenas]),
        malloc_used=used,
        malloc_mapped=_of_samples(samples, lambda sample: sample.malloc_mapped_bytes),
        small=small,
        large=large or nothing,
        tracer=_of_samples(samples, lambda sample: sample.tracer_bytes) or nothing,
        own=own or nothing,
        begin=max((begin for begin, _ in spans), default=float("-inf")),
        end=min((end for _, end in spans), default=float("inf")),
    )


def _of_samples(samples: Sequence[Sample], read: Callable[[Sample], int | None]) -> Read | None:
    told = [(sample.t_s, value) for sample in samples if (value := read(sample)) is not None]
    return _curve([time for time, _ in told], [value for _, value in told])


def _curve(times: Sequence[float], values: Sequence[int]) -> Read | None:
    """Between the moments in a straight line, and as at the first and last beyond them."""
    if not times or len(times) != len(values):
        return None
    return lambda t_s: float(np.interp(t_s, times, values))


def _split(one: Mappings, known: _Known) -> dict[LayerName, int]:
    """One reading's layers, in bytes; they add up to its resident set."""
    at = one.t_s
    heaps = one.heap_bytes + one.heaps_bytes
    arenas, live = _arenas(one, known)
    mapped = min(_at(known.malloc_mapped, at), one.anonymous_bytes - arenas)
    used = min(_at(known.malloc_used, at), heaps) if known.malloc_used else heaps
    large = min(_at(known.large, at), used + mapped)
    tracer = min(_at(known.tracer, at), used + mapped - large)
    own = min(_at(known.own, at), live)
    small = live - own if known.small is None else min(_at(known.small, at), live - own)
    return {
        "objects": small + large,
        "blocks": live - own - small,
        "python-free": arenas - live,
        "native": used + mapped - large - tracer,
        "malloc-free": heaps - used,
        "stacks": one.stacks_bytes,
        "files": one.files_bytes,
        "written": one.written_bytes,
        "shared": one.shared_bytes,
        "memdiag": tracer + own,
        "other": one.anonymous_bytes - arenas - mapped,
    }


def _arenas(one: Mappings, known: _Known) -> tuple[int, int]:
    """What is resident of Python's arenas, and of that what is in blocks in use."""
    total, live = _at(known.arenas_total, one.t_s), _at(known.arenas_live, one.t_s)
    if one.arenas_bytes is not None:
        arenas = one.arenas_bytes
    else:  # as much as malloc's mapped blocks leave; at least what is in use
        free = one.anonymous_bytes - _at(known.malloc_mapped, one.t_s)
        arenas = min(max(live, min(total, free)), one.anonymous_bytes)
    return arenas, min(live, arenas)


def _at(read: Read | None, t_s: float) -> int:
    return 0 if read is None else max(0, round(read(t_s)))


def _layer(
    name: LayerName, sizes: Sequence[int], times: Sequence[float], work: Sequence[float], rss: int, known: _Known
) -> Layer:
    trend = judge(times, sizes, max(_LEAST, _LEAST_SHARE * rss), work)
    return Layer(name, _WORDS[name], tuple(sizes), WORDS[trend.shape], _note(name, known))


def _note(name: LayerName, known: _Known) -> str:
    if name == "other" and known.arenas_total is None:
        return "Python's arenas are in it: there was no heap snapshot to tell them by"
    if name == "native" and known.malloc_used is None:
        return "with what malloc holds free, and large Python objects: malloc did not tell them apart"
    return ""


def _handles(capture: Capture) -> tuple[tuple[str, int, int], ...]:
    series = capture.books.handles if capture.books is not None else ()
    if not series:
        return ()
    first, last = dict(series[0].kinds), dict(series[-1].kinds)
    return tuple((kind, first.get(kind, 0), last.get(kind, 0)) for kind in sorted(first.keys() | last.keys()))
