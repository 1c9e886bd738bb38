"""The shortest way from a root to every object that a person would go: tier by tier, breadth first.

Tiers, the most telling first: globals of the program's own modules, variables of its running functions, what stored
exceptions hold by their tracebacks; then the functions and modules of libraries, and what only native code holds. Each
tier takes what those before it have left. An object that no tier reaches is garbage that awaits the collector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from memdiag.analysis.origin import is_library
from memdiag.analysis.roles import BY_CLASS, BY_TRACEBACK, INSTALLED, NORMAL, OWN, STANDARD, Mask, Nodes, Roles
from memdiag.model import FrameRoot, HeapGraph

OWN_MODULE, OWN_FRAME, OWN_TRACEBACK, LIBRARY_FRAME, LIBRARY_MODULE, NATIVE = 1, 2, 3, 4, 5, 6
_LONGEST = 3000  # nodes of a trail that is followed back to its root


@dataclass(frozen=True)
class Tree:
    """``parents`` are -1 for roots and the unreached; ``tiers`` are 0 for the unreached. Shape (nodes)."""

    parents: Nodes
    tiers: npt.NDArray[np.int8]

    @cached_property
    def depths(self) -> Nodes:
        """How far each node is from its root, by doubling: as many rounds as the depth has binary digits."""
        here = np.arange(len(self.parents), dtype=np.int32)
        found, jump = (
            (self.parents >= 0).astype(np.int32),
            np.where(self.parents < 0, here, self.parents).astype(np.int32),
        )
        while not np.array_equal(further := jump[jump], jump):
            found, jump = found + found[jump], further
        return found

    def trail(self, node: int) -> tuple[int, ...]:
        """Nodes from the root to this one; the last of them only, where there are very many."""
        found = [node]
        while (node := int(self.parents[node])) >= 0 and len(found) < _LONGEST:
            found.append(node)
        return tuple(found[::-1])


def is_own_frame(frame: FrameRoot, roles: Roles) -> bool:
    return not is_library(frame.file) and (not frame.module or roles.is_own_module(frame.module))


def spanning_tree(graph: HeapGraph, roles: Roles) -> Tree:
    """Every object that is in use, below the root that names it best."""
    search = _Search(graph, roles.levels, roles.sources)
    first, own, others = _frames(graph, roles)
    search.enter(_modules(graph, roles, (OWN,)), OWN_MODULE)
    search.enter(first, OWN_FRAME)
    search.enter(own, OWN_FRAME)
    search.go_on(BY_TRACEBACK, OWN_TRACEBACK)
    search.enter(others, LIBRARY_FRAME)
    search.enter(_modules(graph, roles, (INSTALLED,)), LIBRARY_MODULE)
    search.enter(_modules(graph, roles, (STANDARD,)), LIBRARY_MODULE)
    search.go_on(BY_TRACEBACK, LIBRARY_MODULE)
    search.enter(_held(graph, roles), NATIVE)
    search.go_on(BY_CLASS, NATIVE)
    return Tree(search.parents, search.tiers)


def _modules(graph: HeapGraph, roles: Roles, whose: tuple[int, ...]) -> list[int]:
    chosen = [module for module in graph.modules if roles.origins[module.name] in whose]
    chosen.sort(key=lambda module: module.name != "__main__")  # by and large in the order in which they were loaded
    return [module.node for module in chosen]


def _frames(graph: HeapGraph, roles: Roles) -> tuple[list[int], list[int], list[int]]:
    """What the variables of the program's outermost functions, of its others, and of libraries' functions hold.

    Outer functions come first: which inner one happens to run differs from look to look.
    """
    outermost = {frame.thread: frame for frame in graph.frames if frame.locals and is_own_frame(frame, roles)}
    first: list[int] = []
    own: list[int] = []
    others: list[int] = []
    for frame in reversed(graph.frames):
        is_first = outermost.get(frame.thread) is frame
        chosen = first if is_first else own if is_own_frame(frame, roles) else others
        chosen.extend(node for _, node in frame.locals if node >= 0)
    return first, own, others


def _held(graph: HeapGraph, roles: Roles) -> list[int]:
    """What is held natively: suspended functions first, then by type, an order that addresses do not decide alone."""
    nodes = np.flatnonzero(roles.held_natively)
    if not len(nodes):
        return []
    ranks = np.argsort(np.argsort(np.array(graph.type_names)))
    found: list[int] = nodes[np.lexsort((-graph.sizes[nodes], ranks[graph.types[nodes]]))].tolist()
    return found


class _Search:
    """Breadth-first searches (scipy's) one after the other, each over what those before it have left."""

    def __init__(self, graph: HeapGraph, levels: npt.NDArray[np.int8], sources: Nodes) -> None:
        self._count = len(graph.ids)
        self._levels, self._sources, self._edges = levels, sources, graph.targets
        self._targets = self._followed(NORMAL)
        self._starts = graph.starts.astype(np.int32)
        self._ones = np.ones(len(graph.targets) + self._count + 1)  # csgraph computes in doubles
        self.parents = np.full(self._count, -1, dtype=np.int32)
        self.tiers = np.zeros(self._count, dtype=np.int8)

    def enter(self, roots: list[int], tier: int) -> Nodes:
        """Take what these nodes reach, and themselves."""
        fresh = [node for node in dict.fromkeys(roots) if not self.tiers[node]]
        if not fresh:
            return np.zeros(0, dtype=np.int32)
        order, before = self._walk(np.array(fresh, dtype=np.int32))
        taken: Nodes = order[order < self._count].astype(np.int32)
        above = before[taken]
        self.parents[taken] = np.where(above == self._count, -1, above)
        self.tiers[taken] = tier
        return taken

    def go_on(self, level: int, tier: int) -> None:
        """Take what is reached from what was reached before when edges of a less telling kind are followed too."""
        self._targets = self._followed(level)
        open_edges = np.flatnonzero((self._levels <= level) & (self._levels != NORMAL))
        sources, targets = self._sources[open_edges], self._edges[open_edges]
        useful = (self.tiers[sources] > 0) & (self.tiers[targets] == 0)
        sources, targets = sources[useful], targets[useful]
        first, at = np.unique(targets, return_index=True)
        self.enter(targets[np.sort(at)].tolist(), tier)
        roots = self.parents[first] == -1
        self.parents[first[roots]] = sources[at][roots]
        self._targets = self._followed(NORMAL)

    def _followed(self, level: int) -> Nodes:
        return np.where(self._levels <= level, self._edges, np.int32(self._count)).astype(np.int32)

    def _walk(self, roots: Nodes) -> tuple[Nodes, Nodes]:
        """Edges to what was taken before lead back to the start, where they end."""
        start = np.int32(self._count)
        seen: Mask = np.append(self.tiers > 0, True)
        targets = np.concatenate([np.where(seen[self._targets], start, self._targets), roots])
        starts = np.append(self._starts, np.int32(len(targets)))
        matrix = csr_array((self._ones[: len(targets)], targets, starts), shape=(self._count + 1, self._count + 1))
        order, before = breadth_first_order(matrix, self._count, directed=True, return_predecessors=True)
        return order, before
