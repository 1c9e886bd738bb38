"""What keeps cycles, and what they keep: the way from a root to each, and what would go if they went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from memdiag.analysis.cycles import graph
from memdiag.analysis.cycles.shapes import Draft
from memdiag.analysis.retained import Retention
from memdiag.analysis.roles import NORMAL, Mask, Roles
from memdiag.analysis.roots import Tree
from memdiag.model import Ints

_HOLDERS = 8  # of one shape that are told apart
_OTHERS = 2  # further ways to one cycle that are told
_MOST_EDGES = 2000  # into one component, that are looked at for these

Trail = tuple[int, ...]


@dataclass(frozen=True)
class Kept:
    """Components that are held in the same way; the trails are of the first."""

    members: tuple[Ints, ...]
    trail: Trail = ()
    others: tuple[Trail, ...] = ()
    is_key: bool = True
    retained: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class Keepers:
    """Looks at one heap; ``lost`` is what awaits the collector there."""

    def __init__(self, roles: Roles, tree: Tree, lost: Mask) -> None:
        self._roles, self._tree, self._lost = roles, tree, lost
        self._heap = roles.graph

    def keep(self, drafts: Sequence[Draft], most: int) -> list[tuple[Draft, Kept]]:
        """Each draft by what holds it: the program's own first, then what keeps other garbage, then the largest."""
        keys = self._keys([part for draft in drafts if draft.waiting for part in draft.members])
        found = []
        for draft in drafts:
            if draft.waiting:
                is_key = any(int(part[0]) in keys for part in draft.members)
                found.append((draft, Kept(draft.members, is_key=is_key)))
            else:
                found += [(draft, kept) for kept in self._by_holder(draft.members)]
        found.sort(key=self._rank)
        return self._with_retained(found[:most], keys)

    def _rank(self, one: tuple[Draft, Kept]) -> tuple[object, ...]:
        draft, kept = one
        of_program = bool(self._roles.own_types[self._heap.types[list(draft.cycle)]].any())
        return not of_program, not kept.is_key, -sum(map(len, kept.members)), draft.cycle, kept.trail

    # --- garbage

    def _keys(self, parts: Sequence[Ints]) -> dict[int, Ints]:
        """The components that no other garbage refers to, by their first node."""
        labels = np.full(len(self._heap.ids), -1, dtype=np.int64)
        for number, part in enumerate(parts):
            labels[part] = number
        edges = self._lost[self._roles.sources] & (labels[self._heap.targets] >= 0)
        sources, targets = labels[self._roles.sources[edges]], labels[self._heap.targets[edges]]
        entered = set(np.unique(targets[sources != targets]).tolist())
        return {int(part[0]): part for number, part in enumerate(parts) if number not in entered}

    def _garbage_retained(self, members: Sequence[Ints], keys: dict[int, Ints]) -> Ints:
        """Garbage that nothing but these lead to, themselves among it: what all other components reach is theirs."""
        passable = self._lost.copy()
        passable[np.concatenate(members)] = False
        roots = np.zeros(len(passable), dtype=np.bool_)
        firsts = {int(part[0]) for part in members}
        for first, part in keys.items():
            if first not in firsts:
                roots[part] = True
        return np.flatnonzero(self._lost & ~graph.reached(self._heap, roots, passable))

    # --- what is in use

    def _by_holder(self, parts: Sequence[Ints]) -> list[Kept]:
        entries = self._entries(parts)
        trails = [self._tree.trail(entry) for entry in entries]
        groups: dict[tuple[object, ...], list[int]] = {}
        for at, trail in enumerate(trails):
            groups.setdefault((trail[0], *self._heap.types[list(trail)].tolist()), []).append(at)
        found = []
        for group in groups.values():
            for alike in self._told_apart(group, trails):
                members = tuple(parts[at] for at in alike)
                trail = trails[alike[0]]
                found.append(Kept(members, trail, self._others(parts[alike[0]], trail)))
        return found

    def _entries(self, parts: Sequence[Ints]) -> list[int]:
        """Of each component the member that is nearest to a root."""
        labels = np.full(len(self._heap.ids), -1, dtype=np.int64)
        for number, part in enumerate(parts):
            labels[part] = number
        nodes = np.concatenate(parts)
        parents = self._tree.parents[nodes]
        doors = nodes[(parents < 0) | (labels[parents] != labels[nodes])]
        order = np.lexsort((doors, self._tree.depths[doors], self._tree.tiers[doors], labels[doors]))
        _, first = np.unique(labels[doors][order], return_index=True)
        entries: list[int] = doors[order][first].tolist()
        return entries

    def _told_apart(self, group: Sequence[int], trails: Sequence[Trail]) -> list[list[int]]:
        """Ways that run through the same types, split where they part, unless each of them is a way of its own."""
        length = len(trails[group[0]]) - 1
        while length > 0 and len({trails[at][:length] for at in group}) > _HOLDERS:
            length -= 1
        found: dict[Trail, list[int]] = {}
        for at in group:
            found.setdefault(trails[at][:length], []).append(at)
        return list(found.values())

    def _others(self, part: Ints, trail: Trail) -> tuple[Trail, ...]:
        """Further references into a component, from what it does not keep itself: letting go at one frees nothing."""
        roles, tree = self._roles, self._tree
        inside = np.zeros(len(self._heap.ids), dtype=np.bool_)
        inside[part] = True
        edges = np.flatnonzero(inside[self._heap.targets])[:_MOST_EDGES]
        edges = edges[(roles.levels[edges] == NORMAL) & ~inside[roles.sources[edges]]]
        above = trail[-2] if len(trail) > 1 else -1
        found: dict[int, Trail] = {}
        for edge in edges.tolist():
            source = int(roles.sources[edge])
            if source == above or source in found or self._lost[source] or not tree.tiers[source]:
                continue
            way = tree.trail(source)
            if not inside[list(way)].any():
                found[source] = (*way, int(self._heap.targets[edge]))
        return tuple(sorted(found.values(), key=lambda way: (len(way), way))[:_OTHERS])

    def _with_retained(self, found: Sequence[tuple[Draft, Kept]], keys: dict[int, Ints]) -> list[tuple[Draft, Kept]]:
        living = [np.concatenate(kept.members) for draft, kept in found if not draft.waiting]
        retention = Retention(self._heap, self._roles, self._tree, living) if living else None
        told, number = [], 0
        for draft, kept in found:
            if draft.waiting or retention is None:
                nodes = self._garbage_retained(kept.members, keys)
            else:
                nodes = np.union1d(living[number], retention.of(number).nodes)
                number += 1
            told.append((draft, Kept(kept.members, kept.trail, kept.others, kept.is_key, nodes)))
        return told
