"""Heaps and recordings for tests: written by the probe's own writer, read back by the parent's own reader.

Three ways to a heap: drawn (``Node``, ``drawn``), of a few real objects (``heap_of``), and of everything that a test
makes while it is in a ``World``, where real collections may be performed and looked at as ``memdiag cycles`` does.
"""

from __future__ import annotations

import functools
import gc
import os
import re
import sys
import tempfile
import time
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

import memdiag.analysis.cycles.stage
import memdiag.analysis.cycles.survival
import memdiag.analysis.cycles.trend  # noqa: F401  # all loaded before a World begins, not within it
from memdiag.capture import heap_file, spool
from memdiag.launch.looks import LookDesk
from memdiag.model import (
    Capture,
    CycleEvidence,
    Frame,
    HeapGraph,
    Moment,
    Sample,
    Source,
    Stack,
    TargetInfo,
    Traces,
)
from memdiag.probe import image, wire
from memdiag.probe.cycles import Looks, Watch
from memdiag.probe.image import Images
from memdiag.probe.native import Native
from memdiag.probe.opened import opened
from memdiag.probe.recorder import Recorder
from memdiag.probe.walk import Walk

_NATIVE = Native()  # made once: the functions that it makes are classes, which are cyclic garbage later
_FIRST_ID = 0x7F0000001000
_STRANGER = 0x10  # the id of something that is not in the heap
_END = 0x20
_BEGIN: dict[str, Any] = {"t": 1.0, "label": "end of main()", "worked": 1.0}


# --- drawn heaps ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """One object: the places in the drawing of what it refers to, and how often something outside refers to it."""

    refers_to: tuple[int, ...] = ()
    held: int = 0
    type: str = "Thing"
    role: str = ""
    home: str = "app"
    size: int = 48


def drawn(nodes: Sequence[Node]) -> HeapGraph:
    """The heap that was drawn, read back as an image's file is: node *i* is object *i*.

    Objects are written down in another order than that of their addresses.
    """
    inner = Counter(target for node in nodes for target in node.refers_to)
    types: dict[tuple[str, str, str], int] = {}
    order = sorted(range(len(nodes)), key=lambda at: (at * 7919) % 100_003)
    chosen = [nodes[at] for at in order]
    kinds_of = [types.setdefault((node.home, node.type, node.role), len(types)) for node in chosen]
    referents = [(_STRANGER, *map(_id, node.refers_to), _END) for node in chosen]
    columns: dict[str, wire.Column] = {
        "ids": ("Q", list(map(_id, order))),
        "types": ("Q", list(map(_type_id, kinds_of))),
        "sizes": ("Q", [node.size for node in chosen]),
        "refcounts": ("q", [inner[at] + nodes[at].held for at in order]),
        "referents": ("Q", [key for row in referents for key in row]),
    }
    known: dict[str, wire.Column] = {"ids": ("Q", list(map(_type_id, range(len(types)))))}
    return _read(
        [
            *wire.pieces("begin", _BEGIN),
            *wire.pieces("nodes", {"tracked": True, "end": _END}, columns),
            *wire.pieces("types", {"types": [list(named) for named in types]}, known),
            *wire.pieces("roots", {"modules": [], "frames": [], "own": []}),
        ]
    )


def _id(at: int) -> int:
    return _FIRST_ID + 32 * at


def _type_id(kind: int) -> int:
    return 0x1000 + 16 * kind


def _read(parts: Sequence[bytes]) -> HeapGraph:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "heap-1"
        file.write_bytes(b"".join(parts))
        found = heap_file.read_heap(file)
    assert found is not None
    return found


# --- real heaps -----------------------------------------------------------------------------------------------


def heap_of(objects: list[object]) -> HeapGraph:
    """The heap of these objects and what they refer to; what refers to them besides this one list holds them."""
    parts: list[bytes] = wire.pieces("begin", _BEGIN)
    walk = Walk(parts.extend, _NATIVE.addresses)
    walk.objects(objects)
    walk.types()
    open_ones = opened(objects, walk.kinds)
    parts += wire.pieces("roots", {"modules": [], "frames": [], "own": [], "opened": open_ones})
    return _read(parts)


class World:
    """What was there before is out of the collector's sight; within, a look shows what the test has made since.

    The automatic collector rests, so that garbage waits for the look.
    """

    def __enter__(self) -> World:
        self._directory = tempfile.TemporaryDirectory()
        self._enabled = gc.isenabled()
        gc.disable()
        gc.collect()
        gc.freeze()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        gc.unfreeze()
        if self._enabled:
            gc.enable()
        self._directory.cleanup()

    def look(self, passes: int = 5, how: str = "images") -> CycleEvidence:
        """What ``memdiag cycles`` says at the end of a run: both of its ends are at work, one after the other."""
        return self.looks([lambda: None], passes, how)[0]

    def looks(self, works: Sequence[Callable[[], None]], passes: int = 5, how: str = "images") -> list[CycleEvidence]:
        """Let the program do some work, look, let it do some more, look again, ...

        All that happens in a copy of this process, which is the target; this one is the parent that reads and asks.
        ``how``: by ``images``, ``in place``, or in place without calls into C (``portable``).
        """
        directory = Path(tempfile.mkdtemp(dir=self._directory.name))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, which are not there in the copy
            pid = os.fork()
        if pid == 0:
            try:
                _be_looked_at(str(directory), works, passes, how)
            finally:
                os._exit(0)
        return _read_and_ask(directory, pid)


def _be_looked_at(directory: str, works: Sequence[Callable[[], None]], passes: int, how: str) -> None:
    vars(image)["_UNCOPYABLE"] = ()  # a test before this one may have imported memray
    vars(image)["_unfreeze"] = lambda: None  # a World hides what was there before by having it frozen
    gc.callbacks.clear()
    sys.unraisablehook = sys.__unraisablehook__
    recorder = Recorder(directory, time.monotonic(), None if how == "portable" else _NATIVE)
    ours = [module for name, module in sys.modules.items() if name.startswith("memdiag.probe.")]
    images = Images(recorder, ours, "auto" if how == "images" else "paused")
    watch = Watch(recorder, images)
    looks = Looks(recorder, watch, images, passes)
    gc.callbacks.append(watch)
    for work in works:
        work()
        looks.look("end of main()")


def _read_and_ask(directory: Path, pid: int) -> list[CycleEvidence]:
    stream, recording = spool.Stream(directory / "stream"), spool.Recording()
    desk = LookDesk(recording, directory)
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        recording.add(stream.fresh())
        desk.tend(None)
        time.sleep(0.001)
    recording.add(stream.fresh())
    return desk.conclude()


# --- small objects of many kinds ------------------------------------------------------------------------------


class Plain:
    pass


class Slotted:
    __slots__ = ("__weakref__", "references")
    references: Any


KINDS = ("instance", "slotted", "list", "dict", "set", "tuple", "closure", "method")


def build(shapes: Sequence[tuple[str, Sequence[int]]]) -> list[object]:
    """Objects that refer to each other as drawn: a kind of ``KINDS``, and the places of what it refers to.

    A tuple refers to what came before it, a set to what can be hashed, a closure and a method to one thing.
    """
    made: list[object] = []
    for kind, references in shapes:
        made.append(_make(kind, [made[to] for to in references if to < len(made)]))
    for item, (kind, references) in zip(made, shapes, strict=True):
        _refer(item, kind, [made[to] for to in references if to < len(made)])
    return made


def _make(kind: str, earlier: list[object]) -> object:
    plain: dict[str, Callable[[], object]] = {
        "instance": Plain,
        "slotted": Slotted,
        "list": list,
        "dict": dict,
        "set": set,
    }
    if kind in plain:
        return plain[kind]()
    if kind == "tuple":
        return tuple(earlier)
    if kind == "method":
        return types.MethodType(_nothing, earlier[0] if earlier else Plain())
    held: object = None

    def inner() -> object:
        return held

    return inner


def _nothing(_: object) -> None: ...


def _refer(item: Any, kind: str, others: list[object]) -> None:
    if kind == "instance":
        for at, other in enumerate(others):
            setattr(item, f"attribute_{at}", other)
    elif kind == "slotted":
        item.references = others
    elif kind == "list":
        item.extend(others)
    elif kind == "dict":
        item.update(enumerate(others))
    elif kind == "set":
        item.update(other for other in others if isinstance(other, (Plain, Slotted, types.FunctionType)))
    elif kind == "closure":
        item.__closure__[0].cell_contents = others[-1] if others else None


# --- traces ---------------------------------------------------------------------------------------------------


def stack(*frames: str) -> Stack:
    """``stack("app.py:10", "main.py:3")``, the most recent call first; ``"app.py:10 function"`` names the function."""
    found = []
    for frame in frames:
        read = re.fullmatch(r"(.*):(\d+)(?: (.+))?", frame)
        assert read is not None
        found.append(Frame(read[1], int(read[2]), read[3] or ""))
    return tuple(found)


def traces(
    series: Mapping[Stack, Sequence[int]],
    *,
    times: Sequence[float] = (),
    awaiting: Mapping[Stack, int] | None = None,
    block: int = 100,
    arenas: Iterable[Stack] = (),
    tracer: str = "tracemalloc",
    work: Sequence[float] = (),
) -> Traces:
    """Live bytes of each stack at each moment, in blocks of ``block`` bytes; moments one second apart, if not told.

    ``work`` are the program's own CPU seconds at the moments; as many as seconds passed, if not told.
    """
    stacks = tuple(series)
    count = max((len(values) for values in series.values()), default=0)
    times = times or [float(at) for at in range(count)]
    live = np.array([series[one] for one in stacks], dtype=np.int64).reshape(len(stacks), count).T
    late = np.array([(awaiting or {}).get(one, 0) for one in stacks], dtype=np.int64)
    return Traces(
        tracer=tracer,
        stacks=stacks,
        moments=tuple(Moment(when, "sample", done) for when, done in zip(times, work or times, strict=True)),
        live_bytes=live,
        live_blocks=live // block,
        awaiting_bytes=late,
        awaiting_blocks=late // block,
        arenas=frozenset(stacks.index(one) for one in arenas),
        frames_limit=4,
    )


def run_of(
    found: Traces | None = None,
    *,
    sources: Mapping[str, tuple[str, str]] | None = None,
    samples: Sequence[Sample] = (),
    status: int | None = 0,
    **more: Any,
) -> Capture:
    """A capture of ``memdiag run app.py``; ``sources`` are ``{"app.py:10": (function, text)}``."""
    places = {place.rpartition(":"): source for place, source in (sources or {}).items()}
    return Capture(
        command="run",
        target=TargetInfo(argv=("app.py",), exit_status=status, duration_s=10.0),
        tracer=found.tracer if found is not None else "none",
        samples=tuple(samples),
        traces=found,
        sources={(file, int(line)): Source(*source) for (file, _, line), source in places.items()},
        **more,
    )


# --- objects that would notice --------------------------------------------------------------------------------

_NOTICED = (
    *("__eq__", "__ne__", "__lt__", "__hash__", "__bool__", "__len__", "__iter__", "__contains__", "__getitem__"),
    *("__call__", "__repr__", "__str__", "__format__", "__sizeof__", "__dir__", "__reduce_ex__", "__length_hint__"),
    *("__instancecheck__", "__subclasscheck__", "__prepare__", "__mro_entries__", "__class_getitem__"),
)


class Noticed(Exception):
    """Code of the program's was run by memdiag."""


def noticed_by(look: Callable[[list[object]], object]) -> list[str]:
    """What hostile objects notice of a look at them, and how it failed; nothing, as it must be.

    The objects themselves never reach the test, whose failure would print them.
    """
    calls: list[str] = []
    try:
        look(_hostile_objects(calls))
    except Exception as error:
        return [*calls, f"raised {type(error).__name__}"]
    return calls


def _hostile_objects(calls: list[str]) -> list[object]:
    """Objects of every kind that write down each call of their own code, and then raise."""

    def noticing(name: str) -> Any:
        def method(*_: object, **__: object) -> Any:
            calls.append(name)
            raise Noticed(name)

        return method

    class Descriptor:
        __get__ = noticing("descriptor.__get__")

    methods = {name: noticing(name) for name in _NOTICED}
    attributes = {
        "__getattribute__": noticing("__getattribute__"),
        "__getattr__": noticing("__getattr__"),
        "__class__": property(noticing("__class__")),
        "__dict__": property(noticing("__dict__")),
        "__module__": property(noticing("__module__")),
        "__doc__": Descriptor(),
        "__annotations__": Descriptor(),
        "__wrapped__": Descriptor(),
        "__slots__": ("held",),
    }
    silent = {name: method for name, method in methods.items() if name != "__hash__"}
    meta: Any = type("Meta", (type,), {**silent, "__getattribute__": noticing("metaclass")})
    bare: Any = type("Bare", (), {**methods, **attributes})
    of_meta: Any = meta("OfMeta", (), {**methods, "__doc__": Descriptor(), "__slots__": ("held", "__dict__")})
    of_dict: Any = type(
        "OfDict", (dict,), {**methods, "__getattribute__": noticing("dict"), "items": noticing("items")}
    )
    of_list: Any = type("OfList", (list,), {**methods, "__getattribute__": noticing("list")})
    hashed = type("HashedMeta", (type,), {"__hash__": noticing("meta.__hash__"), "__eq__": noticing("meta.__eq__")})
    of_hashed: Any = type.__call__(hashed, "OfHashed", (), {"__slots__": ("held", "__weakref__")})
    text: Any = type("Text", (str,), methods)
    named = lambda: None  # noqa: E731
    named.__module__ = object.__new__(bare)
    renamed: Any = type("Renamed", (), {"__slots__": ("held",)})
    type.__dict__["__qualname__"].__set__(renamed, str.__new__(text, "Other"))
    found: list[object] = []
    for kind in (bare, of_meta, of_hashed, renamed):
        instance = object.__new__(kind)
        object.__setattr__(instance, "held", found)
        found.append(instance)
    mapping = dict.__new__(of_dict)
    dict.__setitem__(mapping, "key", found)
    sequence = list.__new__(of_list)
    list.append(sequence, found)
    partial = functools.partial(noticing("partial"), found[0])
    found += [mapping, sequence, named, partial, of_meta, bare, renamed, of_hashed, object.__new__(Descriptor)]
    calls.clear()  # making them was not the look's doing
    return found
