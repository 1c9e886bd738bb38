"""One look at the heap: which cycles the program has in it, told apart by shape and by what holds them.

A whole heap is one strongly connected component: every instance reaches its class, the class its functions, these
their globals. So the infrastructure (classes, modules and their namespaces) is taken out first, and what is left in
circles is what a person means. Cycles that are garbage already reach no infrastructure that is not garbage too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memdiag.analysis.cycles import graph
from memdiag.analysis.cycles.keepers import Keepers
from memdiag.analysis.cycles.references import Web, web
from memdiag.analysis.cycles.shapes import drafts
from memdiag.analysis.roles import SUSPENDED, Mask, Roles
from memdiag.analysis.roots import Tree, spanning_tree
from memdiag.model import HeapGraph, Ints, Questions

_CLUSTERS = 30  # shapes that are described in full
_PROBE = "_memdiag_probe"
_MANY_CLASSES = 20  # without a name in a module, which are then not part of what the program is made of

Trail = tuple[int, ...]


@dataclass(frozen=True)
class Cluster:
    """Components of the same shape, held in the same way; one of them stands for the others where it is told."""

    members: tuple[Ints, ...]  # of each component
    cycle: Trail  # along the shortest cycle of the first
    trail: Trail  # from a root to that cycle; empty where it is garbage
    others: tuple[Trail, ...]  # further ways to it
    waiting: bool
    is_key: bool  # nothing else in the garbage leads to it
    retained: Ints  # members, and what only they keep: nodes
    web: Web  # the references within the first component, and what would go with it

    @property
    def objects(self) -> int:
        return sum(map(len, self.members))


@dataclass(frozen=True)
class Examination:
    """What was found, while the heap can still be asked about it; of the shape (nodes) are the masks."""

    roles: Roles
    tree: Tree
    garbage: Mask
    waiting: Mask  # members of the program's cycles that are garbage
    living: Mask  # members of the program's cycles that something reaches
    library: int  # members of cycles of the standard library's making
    clusters: tuple[Cluster, ...]

    @property
    def graph(self) -> HeapGraph:
        return self.roles.graph

    @property
    def questions(self) -> Questions:
        """The references whose names, and the objects whose names, the telling will need; as ids."""
        ids = self.graph.ids
        pairs: dict[tuple[int, int], None] = {}
        nodes: dict[int, None] = {}
        for cluster in self.clusters:
            circle = [*cluster.cycle, cluster.cycle[0]]
            for trail in (circle, cluster.trail, *cluster.others):
                pairs.update(dict.fromkeys(pairwise(trail)))
                nodes.update(dict.fromkeys(trail))
            pairs.update(dict.fromkeys(cluster.web.asked))
            nodes.update(dict.fromkeys(node for pair in cluster.web.asked for node in pair))
        edges = tuple((int(ids[a]), int(ids[b])) for a, b in pairs)
        classes = (key for cluster in self.clusters for key in classes_of(self.graph, cluster).values())
        return Questions(edges, tuple(dict.fromkeys([*(int(ids[node]) for node in nodes), *classes])))


def classes_of(heap: HeapGraph, cluster: Cluster) -> dict[int, int]:
    """The ids of the classes of a cluster's members that are not built in, by type; the commonest."""
    if not len(heap.type_ids):
        return {}
    counts = np.bincount(heap.types[np.concatenate(cluster.members)], minlength=len(heap.type_names))
    kinds = [int(kind) for kind in np.argsort(-counts, kind="stable") if counts[kind]]
    return {kind: int(heap.type_ids[kind]) for kind in kinds if heap.type_modules[kind] != "builtins"}


def examine(heap: HeapGraph) -> Examination:
    """Find the cycles of one look, and group them."""
    roles = Roles(heap)
    lost = graph.garbage(heap)
    tree = spanning_tree(heap, roles)
    waiting = graph.components(heap, lost & heap.tracked)
    living = graph.components(heap, ~lost & heap.tracked & ~infrastructure(roles))
    origins = _origins(roles)
    own_waiting, own_living = [_own(parts, origins) for parts in (waiting, living)]
    kept = sum(map(len, own_waiting)) + sum(map(len, own_living))
    clusters = Keepers(roles, tree, lost).keep(
        [*drafts(roles, own_living, waiting=False), *drafts(roles, own_waiting, waiting=True)], _CLUSTERS
    )
    return Examination(
        roles=roles,
        tree=tree,
        garbage=lost & heap.tracked,
        waiting=_mask(heap, own_waiting),
        living=_mask(heap, own_living),
        library=sum(map(len, waiting)) + sum(map(len, living)) - kept,
        clusters=tuple(
            Cluster(
                members=kept_by.members,
                cycle=tuple(draft.cycle),
                trail=kept_by.trail,
                others=kept_by.others,
                waiting=draft.waiting,
                is_key=kept_by.is_key,
                retained=kept_by.retained,
                web=web(roles, kept_by.members[0], draft.cycle),
            )
            for draft, kept_by in clusters
        ),
    )


def infrastructure(roles: Roles) -> Mask:
    """Classes, modules, and their namespaces; not the classes that the program goes on making. Shape (nodes).

    A function's globals are a namespace too, where code that was made in memory has one of its own.
    """
    bearers = ((roles.classes | roles.modules) & ~_made_anew(roles)) | _of_probe(roles)
    namespaces = np.zeros(len(bearers), dtype=np.bool_)
    namespaces[roles.graph.targets[(bearers | roles.are({"function"}))[roles.sources]]] = True
    return np.asarray(bearers | (namespaces & roles.are({"dict"})))


def _of_probe(roles: Roles) -> Mask:
    """Classes that the probe has made for its own use."""
    homes = roles.graph.class_modules
    ours = np.array([key for key, module in homes.items() if module.startswith(_PROBE)], dtype=np.uint64)
    return np.asarray(roles.classes & np.isin(roles.graph.ids, ours))


def _made_anew(roles: Roles) -> Mask:
    """Classes of the program's that no module and no other class has a name for, if there are many. Shape (nodes).

    They are made by functions, again and again, and each is a cycle by itself.
    """
    heap = roles.graph
    found = roles.classes & (_origins(roles) == _PROGRAM)
    spaces = roles.namespaces.copy()
    spaces[heap.targets[roles.classes[roles.sources]]] = True
    named = spaces[roles.sources] & roles.are({"dict"})[roles.sources] & found[heap.targets]
    found[heap.targets[named]] = False
    return found if found.sum() >= _MANY_CLASSES else np.zeros(len(found), dtype=np.bool_)


# --- whose they are ---------------------------------------------------------------------------------------------

_UNTOLD, _LIBRARY, _PROGRAM = 0, 1, 2


def _origins(roles: Roles) -> Ints:
    """Where each object comes from: as its type tells, or the module of a class, function or frame. Shape (nodes)."""
    heap = roles.graph
    of_types = np.array([_origin(module, roles) for module in heap.type_modules], dtype=np.int64)
    found = of_types[heap.types]
    for node in np.flatnonzero(roles.classes).tolist():
        found[node] = _origin(heap.class_modules.get(int(heap.ids[node]), ""), roles)
    functions, frames = roles.are({"function"}), roles.are({"frame"} | SUSPENDED)
    edges = np.flatnonzero((functions | frames)[roles.sources] & roles.namespaces[heap.targets])
    np.maximum.at(found, roles.sources[edges], _of_namespaces(roles)[heap.targets[edges]])
    edges = np.flatnonzero(frames[roles.sources] & functions[heap.targets])  # to the function that runs, since 3.11
    np.maximum.at(found, roles.sources[edges], found[heap.targets[edges]])
    return found


def _of_namespaces(roles: Roles) -> Ints:
    heap = roles.graph
    found = np.zeros(len(heap.ids), dtype=np.int64)
    for module in heap.modules:
        targets = heap.targets[heap.starts[module.node] : heap.starts[module.node + 1]]
        found[targets[roles.namespaces[targets]]] = _origin(module.name, roles)
    return found


def _origin(module: str, roles: Roles) -> int:
    if module in ("", "builtins"):
        return _UNTOLD
    return _LIBRARY if roles.is_standard_module(module) else _PROGRAM


def _own(parts: Sequence[Ints], origins: Ints) -> list[Ints]:
    """Those any member of which comes from outside the standard library, or of which none says where it comes from."""
    return [part for part in parts if (most := int(origins[part].max())) == _PROGRAM or most == _UNTOLD]


def _mask(heap: HeapGraph, parts: Sequence[Ints]) -> Mask:
    mask = np.zeros(len(heap.ids), dtype=np.bool_)
    if parts:
        mask[np.concatenate(parts)] = True
    return mask
