"""What was measured over a run: samples, and live memory by allocation stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from memdiag.model.sites import Site

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at one moment; ``None`` where a figure was not to be had or too dear."""

    t_s: float
    worked_s: float | None = None  # CPU seconds of the program, the other clock
    rss_bytes: int | None = None
    uss_bytes: int | None = None
    heap_blocks: int | None = None  # sys.getallocatedblocks()
    tracked_objects: int | None = None  # what the collector tracks
    heap_bytes: int | None = None  # traced by tracemalloc; the tracer's own memory is not in it
    tracer_bytes: int | None = None  # tracemalloc.get_tracemalloc_memory()
    probe_bytes: int | None = None  # by which the probe's own work has made RSS grow
    gc_collections: int | None = None  # of all generations, since the start
    gc_collected: int | None = None
    fds: int | None = None
    threads: int | None = None
    children: int | None = None
    malloc_used_bytes: int | None = None  # in blocks in use, those mapped by themselves left out
    malloc_free_bytes: int | None = None
    malloc_mapped_bytes: int | None = None  # in large blocks, each mapped by itself


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of one allocation stack; ``function`` is empty where the tracer does not record it."""

    file: str
    line: int
    function: str = ""


Stack = tuple[Frame, ...]  # most recent call first, as a person looks for the allocation


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the run at which something was looked at: ``start``, ``sample``, ``end of main()``, ``exit``.

    The end of a library's function, such as ``end of asyncio.runners.run()``, has its module.
    """

    t_s: float
    label: str
    worked_s: float = 0.0  # CPU seconds of the program by then, the other clock


@dataclass(frozen=True)
class Traces:
    """Live memory by allocation stack, at several moments of one run.

    ``live_bytes`` and ``live_blocks`` have the shape (moments, stacks). ``awaiting_bytes`` and
    ``awaiting_blocks`` (stacks) are the part of the *last* moment that is garbage awaiting the collector.
    """

    tracer: str  # "tracemalloc" or "memray"
    stacks: Sequence[Stack]  # a tuple, or a StackTable where they are many
    moments: tuple[Moment, ...]
    live_bytes: Ints
    live_blocks: Ints
    awaiting_bytes: Ints
    awaiting_blocks: Ints
    arenas: frozenset[int] = frozenset()  # stacks that are an allocator's arenas, not a leak's own line
    frames_limit: int = 1
    untold_bytes: int = 0  # of garbage at the last moment that was not told apart exactly: it may be part of any line


@dataclass(frozen=True)
class NativeStack:
    """A stack whose native allocations grew in a second run, under memray, and the line of the program below it."""

    stack: Stack
    site: Site


@dataclass(frozen=True)
class Source:
    """The one line of source that a site shows, and the function around it."""

    function: str
    text: str


@dataclass(frozen=True)
class TargetInfo:
    """What was run, by what, and how it ended."""

    argv: tuple[str, ...]
    python: str = ""
    executable: str = ""
    platform: str = ""
    directory: str = ""
    exit_status: int | None = None
    duration_s: float = 0.0
