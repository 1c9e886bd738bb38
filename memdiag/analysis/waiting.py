"""What is open though nothing in the program reaches it: only the collector will close it, whenever it comes.

From each open object the references are followed backwards. Where that leads to nothing that is in use by itself, all
that was met on the way is garbage, and the object with it. Nothing is collected for that, and no heap is gone through
that has no open object in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from memdiag.analysis.origin import is_library
from memdiag.analysis.roles import Mask, Roles, plain_name
from memdiag.model import Frame, HeapGraph, Site, Waiting

_MOST_ABOVE = 3_000  # objects that are followed back from one; what has more above it counts as in use
_MOST_STEPS = 200_000  # in one heap
_MOST_OWNERS = 3
_MOST_SITES = 3


@dataclass(frozen=True)
class OpenGarbage:
    """One such object in one heap: who it is, and what is known of it."""

    id: int
    type: str
    owner: str = ""  # the nearest class of the program's own that holds it
    line: Frame | None = None  # that made it, where a tracer saw that


def open_garbage(graph: HeapGraph, roles: Roles) -> tuple[OpenGarbage, ...]:
    """The open objects of one heap that are garbage, in order of their ids."""
    if not len(graph.opened):
        return ()
    return tuple(_Search(graph, roles).found())


class _Search:
    def __init__(self, graph: HeapGraph, roles: Roles) -> None:
        count = len(graph.ids)
        edges = (np.ones(len(graph.targets), np.int8), graph.targets, graph.starts)
        backwards = csr_array(edges, shape=(count, count)).tocsc()
        self._starts, self._referrers = backwards.indptr, backwards.indices
        self._graph, self._roles = graph, roles
        self._in_use = _in_use(graph, roles)
        self._steps = 0

    def found(self) -> list[OpenGarbage]:
        found = []
        for node in self._graph.opened.tolist():
            above = self._above(node)
            if above is not None:
                kind = self._graph.type_names[self._graph.types[node]]
                found.append(OpenGarbage(int(self._graph.ids[node]), kind, self._owner(above), self._line(node)))
        return found

    def _above(self, node: int) -> list[int] | None:
        """All that leads to a node, the nearest first; ``None`` where something of it is in use."""
        order, seen = [node], {node}
        for one in order:
            self._steps += 1
            if self._in_use[one] or len(order) > _MOST_ABOVE or self._steps > _MOST_STEPS:
                return None
            fresh = self._referrers[self._starts[one] : self._starts[one + 1]].tolist()
            order += [above for above in dict.fromkeys(fresh) if above not in seen]
            seen.update(fresh)
        return order

    def _owner(self, above: Sequence[int]) -> str:
        own, graph = self._roles.own_types, self._graph
        kind = next((kind for node in above if own[kind := int(graph.types[node])]), -1)
        return plain_name(graph.type_names[kind], graph.type_modules[kind]) if kind >= 0 else ""

    def _line(self, node: int) -> Frame | None:
        told = np.flatnonzero(self._graph.traced == node)
        stack = self._graph.stacks[self._graph.traced_stacks[told[0]]] if len(told) else ()
        return next((frame for frame in stack if not is_library(frame.file)), None)


def _in_use(graph: HeapGraph, roles: Roles) -> Mask:
    """By itself: the modules, the variables of running functions, and what more refers to than the heap explains."""
    found: Mask = roles.held_natively | roles.loaded
    found[[node for frame in graph.frames for _, node in frame.locals if node >= 0]] = True
    found[[node for _, node in graph.registries]] = True
    return found


def waiting(series: Sequence[Sequence[OpenGarbage]]) -> tuple[Waiting, ...]:
    """Type by type over all moments, the most numerous first."""
    kinds = Counter(kind for kind, _ in {(one.type, one.id) for found in series for one in found})
    return tuple(_waiting(kind, seen, series) for kind, seen in sorted(kinds.items(), key=lambda of: (-of[1], of[0])))


def _waiting(kind: str, seen: int, series: Sequence[Sequence[OpenGarbage]]) -> Waiting:
    those = {(one.id, one.owner, one.line) for found in series for one in found if one.type == kind}
    owners = Counter(owner for _, owner, _ in those if owner)
    lines = Counter(line for _, _, line in those if line is not None)
    return Waiting(
        type=kind,
        counts=tuple(sum(one.type == kind for one in found) for found in series),
        seen=seen,
        owners=tuple(owner for owner, _ in owners.most_common(_MOST_OWNERS)),
        sites=tuple(
            Site(line.file, line.line, line.function, 0, count) for line, count in lines.most_common(_MOST_SITES)
        ),
    )
