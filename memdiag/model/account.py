"""Where a process's memory is, what limits it, and what handles it has: as recorded, and as the report says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Mappings:
    """What is resident of a process at one moment, in bytes, by the kind of mapping: these add up to ``rss_bytes``.

    ``pss_bytes`` and ``uss_bytes`` do not take pages for shared that only memdiag's own copies of the process share.
    """

    t_s: float
    rss_bytes: int
    heap_bytes: int  # of malloc's main arena: what the kernel calls [heap]
    heaps_bytes: int  # of malloc's other arenas, which threads make
    anonymous_bytes: int  # all other anonymous memory: Python's arenas, large blocks of malloc, and what else maps
    stacks_bytes: int
    files_bytes: int  # of files and libraries, as they are on disk
    written_bytes: int  # of files and libraries, made private by writing to them: their data sections
    shared_bytes: int  # shared memory
    arenas_bytes: int | None = None  # of anonymous memory that the interpreter has named as its arenas
    pss_bytes: int = 0
    uss_bytes: int = 0
    swap_bytes: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Arenas:
    """Python's small-object allocator, by its own books, at the moment of a heap snapshot; in bytes."""

    t_s: float
    total_bytes: int  # of all arenas; of the newest one a part may never have been touched
    used_bytes: int  # in blocks in use, and in free lists
    listed_bytes: int  # of these, in free lists of floats, tuples, frames, ...


@dataclass(frozen=True, slots=True)
class Worker:
    """A child process of the target at one moment: what of its written pages it still shares, in bytes."""

    t_s: float
    pid: int
    rss_bytes: int
    private_bytes: int
    shared_bytes: int


@dataclass(frozen=True, slots=True)
class Handles:
    """How many descriptors of each kind were open at one moment: regular, socket, pipe, eventfd, ..."""

    t_s: float
    kinds: tuple[tuple[str, int], ...]
    threads: int = 0  # without the probe's own
    children: int = 0
    zombies: int = 0  # of these, ended and not waited for
    temporaries: int = 0  # files and directories where temporary ones go, that were not there at first; of any process


Fate = Literal["kept", "never", "closed"]


@dataclass(frozen=True, slots=True)
class Opening:
    """A line of the program's source that opens something, outside any ``with`` and ``finally`` that would close it.

    ``kinds``: what it may open: file, socket, pipe, thread, process, temporary, connection, map. ``fate``: it is kept
    for somebody else to close, is never closed, or is closed, but not when an exception or a return comes in between.
    """

    file: str
    line: int
    function: str  # qualified
    text: str  # the line of source
    kinds: tuple[str, ...]
    fate: Fate
    closed_line: int = 0


@dataclass(frozen=True, slots=True)
class GroupMemory:
    """What a control group holds at one moment, in bytes: memory of processes, and the file cache."""

    t_s: float
    used_bytes: int
    anonymous_bytes: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that ends a process, or its allocations, when memory reaches it."""

    what: Literal["cgroup", "address space", "data", "machine"]
    limit_bytes: int
    used_bytes: int  # of it at the last look
    where: str = ""  # of a cgroup its path, "v1" or "v2" first

    @property
    def headroom_bytes(self) -> int:
        return max(0, self.limit_bytes - self.used_bytes)


@dataclass(frozen=True)
class Books:
    """What was recorded of a run's memory and handles from outside, each in order of time."""

    mappings: tuple[Mappings, ...] = ()
    arenas: tuple[Arenas, ...] = ()
    workers: tuple[Worker, ...] = ()
    handles: tuple[Handles, ...] = ()
    group: tuple[GroupMemory, ...] = ()
    limits: tuple[Limit, ...] = ()  # the nearest first
    oom_kills: int = 0  # that the control group counts, of this run or earlier ones
    openings: tuple[Opening, ...] = ()
    peers: tuple[tuple[str, int], ...] = ()  # of sockets at the last look, in words; how many of each
    trimmed_bytes: int | None = None  # by which malloc_trim made RSS fall at the end of the work, where it was asked to
    platform: str = "linux"


LayerName = Literal[
    "objects",
    "blocks",
    "python-free",
    "native",
    "malloc-free",
    "stacks",
    "files",
    "written",
    "shared",
    "memdiag",
    "other",
]


@dataclass(frozen=True)
class Layer:
    """A part of the resident set, at each reading of the mappings."""

    name: LayerName
    words: str
    sizes: tuple[int, ...]  # bytes
    trend: str = ""  # in words: "grows to the end", "levelled off", ...
    note: str = ""  # what the figure leaves open

    @property
    def growth_bytes(self) -> int:
        return self.sizes[-1] - self.sizes[0]


@dataclass(frozen=True)
class TimeToLimit:
    """In how many seconds the nearest limit is reached at the present slope; ``latest_s`` is ``None`` where never."""

    limit: Limit
    per_second: float
    expected_s: float
    earliest_s: float
    latest_s: float | None


@dataclass(frozen=True)
class Account:
    """The resident set in layers that add up to it, what limits it, and what the layers mean."""

    times: tuple[float, ...]  # seconds, of each reading
    rss: tuple[int, ...]
    layers: tuple[Layer, ...]
    books: Books  # what it was made of
    pss_bytes: int = 0
    uss_bytes: int = 0
    swap_bytes: int = 0
    mappings: int = 0
    limits: tuple[Limit, ...] = ()
    oom_kills: int = 0
    until_limit: TimeToLimit | None = None
    words: tuple[str, ...] = ()  # what it comes to, a sentence each
    next_steps: tuple[str, ...] = ()  # options of memdiag that tell more, for the same program
    handles: tuple[tuple[str, int, int], ...] = ()  # kind, at first, at last
