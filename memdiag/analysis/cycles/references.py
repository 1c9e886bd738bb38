"""The references within one component of cycles, told apart by what they are: to cut one is to cut all that are alike.

Alike are references from objects of one type, at the same place in each of them, to objects of one type: an attribute
has the same place in all instances, since these visit what they refer to in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.roles import CONTAINERS, Mask, Roles
from memdiag.model import Ints

_MOST_KINDS = 40  # of references, that are asked for
_LARGEST_PLACE = 255
_WIDE = 30  # references from which on a dictionary is somebody's data, and no object's attributes
_IN_BETWEEN = CONTAINERS | {"cell"}  # what is named by who refers to it

Pair = tuple[int, int]


@dataclass(frozen=True)
class Kind:
    """References that are alike. ``edges`` are places among the web's; ``pair`` is one of them, ``bearer`` what refers
    to its source (-1: nothing within)."""

    edges: Ints
    pair: Pair
    bearer: int


@dataclass(frozen=True)
class Web:
    """One component, and what would be freed with it.

    ``nodes``, of the heap, members first; ``sources`` and ``targets`` of shape (edges) are places among these.
    """

    nodes: Ints
    members: int
    sizes: Ints
    sources: Ints
    targets: Ints
    kinds: tuple[Kind, ...]

    @property
    def asked(self) -> tuple[Pair, ...]:
        pairs = [kind.pair for kind in self.kinds]
        return (*pairs, *((kind.bearer, kind.pair[0]) for kind in self.kinds if kind.bearer >= 0))


def web(roles: Roles, part: Ints, cycle: Sequence[int]) -> Web:
    """The web of one component; the references along ``cycle`` are told apart before all others."""
    heap = roles.graph
    nodes = np.concatenate([part, _hangers(roles, part)])
    place = np.full(len(heap.ids), -1, dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    edges, owners = edges_of(roles, nodes)
    inside = place[heap.targets[edges]] >= 0
    edges, owners = edges[inside], owners[inside]
    sources, targets = place[owners], place[heap.targets[edges]]
    return Web(
        nodes=nodes,
        members=len(part),
        sizes=heap.sizes[nodes],
        sources=sources,
        targets=targets,
        kinds=_kinds(roles, nodes, len(part), edges, sources, targets, cycle),
    )


def edges_of(roles: Roles, nodes: Ints) -> tuple[Ints, Ints]:
    """The references of these nodes, and of each whose it is."""
    heap = roles.graph
    begins = heap.starts[nodes]
    degrees = heap.starts[nodes + 1] - begins
    places = np.arange(int(degrees.sum())) + np.repeat(begins - np.cumsum(degrees) + degrees, degrees)
    return places, np.repeat(nodes, degrees)


def _hangers(roles: Roles, part: Ints) -> Ints:
    """What nothing but these refer to, and nothing but that in turn: counting references, as freeing them would."""
    heap = roles.graph
    known = np.where(heap.tracked, heap.refcounts, roles.referred)
    inside = np.zeros(len(heap.ids), dtype=np.bool_)
    inside[part] = True
    seen = np.zeros(len(heap.ids), dtype=np.int64)
    layer, found = part, []
    while len(layer):
        targets = heap.targets[edges_of(roles, layer)[0]]
        targets, times = np.unique(targets[~inside[targets]], return_counts=True)
        seen[targets] += times
        layer = targets[seen[targets] >= known[targets]].astype(np.int64)
        inside[layer] = True
        found.append(layer)
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _kinds(
    roles: Roles, nodes: Ints, members: int, edges: Ints, sources: Ints, targets: Ints, cycle: Sequence[int]
) -> tuple[Kind, ...]:
    among = np.flatnonzero((sources < members) & (targets < members))
    keys = _keys(roles, nodes, edges[among], sources[among], targets[among])
    known, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    counts = np.bincount(inverse, minlength=len(known))
    along = _along(nodes, sources[among], targets[among], cycle)
    rank = np.lexsort((-counts, np.array([at not in set(inverse[along].tolist()) for at in range(len(known))])))
    samples = {int(inverse[at]): at for at in reversed(along)}
    return tuple(
        Kind(
            edges=among[inverse == number],
            pair=(int(nodes[sources[among[at]]]), int(nodes[targets[among[at]]])),
            bearer=_bearer(roles, nodes, sources, targets, int(sources[among[at]])),
        )
        for number in rank[:_MOST_KINDS].tolist()
        for at in [samples.get(number, int(first[number]))]
    )


def _keys(roles: Roles, nodes: Ints, edges: Ints, sources: Ints, targets: Ints) -> Ints:
    """A number for each reference, the same for those that are alike."""
    heap = roles.graph
    owners = nodes[sources]
    degrees = roles.degrees[owners]
    ordered = ~_unordered(roles)[heap.types[owners]] | (roles.are({"dict"})[owners] & (degrees < _WIDE))
    places = np.where(ordered, np.minimum(edges - heap.starts[owners], _LARGEST_PLACE), 0)
    widths = np.where(ordered, np.minimum(degrees, _LARGEST_PLACE), 0)
    kinds = heap.types.astype(np.int64)
    return np.asarray(((kinds[owners] << 20 | kinds[nodes[targets]]) << 16) | widths << 8 | places, dtype=np.int64)


def _unordered(roles: Roles) -> Mask:
    """Types whose references have no place of their own. Shape (types)."""
    return roles.of_types(CONTAINERS)


def _along(nodes: Ints, sources: Ints, targets: Ints, cycle: Sequence[int]) -> list[int]:
    """The references of the cycle, in order, as far as they are there."""
    found = []
    for source, target in zip(cycle, [*cycle[1:], *cycle[:1]], strict=True):
        at = np.flatnonzero((nodes[sources] == source) & (nodes[targets] == target))
        found += at[:1].tolist()
    return found


def _bearer(roles: Roles, nodes: Ints, sources: Ints, targets: Ints, source: int) -> int:
    """What refers to a dictionary, a tuple or a cell: it may be an object's, or a function's, own."""
    if roles.graph.type_names[roles.graph.types[nodes[source]]] not in _IN_BETWEEN:
        return -1
    above = nodes[sources[targets == source]]
    plain = above[~roles.of_types(CONTAINERS)[roles.graph.types[above]]]
    chosen = plain if len(plain) else above
    return int(chosen[0]) if len(chosen) else -1
