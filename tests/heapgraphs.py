"""Whole heaps for tests, drawn by hand: named nodes with types and references, at several moments.

    heap = Heap()
    heap.module("app", file="/home/u/app.py")
    heap.add("cache", "dict", by="app.__dict__")           # a reference from there
    heap.add("q1", "app.Quote", by="cache")
    graph = heap.graph()

``growing`` draws the same heap at several moments. Reference counts are as many as there are references, plus
``extra``; ids follow the names, so that an object keeps its own from moment to moment.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from memdiag.analysis.census import Census, census
from memdiag.analysis.holders import Inquiry, inquire, populations
from memdiag.model import Answers, FrameRoot, HeapEvidence, HeapGraph, Ints, ModuleRoot, Moment, ObjectFacts, Stack

UNTRACKED = {"str", "int", "bytes", "float", "bytearray"}
CLASS_TYPES, MODULE_TYPES = {"type", "abc.ABCMeta"}, {"module"}


@dataclass
class Item:
    type: str
    size: int
    extra: int = 0  # references that the heap does not explain
    to: list[str] = field(default_factory=list)


@dataclass
class Heap:
    """Names are unique. An edge's label is what the target would answer; without one it answers nothing."""

    t_s: float = 0.0
    items: dict[str, Item] = field(default_factory=dict)
    labels: dict[tuple[str, str], str] = field(default_factory=dict)
    facts: dict[str, ObjectFacts] = field(default_factory=dict)
    modules: list[tuple[str, str]] = field(default_factory=list)
    frames: list[tuple[str, str, str, dict[str, str], str]] = field(default_factory=list)
    traces: dict[str, Stack] = field(default_factory=dict)

    def module(self, name: str, file: str = "") -> None:
        """A loaded module; its namespace is the node ``<name>.__dict__``."""
        self.modules.append((name, file))
        self.add(name, "module")
        self.add(f"{name}.__dict__", "dict", by=name, label=".__dict__")

    def variable(self, module: str, name: str, type: str, size: int = 64) -> str:
        """A global of a module; its node is ``<module>.<name>``."""
        self.add(f"{module}.{name}", type, by=f"{module}.__dict__", label=f"['{name}']", size=size)
        return f"{module}.{name}"

    def frame(self, module: str, function: str, file: str, /, thread: str = "main", **variables: str) -> None:
        """A running function; inner ones are to be given first."""
        self.frames.append((module, function, file, variables, thread))

    def add(self, name: str, type: str, *, by: str = "", label: str = "", size: int = 64, extra: int = 0) -> str:
        self.items[name] = Item(type, size, extra)
        if by:
            self.refer(by, name, label)
        return name

    def refer(self, source: str, target: str, label: str = "") -> None:
        self.items[source].to.append(target)
        if label:
            self.labels[(source, target)] = label

    def id(self, name: str) -> int:
        """The same for a name in every heap; unique but for collisions, which ``graph`` refuses."""
        return 0x7F0000000000 + zlib.crc32(name.encode()) * 16

    def node(self, name: str) -> int:
        return sorted(self.items, key=self.id).index(name)

    def graph(self) -> HeapGraph:
        names = sorted(self.items, key=self.id)
        place = {name: at for at, name in enumerate(names)}
        assert len({self.id(name) for name in names}) == len(names)
        types = sorted({item.type for item in self.items.values()})
        items = [self.items[name] for name in names]
        targets = [place[target] for item in items for target in item.to]
        referred = np.bincount(np.array(targets, dtype=np.int64), minlength=len(names))
        traced = sorted(self.traces, key=self.id)
        return HeapGraph(
            moment=Moment(self.t_s, "sample", self.t_s),
            ids=np.array([self.id(name) for name in names], dtype=np.uint64),
            types=np.array([types.index(item.type) for item in items], dtype=np.int32),
            sizes=np.array([item.size for item in items], dtype=np.int64),
            refcounts=referred + np.array([item.extra for item in items], dtype=np.int64) + self._in_frames(names),
            tracked=np.array([item.type not in UNTRACKED for item in items], dtype=np.bool_),
            starts=np.cumsum([0, *(len(item.to) for item in items)]).astype(np.int64),
            targets=np.array(targets, dtype=np.int32),
            type_names=tuple(types),
            type_modules=tuple(name.rpartition(".")[0] for name in types),
            type_roles=tuple(_role(name) for name in types),
            modules=tuple(ModuleRoot(name, place[name], file) for name, file in self.modules),
            frames=tuple(
                FrameRoot(thread, function, file, 1, tuple((key, place[at]) for key, at in variables.items()), module)
                for module, function, file, variables, thread in self.frames
            ),
            traced=np.array([place[name] for name in traced], dtype=np.int32),
            traced_stacks=np.arange(len(traced), dtype=np.int32),
            stacks=tuple(self.traces[name] for name in traced),
        )

    def _in_frames(self, names: list[str]) -> Ints:
        held = [at for _, _, _, variables, _ in self.frames for at in variables.values()]
        return np.array([held.count(name) for name in names], dtype=np.int64)

    def answers(self) -> Answers:
        edges = {(self.id(source), self.id(target)): label for (source, target), label in self.labels.items()}
        return Answers(edges, {self.id(name): facts for name, facts in self.facts.items()})


def _role(name: str) -> str:
    return "class" if name in CLASS_TYPES else "module" if name in MODULE_TYPES else ""


def growing(draw: Callable[[Heap, int], None], moments: int = 8) -> tuple[list[Census], Heap]:
    """The censuses of a heap that ``draw(heap, moment)`` fills, and the heap at the last moment."""
    found: list[Census] = []
    heap = Heap()
    for moment in range(moments):
        heap = Heap(t_s=float(moment))
        draw(heap, moment)
        found.append(census(heap.graph()))
    return found, heap


def inquired(draw: Callable[[Heap, int], None], moments: int = 8) -> tuple[Inquiry, Heap]:
    series, heap = growing(draw, moments)
    return inquire(series, heap.graph()), heap


def evidence(draw: Callable[[Heap, int], None], moments: int = 8) -> HeapEvidence:
    """All that is found in such heaps, with the labels that the drawing gave."""
    inquiry, heap = inquired(draw, moments)
    return populations(inquiry, heap.answers())
