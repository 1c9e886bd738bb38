"""One heap snapshot reduced to what a series needs: who is there, how large containers are, what each type comes to.

A census takes some 10 bytes for each tracked object, so that sixteen of them fit where one graph would not.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from memdiag.analysis.roles import CONTAINERS, Mask, Nodes, Roles
from memdiag.analysis.waiting import OpenGarbage, open_garbage
from memdiag.model import HeapGraph, Ints, Moment, Stack

Ids = npt.NDArray[np.uint64]

FEWEST = 4  # references that a container must bear to be in a census
_FEWEST_OTHERS = 16  # ... if it is of a type that is not known to be a container
LARGEST_SMALL = 512  # bytes; Python's own arenas hold no larger blocks
_STEP = 16  # bytes, of the sizes of such blocks
LARGEST_PLAIN = 4096  # bytes; single objects above are followed one by one
_ITERATORS = {"enumerate", "zip", "map", "filter", "reversed"}
_LOCAL = np.uint64(1 << 63)  # marks a holder that is a variable of a running function, not an object


@dataclass(frozen=True)
class Slots:
    """Objects that may grow: ids in order, types (index into the census's names), a holder's id each (0: unknown)."""

    ids: Ids
    types: npt.NDArray[np.int32]
    holders: Ids
    amounts: npt.NDArray[np.int32]  # references that a container bears; of a single object its kilobytes


@dataclass(frozen=True)
class Census:
    """``tracked`` are ids in order; ``counts`` and ``sizes`` (bytes) are by type, tracked or not. ``traced`` are ids in
    order whose allocation a tracer had seen; of each the stack (index into ``stacks``), type, and bytes."""

    moment: Moment
    type_names: tuple[str, ...]
    counts: Ints
    sizes: Ints
    tracked: Ids
    containers: Slots
    singles: Slots
    traced: Ids
    traced_stacks: npt.NDArray[np.int32]
    traced_types: npt.NDArray[np.int32]
    traced_sizes: Ints
    stacks: tuple[Stack, ...]
    small_bytes: int = 0  # in blocks of Python's own arenas, which come in steps of 16 bytes
    large_bytes: int = 0  # in objects that are too large for them
    own_bytes: int = 0  # of memdiag's objects, which are not counted
    open_garbage: tuple[OpenGarbage, ...] = ()

    @property
    def objects(self) -> int:
        return int(self.counts.sum())

    @property
    def bytes(self) -> int:
        return int(self.sizes.sum())


def census(graph: HeapGraph) -> Census:
    """Reduce one snapshot. Deterministic, and no Python code for each object."""
    roles = Roles(graph)
    kinds = len(graph.type_names)
    order = np.argsort(graph.traced, kind="stable")
    traced = graph.traced[order]
    return Census(
        moment=graph.moment,
        type_names=graph.type_names,
        counts=np.bincount(graph.types, minlength=kinds).astype(np.int64),
        sizes=np.bincount(graph.types, weights=graph.sizes, minlength=kinds).astype(np.int64),
        tracked=graph.ids[graph.tracked],
        containers=_containers(graph, roles),
        singles=_singles(graph, roles),
        traced=graph.ids[traced],
        traced_stacks=graph.traced_stacks[order],
        traced_types=graph.types[traced],
        traced_sizes=graph.sizes[traced],
        stacks=graph.stacks,
        small_bytes=int(((graph.sizes[graph.sizes <= LARGEST_SMALL] + _STEP - 1) // _STEP).sum()) * _STEP,
        large_bytes=int(graph.sizes[graph.sizes > LARGEST_SMALL].sum()),
        own_bytes=graph.own_bytes,
        open_garbage=open_garbage(graph, roles),
    )


def container_types(roles: Roles) -> Mask:
    """Types that are known to be containers. Shape (types)."""
    return roles.of_types(CONTAINERS)


def _containers(graph: HeapGraph, roles: Roles) -> Slots:
    known = container_types(roles)[graph.types]
    others = ~known & ~roles.code_types[graph.types]
    chosen = (known & (roles.degrees >= FEWEST)) | (others & (roles.degrees >= _FEWEST_OTHERS))
    return _slots(graph, np.flatnonzero(chosen), roles.degrees)


def _singles(graph: HeapGraph, roles: Roles) -> Slots:
    """Single objects that take much by themselves: texts, buffers, arrays."""
    known = container_types(roles)[graph.types] | roles.code_types[graph.types]
    chosen = ~known & (graph.sizes > LARGEST_PLAIN) & (roles.degrees < FEWEST)
    return _slots(graph, np.flatnonzero(chosen), graph.sizes >> 10)


def _slots(graph: HeapGraph, nodes: Ints, amounts: Ints) -> Slots:
    return Slots(
        ids=graph.ids[nodes],
        types=graph.types[nodes],
        holders=_holders(graph, nodes),
        amounts=np.minimum(amounts[nodes], np.iinfo(np.int32).max).astype(np.int32),
    )


def _holders(graph: HeapGraph, nodes: Ints) -> Ids:
    """The id of the first object that refers to each node; else the running function's variable that does."""
    wanted = np.zeros(len(graph.ids), dtype=np.bool_)
    wanted[nodes] = True
    edges = np.flatnonzero(wanted[graph.targets] & ~_passing(graph))
    first = np.zeros(len(graph.ids), dtype=np.int64)
    first[graph.targets[edges[::-1]]] = edges[::-1]  # of several the first stays
    held = np.zeros(len(graph.ids), dtype=np.bool_)
    held[graph.targets[edges]] = True
    targets = np.flatnonzero(held)
    sources = np.searchsorted(graph.starts, first[targets], side="right") - 1
    found = np.zeros(len(nodes), dtype=np.uint64)
    for node, name in _variables(graph).items():
        place = np.searchsorted(nodes, node)
        if place < len(nodes) and nodes[place] == node:
            found[place] = name
    found[np.searchsorted(nodes, targets)] = graph.ids[sources]
    return found


def _passing(graph: HeapGraph) -> Mask:
    """Edges from iterators, which refer to what they go through for a while only. Shape (edges)."""
    kinds = np.array([name in _ITERATORS or name.endswith("iterator") for name in graph.type_names], dtype=np.bool_)
    return np.asarray(np.repeat(kinds[graph.types], np.diff(graph.starts)))


def _variables(graph: HeapGraph) -> dict[int, np.uint64]:
    """A number that stands for the variable of a running function, the same at every moment; by node."""
    found: dict[int, np.uint64] = {}
    for frame in reversed(graph.frames):
        for name, node in frame.locals:
            text = f"{frame.thread}\0{frame.file}\0{frame.function}\0{name}"
            found[node] = _LOCAL | np.uint64(zlib.crc32(text.encode("utf-8", "surrogatepass")))
    return found


def new_nodes(graph: HeapGraph, early: Census) -> Mask:
    """Which objects of a graph were not there at an earlier moment; of the untracked, the large ones only."""
    old = among(early.tracked, graph.ids)
    fresh: Mask = graph.tracked & ~old
    large = ~graph.tracked & (graph.sizes > LARGEST_PLAIN)
    ids = graph.ids[large]  # also of containers: a dictionary of plain values is not tracked either
    fresh[large] = ~(among(early.singles.ids, ids) | among(early.containers.ids, ids))
    return fresh


def amounts_of(slots: Slots, ids: Ids) -> Ints:
    """The amounts of these objects; -1 for those that are not among the slots."""
    return _looked_up(slots.ids, slots.amounts.astype(np.int64), ids)


def among(keys: Ids, wanted: Ids) -> Mask:
    """Which of ``wanted`` are among ``keys``, which are in order: numpy's own way sorts or hashes both again."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.bool_)
    return np.asarray(keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted)


def _looked_up(keys: Ids, values: Ints, wanted: Ids) -> Ints:
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], -1)


def traced_at(one: Census, graph: HeapGraph, nodes: Nodes | Ints) -> Ints:
    """The stack of each of these nodes of a later graph; -1 for those that no tracer saw.

    Another object may have lain at an address before. It counts as the same if its type is, and what the collector
    does not track has kept its size.
    """
    if not len(one.traced):
        return np.full(len(nodes), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(one.traced, graph.ids[nodes]), len(one.traced) - 1)
    names = {name: at for at, name in enumerate(graph.type_names)}
    kinds = np.array([names.get(name, -1) for name in one.type_names], dtype=np.int64)[one.traced_types[places]]
    same = (one.traced[places] == graph.ids[nodes]) & (kinds == graph.types[nodes])
    same &= graph.tracked[nodes] | (one.traced_sizes[places] == graph.sizes[nodes])
    return np.where(same, one.traced_stacks[places].astype(np.int64), -1)
