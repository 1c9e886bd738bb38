"""Which reference cycles there are in a heap, which of them the collector frees, and what keeps the others.

A whole heap is one strongly connected component: every instance reaches its class, the class its functions, these
their globals. So the infrastructure (classes, modules and their namespaces) is taken out first, and what is left in
circles is what a person means. Cycles that are garbage already reach no infrastructure that is not garbage too.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memdiag.analysis import graph
from memdiag.analysis.graph import Mask
from memdiag.analysis.paths import Labels, Step, describe_cycle, describe_path
from memdiag.model import CycleCluster, CycleEvidence, HeapSnapshot, Ints, Moment, PassResult, TypeSurvival

_PROBE = "_memdiag_probe"
_STARTS = 40  # members from which a shortest cycle is searched
_CLUSTERS = 30  # shapes that are described in full
_LONGEST = 24  # nodes of a cycle that are told; a longer one is a ring that nobody reads to its end
_EFFORT = 200_000  # nodes visited in the search for a shortest cycle
_HOLDERS = 8  # of one shape that are told apart


@dataclass(frozen=True)
class Cluster:
    """Components of the same make-up, and one of them to look at more closely."""

    members: tuple[Ints, ...]
    cycle: tuple[int, ...]  # nodes, along the shortest cycle of the first
    path: tuple[int, ...]  # nodes, from a root to that cycle; empty where it is garbage
    waiting: bool


@dataclass(frozen=True)
class Stage:
    """One look at the heap: before the first pass (0), or after a pass that freed something."""

    heap: HeapSnapshot
    waiting: Mask  # members of the program's cycles that are garbage
    living: Mask  # members of the program's cycles that something reaches
    library: int  # members of cycles of the standard library's making
    clusters: tuple[Cluster, ...]

    @property
    def members(self) -> int:
        return int(self.waiting.sum() + self.living.sum())


def examine(heap: HeapSnapshot) -> Stage:
    """Find the cycles of one look and group them; names are asked for afterwards (``questions``)."""
    garbage = graph.garbage(heap)
    waiting = graph.components(heap, garbage)
    living = graph.components(heap, ~garbage & ~infrastructure(heap))
    own_waiting, own_living = [[part for part in parts if _is_own(heap, part)] for parts in (waiting, living)]
    kept = sum(map(len, own_waiting)) + sum(map(len, own_living))
    paths = _Holders(heap)
    clusters = _cluster(heap, own_living, False, paths) + _cluster(heap, own_waiting, True, paths)
    return Stage(
        heap=heap,
        waiting=_mask(heap, own_waiting),
        living=_mask(heap, own_living),
        library=sum(map(len, waiting)) + sum(map(len, living)) - kept,
        clusters=tuple(clusters),
    )


def infrastructure(heap: HeapSnapshot) -> Mask:
    """Classes, modules, their namespaces, and memdiag's own objects. Shape (nodes)."""
    roles = np.array([bool(role) for role in heap.type_roles], dtype=np.bool_)[heap.types]
    namespaces = np.zeros(len(heap.ids), dtype=np.bool_)
    namespaces[heap.targets[roles[graph.owners(heap)]]] = True
    dicts = np.array([name == "dict" for name in heap.type_names], dtype=np.bool_)[heap.types]
    probe = np.array([name.startswith(_PROBE) for name in heap.home_names], dtype=np.bool_)[heap.homes]
    return np.asarray(roles | (namespaces & dicts) | probe)


def _is_own(heap: HeapSnapshot, members: Ints) -> bool:
    """Whether any member comes from outside the standard library, or none says where it comes from."""
    homes = {int(home) for home in np.unique(heap.homes[members]) if heap.home_names[home] != "builtins"}
    return not homes or not all(heap.home_is_library[home] for home in homes)


def _mask(heap: HeapSnapshot, parts: Sequence[Ints]) -> Mask:
    mask = np.zeros(len(heap.ids), dtype=np.bool_)
    for part in parts:
        mask[part] = True
    return mask


class _Holders:
    """Paths from a root: from modules where there is one, else from what is held outside the graph."""

    def __init__(self, heap: HeapSnapshot) -> None:
        modules = np.array([role == "module" for role in heap.type_roles], dtype=np.bool_)[heap.types]
        probe = np.array([name.startswith(_PROBE) for name in heap.home_names], dtype=np.bool_)[heap.homes]
        self._named, self._before_named = graph.breadth_first(heap, modules & ~probe, ~probe)
        self._before_other = graph.breadth_first(heap, graph.externally_held(heap) & ~probe, ~probe)[1]

    def path_to(self, members: Ints) -> tuple[int, ...]:
        """Nodes from a root to the first member that the path meets."""
        inside = set(members.tolist())
        named = [node for node in members.tolist() if self._named[node]]
        before = self._before_named if named else self._before_other
        trails = [_trail(before, node, inside) for node in (named or members.tolist())[:_STARTS]]
        return min(trails, key=lambda trail: len(trail), default=())


def _trail(before: Ints, node: int, inside: set[int]) -> tuple[int, ...]:
    trail = [node]
    while (node := int(before[node])) >= 0:
        if node in inside:
            trail = []
        trail.append(node)
    return tuple(trail[::-1])


def _cluster(heap: HeapSnapshot, parts: Sequence[Ints], waiting: bool, holders: _Holders) -> list[Cluster]:
    """Components whose shortest cycles run through the same types are one cluster; the largest come first."""
    by_makeup: dict[tuple[tuple[int, int], ...], list[Ints]] = {}
    for part in parts:
        makeup = tuple(sorted(Counter(heap.types[part].tolist()).items()))
        by_makeup.setdefault(makeup, []).append(part)
    by_shape: dict[tuple[str, ...], list[tuple[list[int], list[Ints]]]] = {}
    for group in by_makeup.values():
        cycle = _canonical(heap, graph.shortest_cycle(graph.successors(heap, group[0]), _starts(heap, group[0])))
        shape = tuple(heap.type_names[heap.types[node]] for node in cycle)
        by_shape.setdefault(shape, []).append((cycle, group))
    found = []
    for groups in by_shape.values():
        members = [part for _, group in groups for part in group]
        for path, held in _by_holder(members, waiting, holders).items():
            found.append(Cluster(tuple(held), tuple(groups[0][0]), path, waiting))
    found.sort(key=lambda cluster: (-sum(map(len, cluster.members)), cluster.cycle, cluster.path))
    return found[:_CLUSTERS]


def _by_holder(parts: Sequence[Ints], waiting: bool, holders: _Holders) -> dict[tuple[int, ...], list[Ints]]:
    """Components by the path that leads to them; where each has a path of its own, that of the first stands for all."""
    held: dict[tuple[int, ...], list[Ints]] = {}
    paths: dict[tuple[int, ...], tuple[int, ...]] = {}
    for part in parts:
        path = () if waiting else holders.path_to(part)
        held.setdefault(path[:-1], []).append(part)
        paths.setdefault(path[:-1], path)
    if len(held) > _HOLDERS:
        return {next(iter(paths.values())): list(parts)}
    return {paths[key]: group for key, group in held.items()}


def _starts(heap: HeapSnapshot, part: Ints) -> list[int]:
    """The members to search from: those of the program's own classes first, a person looks for these."""
    library = np.array(heap.home_is_library, dtype=np.bool_)[heap.homes[part]]
    ordered = part[np.argsort(library, kind="stable")]
    own = ordered[: int((~library).sum())]
    starts = max(1, min(_STARTS, _EFFORT // len(part)))
    chosen: list[int] = (own if len(own) else ordered)[:starts].tolist()
    return chosen


def _canonical(heap: HeapSnapshot, cycle: list[int]) -> list[int]:
    """The rotation that begins with the program's own class, and then the smallest name; a long ring is cut off."""
    if len(cycle) > _LONGEST:
        return cycle[:_LONGEST]

    def rank(turn: int) -> tuple[bool, list[str]]:
        turned = cycle[turn:] + cycle[:turn]
        return heap.home_is_library[heap.homes[turned[0]]], [heap.type_names[heap.types[node]] for node in turned]

    turn = min(range(len(cycle)), key=rank, default=0)
    return cycle[turn:] + cycle[:turn]


def questions(stage: Stage, waiting_only: bool = False) -> tuple[list[tuple[int, int]], list[int]]:
    """The references whose names, and the objects whose names, the report will need; as ids."""
    ids = stage.heap.ids
    edges: set[tuple[int, int]] = set()
    objects: set[int] = set()
    for cluster in stage.clusters:
        if waiting_only and not cluster.waiting:
            continue
        cycle = [*cluster.cycle, cluster.cycle[0]]
        for trail in (cycle, list(cluster.path)):
            edges.update((int(ids[a]), int(ids[b])) for a, b in pairwise(trail))
        objects.update(int(ids[node]) for node in cluster.path)
    return sorted(edges), sorted(objects)


def conclude(
    moment: Moment,
    stages: Mapping[int, Stage],
    labels: Mapping[int, Labels],
    passes: Sequence[tuple[int, int, Sequence[tuple[str, str]]]],
    reclaimed: Mapping[str, int],
    gc_enabled: bool,
    gc_debug: int,
    in_garbage: Sequence[int] = (),
) -> CycleEvidence:
    """Everything one look says. ``passes`` are (number, objects freed, types in ``gc.garbage``); ``stages[0]`` and
    one stage after each pass that freed something must be there. ``in_garbage`` are the ids of what ``gc.garbage`` held
    after the last pass."""
    results, last = [], 0
    for number, freed, kept in passes:
        before, last = last, number if number in stages else last
        results.append(_pass(number, freed, bool(kept), stages[before], stages[last]))
    surviving = stages[last]
    uncollectable = Counter(name for _, name in (passes[-1][2] if passes else ()))
    stuck_there = np.isin(surviving.heap.ids, np.array(in_garbage, dtype=np.uint64))
    clusters = _describe(surviving, labels.get(last, Labels()), stuck_there)
    if last != 0:
        stuck = {one.shape for one in clusters if one.state == "uncollectable"}
        first = _describe(stages[0], labels.get(0, Labels()), np.zeros(len(stages[0].heap.ids), dtype=np.bool_))
        clusters += [one for one in first if one.state == "waiting" and one.shape not in stuck]
    return CycleEvidence(
        moment=moment,
        created=sum(reclaimed.values()) + stages[0].members,
        passes=tuple(results),
        by_type=_by_type(reclaimed, stages[0], surviving),
        clusters=tuple(clusters),
        uncollectable=sum(uncollectable.values()),
        uncollectable_types=tuple(uncollectable.most_common()),
        reclaimed_before=sum(reclaimed.values()),
        library_objects=surviving.library,
        gc_enabled=gc_enabled,
        gc_debug=gc_debug,
    )


def _pass(number: int, freed: int, kept: bool, before: Stage, after: Stage) -> PassResult:
    """A pass reclaimed the members that were garbage and are gone; a finalizer may have revived or made others.

    What died is told by id only where something did not: an id may have been given to a new object meanwhile.
    """
    if after is before:
        return PassResult(number, 0, after.members, freed)
    doomed = before.heap.ids[before.waiting]
    collected = len(doomed)
    if kept or freed < int(graph.garbage(before.heap).sum()):
        collected -= int(np.isin(doomed, after.heap.ids).sum())
    return PassResult(number, collected, after.members, freed)


def _by_type(reclaimed: Mapping[str, int], first: Stage, last: Stage) -> tuple[TypeSurvival, ...]:
    created = Counter(reclaimed) + _types_of(first)
    surviving = _types_of(last)
    homes = {first.heap.type_names[kind]: home for kind, home in zip(first.heap.types, first.heap.homes, strict=True)}
    built_in = {name for name, home in homes.items() if first.heap.home_names[home] == "builtins"}
    ordered = sorted(created, key=lambda name: (name in built_in, -surviving[name], -created[name], name))
    return tuple(TypeSurvival(name, created[name], surviving[name]) for name in ordered)


def reclaimed_by_passes(
    stages: Mapping[int, Stage], passes: Sequence[tuple[int, int, Sequence[tuple[str, str]]]]
) -> Counter[str]:
    """Members of cycles, by type, that the passes of one look reclaimed: for later looks they are gone already."""
    found: Counter[str] = Counter()
    all_died = {number: count for number, count, kept in passes if not kept}
    for before, after in pairwise(sorted(stages)):
        one = stages[before]
        gone = one.waiting.copy()
        if all_died.get(after, 0) < int(graph.garbage(one.heap).sum()):
            gone &= ~np.isin(one.heap.ids, stages[after].heap.ids)
        found += _count_types(one.heap, gone)
    return found


def _types_of(stage: Stage) -> Counter[str]:
    return _count_types(stage.heap, stage.waiting | stage.living)


def _count_types(heap: HeapSnapshot, members: Mask) -> Counter[str]:
    counts = np.bincount(heap.types[members], minlength=len(heap.type_names))
    found: Counter[str] = Counter()
    for name, count in zip(heap.type_names, counts.tolist(), strict=True):
        found[name] += count
    return +found


def _describe(stage: Stage, labels: Labels, in_garbage: Mask) -> list[CycleCluster]:
    """The clusters in words; those that read the same are one."""
    found: dict[tuple[object, ...], CycleCluster] = {}
    for cluster in stage.clusters:
        one = _describe_one(stage.heap, cluster, labels, in_garbage)
        key = (one.shape, one.edges, one.state, one.holder)
        same = found.get(key)
        found[key] = one if same is None else _together(same, one)
    return sorted(found.values(), key=lambda one: (-one.objects, one.shape, one.edges, one.holder))


def _together(one: CycleCluster, other: CycleCluster) -> CycleCluster:
    return dataclasses.replace(
        one,
        count=one.count + other.count,
        objects=one.objects + other.objects,
        size_bytes=one.size_bytes + other.size_bytes,
    )


def _describe_one(heap: HeapSnapshot, cluster: Cluster, labels: Labels, in_garbage: Mask) -> CycleCluster:
    closed = [] if len(cluster.cycle) >= _LONGEST else [cluster.cycle[0]]
    shape, edges = describe_cycle(_steps(heap, [*cluster.cycle, *closed], labels))
    if not closed:
        shape, edges = (*shape, "..."), (*edges, "")
    state = "waiting" if cluster.waiting else "reachable"
    if any(in_garbage[part].any() for part in cluster.members):
        state = "uncollectable"
    return CycleCluster(
        shape=shape,
        edges=edges,
        count=len(cluster.members),
        objects=sum(map(len, cluster.members)),
        size_bytes=int(sum(heap.sizes[part].sum() for part in cluster.members)),
        state=state,  # type: ignore[arg-type]
        holder=describe_path(_steps(heap, list(cluster.path), labels)),
    )


def _steps(heap: HeapSnapshot, trail: Sequence[int], labels: Labels) -> list[Step]:
    ids = [int(heap.ids[node]) for node in trail]
    edges = [labels.edges.get(pair, "") for pair in pairwise(ids)]
    edges += [""] * (len(ids) - len(edges))  # the last leads nowhere
    return [
        Step(heap.type_names[heap.types[node]], heap.home_names[heap.homes[node]], labels.objects.get(key, ""), edge)
        for node, key, edge in zip(trail, ids, edges, strict=True)
    ]
