"""Containers that gain items, and single objects that swell, over the moments of a series.

An object is followed by its id. One that the program makes anew each time (``x = x + [...]``) is followed by what
refers to it. Many small containers of the same role (the lists of all sessions) are one candidate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from memdiag.analysis.census import Census, Slots, among, amounts_of, container_types
from memdiag.analysis.roles import Mask, Roles
from memdiag.analysis.roots import LIBRARY_FRAME, Tree
from memdiag.model import HeapGraph, Ints

Kind = str

_LEAST = 8  # references by which a container must have grown to be looked at
_LEAST_KILOBYTES = 16  # ... and a single object
_LEAST_OF_LIBRARY = 64  # either, where a library holds it: they warm up
_SURELY = 64  # ... from nothing
_NEVER = np.iinfo(np.int64).max
_MOST = 40  # candidates that are worth a closer look
_CLIMB = 6  # objects between a container and the container of those of its role
_DOMINANT = 0.7  # of the growth of all of a role: then it is this one that grows, not all of them


@dataclass(frozen=True)
class Candidate:
    """Nodes of the last graph that hold more and more: one, or several of the same role.

    ``amounts`` (moments): references they bear, or bytes of a single object, or objects; -1 where not there yet.
    ``spread``: nodes whose references to the next on the way are any of many: ``[*]``.
    """

    kind: Kind  # "container", "object", "type", "chain", "roots"
    members: Ints
    chief: int
    amounts: Ints
    spread: frozenset[int] = frozenset()
    old_growth: float = 0.0  # of members that were there from early on
    remade: int = 0  # moments at which another object was in the place of the only member


@dataclass(frozen=True)
class Series:
    """Amounts of a few nodes at all moments, shape (moments, nodes).

    ``remade`` (nodes): at how many of these another object was in the node's place.
    """

    nodes: Ints
    amounts: Ints
    remade: Ints

    def chosen(self, those: Mask) -> Series:
        return Series(self.nodes[those], self.amounts[:, those], self.remade[those])


def growing(series: Sequence[Census], last: HeapGraph, roles: Roles, tree: Tree) -> list[Candidate]:
    """All candidates, those that grew most first within their kind."""
    found = []
    links = _links(roles, tree)
    for kind, unit in (("container", 1), ("object", 1024)):
        slots = [one.containers if kind == "container" else one.singles for one in series]
        tracks = _tracks(series, slots, last, kind == "container")
        least = _LEAST if kind == "container" else _LEAST_KILOBYTES
        growth = floor_growth(tracks.amounts)
        tiers = tree.tiers[tracks.nodes]
        library = tiers >= LIBRARY_FRAME
        named = library & roles.namespaces[tracks.nodes]  # modules that are still being loaded
        enough = np.where(library, max(least, _LEAST_OF_LIBRARY), 1)
        grown = (
            ~named & ~links[tracks.nodes] & ~roles.of_abstract_classes[tracks.nodes] & (tiers > 0) & (growth >= enough)
        )
        groups = _grouped(tracks.chosen(grown), growth[grown], roles, tree)
        grown_enough = [one for one in groups if floor_growth(one.amounts[:, None])[0] >= least]
        found += [_scaled(one, kind, unit) for one in grown_enough if outgrows_its_falls(one.amounts)]
    return found


def _links(roles: Roles, tree: Tree) -> Mask:
    """Blocks of a chain, each of which holds the next, as itertools.tee() keeps them: it is the chain that grows."""
    kinds, above = roles.graph.types, tree.parents
    found: Mask = (above >= 0) & (kinds[above] == kinds) & ~container_types(roles)[kinds]
    found[above[found]] = True
    return found


def floor_growth(amounts: Ints) -> Ints:
    """By how much the floor of each series rose since it was first seen. ``amounts``: (moments, series).

    Not much is made of what came from nothing: another object may have had the address before.
    """
    if not amounts.shape[1]:
        return np.zeros(0, dtype=np.int64)
    columns = np.arange(amounts.shape[1])
    low = np.minimum.accumulate(np.where(amounts >= 0, amounts, _NEVER)[::-1], axis=0)[::-1]
    since_there = low[-1] - low[(amounts >= 0).argmax(axis=0), columns]
    since_seen = low[-1] - low[(amounts > 0).argmax(axis=0), columns]
    return np.asarray(np.where(since_there >= _SURELY, since_there, since_seen))


def outgrows_its_falls(amounts: Ints) -> bool:
    """Whether a series rose by more than it ever fell: one that comes and goes does not grow."""
    seen = amounts[amounts >= 0]
    if not len(seen):
        return False
    fall = int((np.maximum.accumulate(seen) - seen).max())
    return bool(floor_growth(amounts[:, None])[0] > fall)


def _scaled(one: Candidate, kind: Kind, unit: int) -> Candidate:
    amounts = np.where(one.amounts > 0, one.amounts * unit, one.amounts)
    return dataclasses.replace(one, kind=kind, amounts=amounts, old_growth=one.old_growth * unit)


# --- what each object bore at each moment -----------------------------------------------------------------------


def _tracks(series: Sequence[Census], slots: Sequence[Slots], last: HeapGraph, from_small: bool) -> Series:
    final = slots[-1]
    amounts = np.full((len(series), len(final.ids)), -1, dtype=np.int64)
    amounts[-1] = final.amounts
    for at, (one, part) in enumerate(zip(series[:-1], slots[:-1], strict=True)):
        amounts[at] = _at(one, part, final, last, from_small)
    by_id = amounts.copy()
    _follow_remade(series, slots, last, amounts)
    return Series(np.searchsorted(last.ids, final.ids), amounts, (amounts > by_id).sum(axis=0))


def _at(one: Census, slots: Slots, final: Slots, last: HeapGraph, from_small: bool) -> Ints:
    """By id, if the type is the same; ``from_small``: what was there but small bore nothing to speak of."""
    found = amounts_of(slots, final.ids)
    kinds = _renamed(one, last)[slots.types] if len(slots.ids) else np.zeros(0, dtype=np.int64)
    places = np.minimum(np.searchsorted(slots.ids, final.ids), max(0, len(slots.ids) - 1))
    other = (found >= 0) & (kinds[places] != final.types) if len(kinds) else found >= 0
    small = (found < 0) & among(one.tracked, final.ids) & from_small
    return np.where(other, -1, np.where(small, 0, found))


def _renamed(one: Census, last: HeapGraph) -> Ints:
    """The last graph's index of each type of an earlier moment; -1 where it has none."""
    known = {name: at for at, name in enumerate(last.type_names)}
    return np.array([known.get(name, -1) for name in one.type_names], dtype=np.int64)


def _follow_remade(series: Sequence[Census], slots: Sequence[Slots], last: HeapGraph, amounts: Ints) -> None:
    """What was not always there may have taken the place of another: the only one of its type that its holder has."""
    final = slots[-1]
    if len(series) < 2 or not len(final.ids):
        return
    places = _places(final.holders, final.types)
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    alone = np.append(True, ordered[1:] != ordered[:-1]) & np.append(ordered[1:] != ordered[:-1], True)
    missing = np.asarray((amounts[len(series) // 4 :] <= 0).any(axis=0))
    remade: Mask = missing[order] & alone & (final.holders[order] > 0)
    chosen, wanted = order[remade], ordered[remade]
    for at, (one, part) in enumerate(zip(series[:-1], slots[:-1], strict=True)):
        found = _largest(_places(part.holders, _renamed(one, last)[part.types]), part.amounts, wanted)
        amounts[at, chosen] = np.maximum(amounts[at, chosen], found)


def _places(holders: npt.NDArray[np.uint64], kinds: Ints | npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
    """A number for a holder and a type of what it refers to."""
    return np.asarray(holders * np.uint64(65_537) + kinds.astype(np.uint64))


def _largest(places: npt.NDArray[np.uint64], amounts: npt.NDArray[np.int32], wanted: npt.NDArray[np.uint64]) -> Ints:
    """The largest amount at each of the places wanted, which are in order; -1 where there is none."""
    found = np.full(len(wanted), -1, dtype=np.int64)
    known = among(wanted, places)
    np.maximum.at(found, np.searchsorted(wanted, places[known]), amounts[known])
    return found


# --- containers of the same role --------------------------------------------------------------------------------


@dataclass
class _Units:
    """Growing nodes in groups: ``of`` is each node's group; ``tops`` is where the group's way up begins."""

    of: Ints
    tops: Ints
    signs: npt.NDArray[np.uint64]
    anchors: list[frozenset[int]]


def _grouped(tracks: Series, growth: Ints, roles: Roles, tree: Tree) -> list[Candidate]:
    if not len(tracks.nodes):
        return []
    signs = roles.graph.types[tracks.nodes].astype(np.uint64) + np.uint64(1)
    empty: frozenset[int] = frozenset()
    units = _Units(np.arange(len(tracks.nodes)), tracks.nodes, signs, [empty] * len(tracks.nodes))
    for _ in range(3):
        merged = _merge(units, roles, tree, growth)
        if merged is None:
            break
        units = merged
    return _as_candidates(units, tracks, growth)


def _merge(units: _Units, roles: Roles, tree: Tree, growth: Ints) -> _Units | None:
    """Join groups that one container holds by the same types; None where there are none such."""
    weights = np.bincount(units.of, weights=growth, minlength=len(units.tops)).astype(np.float64)
    anchor = np.full(len(units.tops), -1, dtype=np.int64)
    key = np.zeros(len(units.tops), dtype=np.uint64)
    above, sign = units.tops.copy(), units.signs.copy()
    usable = _bundles(roles, tree)
    for _ in range(_CLIMB):
        above = np.where(above >= 0, tree.parents[above], -1)
        pair = np.stack([above.astype(np.uint64), sign])
        _, inverse, counts = np.unique(pair, axis=1, return_inverse=True, return_counts=True)
        inverse = inverse.reshape(-1)
        shares = _largest_share(inverse, weights, len(counts))
        fits = (above >= 0) & (anchor < 0) & (counts[inverse] > 1) & (shares[inverse] < _DOMINANT)
        fits &= usable[above] & ((counts[inverse] > 5) | ~_maybe_namespace(above, roles, tree))
        anchor[fits], key[fits] = above[fits], sign[fits]
        sign = sign * np.uint64(1_000_003) + roles.graph.types[above].astype(np.uint64) + np.uint64(1)
    if not (anchor >= 0).any():
        return None
    return _joined(units, anchor, key)


def _joined(units: _Units, anchor: Ints, key: npt.NDArray[np.uint64]) -> _Units:
    alone = np.where(anchor < 0, np.arange(len(anchor)), -1)
    labels = np.stack([anchor.astype(np.uint64), key, alone.astype(np.uint64)])
    _, first, inverse = np.unique(labels, axis=1, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    tops = np.where(anchor >= 0, anchor, units.tops)[first]
    signs = np.where(anchor >= 0, key * np.uint64(1_000_003) + np.uint64(7), units.signs)[first]
    anchors = [units.anchors[at] | ({int(anchor[at])} if anchor[at] >= 0 else set()) for at in first.tolist()]
    return _Units(inverse[units.of], tops, signs, anchors)


def _largest_share(inverse: Ints, weights: npt.NDArray[np.float64], groups: int) -> npt.NDArray[np.float64]:
    sums = np.bincount(inverse, weights=weights, minlength=groups)
    largest = np.zeros(groups)
    np.maximum.at(largest, inverse, weights)
    return np.asarray(largest / np.maximum(sums, 1e-9), dtype=np.float64)


def _bundles(roles: Roles, tree: Tree) -> Mask:
    """Containers that may hold many of a role; not the namespaces of modules and classes."""
    known = container_types(roles)[roles.graph.types] & ~roles.namespaces
    by_class = (tree.parents >= 0) & roles.classes[tree.parents]
    return np.asarray(known & ~by_class)


def _maybe_namespace(nodes: Ints, roles: Roles, tree: Tree) -> Mask:
    """Dictionaries that may be an instance's attributes: then two lists in it are two attributes."""
    parents = np.where(nodes >= 0, tree.parents[nodes], -1)
    dicts = roles.are({"dict"})[nodes]
    containers = container_types(roles)[roles.graph.types[parents]]
    return np.asarray(dicts & (parents >= 0) & ~containers)


def _as_candidates(units: _Units, tracks: Series, growth: Ints) -> list[Candidate]:
    totals = np.bincount(units.of, weights=growth, minlength=len(units.tops))
    best = np.argsort(-totals, kind="stable")[:_MOST]
    order = np.argsort(units.of, kind="stable")
    bounds = np.searchsorted(units.of[order], np.arange(len(units.tops) + 1))
    groups = [(order[bounds[at] : bounds[at + 1]], units.anchors[at]) for at in best.tolist()]
    return [_candidate(places, anchors, tracks, growth) for places, anchors in groups if not _churns(places, tracks)]


def _churns(places: Ints, tracks: Series) -> bool:
    """Whether those of a role come down by more than all of them grew: others lie where those before them lay.

    What grows does not come down. Where items are replaced, the sum of their parts goes up by chance, and at each of
    a few looks it may.
    """
    amounts = tracks.amounts[:, places]
    there = (amounts[:-1] >= 0) & (amounts[1:] >= 0)
    falls = np.where(there, np.maximum(0, amounts[:-1] - amounts[1:]), 0).sum()
    return len(places) > 1 and bool(falls > floor_growth(_sums(amounts)[:, None])[0])


def _sums(amounts: Ints) -> Ints:
    """Of several at each moment; -1 where none is there yet."""
    return np.asarray(np.where((amounts >= 0).any(axis=1), np.maximum(amounts, 0).sum(axis=1), -1))


def _candidate(places: Ints, anchors: frozenset[int], tracks: Series, growth: Ints) -> Candidate:
    amounts = tracks.amounts[:, places]
    sums = _sums(amounts)
    early = amounts[: max(1, len(amounts) // 3)].max(axis=0) >= 0
    chief = int(tracks.nodes[places[int(np.argmax(growth[places]))]])
    remade = int(tracks.remade[places[0]]) if len(places) == 1 else 0
    old = float(growth[places][early].sum())
    return Candidate("container", tracks.nodes[places], chief, sums, anchors, old, remade)
