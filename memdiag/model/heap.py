"""Heap snapshots as graphs, what can be asked of them, and what a series of them shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from memdiag.model.recording import Ints, Moment, Stack
from memdiag.model.sites import Site


@dataclass(frozen=True)
class FrameRoot:
    """A running function of one thread; ``locals`` are its variables: (name, node)."""

    thread: str  # "main", else the thread's number from 1 on
    function: str  # qualified
    file: str
    line: int
    locals: tuple[tuple[str, int], ...]
    module: str = ""


@dataclass(frozen=True)
class ModuleRoot:
    """A module in ``sys.modules``: its name there, its node, and the file that it came from."""

    name: str
    node: int
    file: str = ""


@dataclass(frozen=True)
class HeapGraph:
    """The whole heap at one moment: what the collector tracks, and all that it refers to, tracked or not.

    Nodes are objects in order of their ids. ``ids``, ``types`` (index into ``type_names``), ``sizes`` (bytes, shallow),
    ``refcounts`` (without memdiag's own) and ``tracked`` have the shape (nodes). The edges of node *i* are
    ``targets[starts[i]:starts[i + 1]]``: nodes, as often as *i* refers to them. Weak references are no edges.
    ``own`` are nodes of memdiag's probe. ``traced`` are nodes whose allocation a tracer saw, ``traced_stacks`` the
    stack of each (index into ``stacks``), both of shape (traced nodes). ``registries`` are what the interpreter
    itself keeps for the program, by name and node; ``exit_callbacks`` is how many functions ``atexit`` is to call.
    ``type_ids`` are the ids of the types themselves, of shape (types), or empty where these are not known;
    ``class_modules`` are the modules of all classes in the heap, whether or not they have instances, by id. ``opened``
    are nodes that are open: files, sockets, connections. ``unheard`` are the files of modules whose code some warning
    came of, be it one that was ignored.
    """

    moment: Moment
    ids: npt.NDArray[np.uint64]
    types: npt.NDArray[np.int32]
    sizes: Ints
    refcounts: Ints
    tracked: npt.NDArray[np.bool_]
    starts: Ints
    targets: npt.NDArray[np.int32]
    type_names: tuple[str, ...]  # qualified; with the module, unless that is builtins
    type_modules: tuple[str, ...]
    type_roles: tuple[str, ...]  # "class" where instances are classes, "module" where they are modules, else ""
    modules: tuple[ModuleRoot, ...] = ()
    frames: tuple[FrameRoot, ...] = ()
    traced: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    traced_stacks: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    stacks: tuple[Stack, ...] = ()
    own: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    registries: tuple[tuple[str, int], ...] = ()
    exit_callbacks: int = 0
    type_ids: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    class_modules: Mapping[int, str] = field(default_factory=dict)
    own_bytes: int = 0  # of what was memdiag's, and has been left out
    opened: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    unheard: tuple[str, ...] = ()


@dataclass(frozen=True)
class Questions:
    """What the analysis wants to know of single objects in a heap that is still there; ids of objects."""

    edges: tuple[tuple[int, int], ...] = ()  # by which attribute, key, index or variable does one refer to the other?
    objects: tuple[int, ...] = ()


@dataclass(frozen=True)
class ObjectFacts:
    """What is known of one object by itself; nothing in it is a value of the user's data."""

    name: str = ""  # of a module, class or function; of a bound method its function's
    module: str = ""
    file: str = ""  # where a function, class or module is defined
    line: int = 0
    limit: int | None = None  # maxlen of a deque, maxsize of a functools cache
    length: int | None = None
    unset: tuple[str, ...] = ()  # names of an instance's attributes that are None
    finalizer: str = ""  # of a class: the qualified name of the ``__del__`` that its instances have


@dataclass(frozen=True)
class Answers:
    """To the questions: labels such as ``.history``, ``['price']``, ``[*]``, ``.__closure__ (bus)``."""

    edges: Mapping[tuple[int, int], str] = field(default_factory=dict)
    objects: Mapping[int, ObjectFacts] = field(default_factory=dict)


@dataclass(frozen=True)
class Touch:
    """A line of the program's source that adds to, removes from, or bounds an attribute or variable."""

    file: str
    line: int
    function: str  # qualified
    text: str  # the line of source
    how: str = ""  # "append", "subscript", "del", "clear", "popitem", "len check", ...


@dataclass(frozen=True)
class OwnerFacts:
    """What the source of an attribute's owner says of it; empty tuples where nothing of the kind was found."""

    adds: tuple[Touch, ...] = ()
    removes: tuple[Touch, ...] = ()
    bounds: tuple[Touch, ...] = ()  # checks of its length, maxlen=, maxsize=, eviction
    created: tuple[Touch, ...] = ()  # where it is made
    made: tuple[Touch, ...] = ()  # where instances of the items' class are made
    read: bool = False  # whether source was there to be read at all


@dataclass(frozen=True)
class Named:
    """A name for a holder: its path from a root, its owner, where that is defined, and the attribute's bare name."""

    path: str
    owner: str
    module: str
    file: str
    attribute: str


@dataclass(frozen=True)
class Population:
    """Something in the heap that may grow, and what holds it, as evidence: no verdict yet.

    ``counts`` and ``sizes`` (bytes; 0 where not measured) are at each of the evidence's moments; -1: not there yet.
    """

    kind: Literal["container", "type", "object", "chain", "class"]
    path: str  # from a root, as a person would write it: "__main__.main().manager.history"
    holder_type: str  # "list"
    owner: str  # "ConversationManager.history"; of a module's variable "app._cache"
    item_type: str  # what there is more of
    counts: tuple[int, ...]
    sizes: tuple[int, ...] = ()
    retained_bytes: int = 0  # that would be freed if the holder let go of all its items
    reachable_bytes: int = 0  # from its items, shared or not
    others: tuple[str, ...] = ()  # paths of independent references that hold the items as well
    limit: int | None = None  # the bound that the container itself has: maxlen, maxsize
    unset: tuple[str, ...] = ()  # attributes of the owner that are None: a bound that may be, and was not, set
    pattern: str = ""  # "listener", "exception", "closure", "thread-local", ... as far as the heap itself tells
    via: tuple[str, ...] = ()  # types along the path, from the root to the holder
    sites: tuple[Site, ...] = ()  # where the items were allocated, as far as a tracer saw it; the most first
    owner_module: str = ""
    owner_file: str = ""
    attribute: str = ""
    library: bool = False  # no code of the program's own holds it: the path is a library's or the interpreter's
    source: OwnerFacts = OwnerFacts()
    remade: int = 0  # moments at which another object of the type was in the container's place
    branching: bool = False  # of a chain: it is a tree, with far more items than lie on any way
    aliases: tuple[Named, ...] = ()  # attributes that a function's variable may be another name of; until one is chosen


@dataclass(frozen=True)
class TypeSeries:
    """How many instances of a type there were at each moment, and their shallow bytes; ``own``: of the program's."""

    name: str
    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    own: bool = False


@dataclass(frozen=True)
class Waiting:
    """Open objects of one type (``_io.FileIO``, ``socket.socket``, ...) that only the collector would close.

    ``counts`` are those that nothing reached any more, at each moment; ``seen`` is how many different ones there were.
    ``owners`` are classes of the program's that hold them in cycles, the commonest first.
    """

    type: str
    counts: tuple[int, ...]
    seen: int
    owners: tuple[str, ...] = ()
    sites: tuple[Site, ...] = ()


@dataclass(frozen=True)
class HeapEvidence:
    """What a series of heap snapshots showed."""

    moments: tuple[Moment, ...]
    populations: tuple[Population, ...]
    objects: tuple[int, ...] = ()  # in the whole heap, at each moment
    heap_bytes: tuple[int, ...] = ()
    small_bytes: tuple[int, ...] = ()  # in blocks of Python's own arenas, as these count them
    large_bytes: tuple[int, ...] = ()  # in objects that are too large for them
    own_bytes: tuple[int, ...] = ()  # of memdiag's own objects, which are not in these
    garbage_objects: int = 0  # at the last moment, awaiting the collector: late, not leaked
    garbage_bytes: int = 0
    garbage_types: tuple[tuple[str, int], ...] = ()  # the commonest types among it
    types: tuple[TypeSeries, ...] = ()  # of the whole heap; the smallest together as one
    collector_on: bool = True  # at the last moment
    how: str = "image"  # "image": frozen by a fork; "paused": walked in place
    traced: bool = False  # whether a tracer saw allocations at any time
    waiting: tuple[Waiting, ...] = ()
    unheard: tuple[str, ...] = ()  # files of modules whose code some warning came of, be it one that was ignored
