"""What grows in number below no container that was seen to grow: trees, chains, structures made anew.

Objects of the last graph that were not there early on, of types whose number stayed grown, have a weight: their bytes.
Weights are summed over the tree of the shortest ways from the roots; from the roots the heavy branches are followed to
where they fray: that object holds what grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from memdiag.analysis.census import Census, new_nodes
from memdiag.analysis.roles import CONTAINERS, FUNCTIONS, Mask, Nodes, Roles
from memdiag.analysis.roots import LIBRARY_FRAME, NATIVE, Tree
from memdiag.analysis.series import floor
from memdiag.model import HeapGraph, Ints

Floats = npt.NDArray[np.float64]

_DEEPEST = 300  # levels of the tree that are told apart; what is deeper counts where it leaves that depth
_LEAST_GROWTH = 4  # objects by which a type must have grown to count
_LEAST_BYTES = 2048.0  # that a branch must weigh
_LEAST_OF_LIBRARY = 65536.0
_SHARE = 0.01  # of all that grew, that a branch must weigh
_HEAVY = 0.2  # of its parent's weight: a branch that is followed
_FRAYED = 0.6  # of a weight that heavy branches explain; where they explain less, it frays
_FEWEST_ITEMS = 6
_FEWEST_LARGE = 3  # of items that weigh much by themselves
_LARGE = 0.9  # of a branch's weight that is its first object's own: an item, not a way to go on
_REPEATS = 3  # of types on the way down that make a chain
_REPEATS_OF_CONTAINERS = 12
_AS_MANY = 0.1  # of what atexit is to call, by which roots of that type may differ
_PERIOD = 8  # objects from one of a type to the next
_MOST = 12


@dataclass
class Forest:
    """The tree of the shortest ways, by levels. ``depths`` has the shape (nodes)."""

    parents: Nodes
    depths: Nodes
    lifted: Nodes  # each node, or its forebear at the deepest level that is told apart
    levels: list[Nodes] = field(default_factory=list)  # nodes of each level, roots first


def forest(tree: Tree) -> Forest:
    here = np.arange(len(tree.parents), dtype=np.int32)
    parents = np.where(tree.parents < 0, here, tree.parents).astype(np.int32)
    depths = tree.depths
    lifted = np.where(depths <= _DEEPEST, here, parents).astype(np.int32)
    while (depths[lifted] > _DEEPEST).any():
        lifted = lifted[lifted]
    shallow = np.flatnonzero((depths <= _DEEPEST) & (tree.tiers > 0)).astype(np.int32)
    ordered = shallow[np.argsort(depths[shallow], kind="stable")]
    cuts = np.searchsorted(depths[ordered], np.arange(1, int(depths[ordered].max(initial=0)) + 1))
    return Forest(tree.parents, depths, lifted, np.split(ordered, cuts))


def subtree_sums(woods: Forest, weights: Floats, closed: Mask | None = None) -> Floats:
    """What each node and all below it weigh; nothing leaves a ``closed`` node upwards. Shape (nodes)."""
    sums: Floats = np.bincount(woods.lifted, weights=weights, minlength=len(weights)).astype(np.float64)
    for nodes in woods.levels[:0:-1]:
        rising = nodes if closed is None else nodes[~closed[nodes]]
        np.add.at(sums, woods.parents[rising], sums[rising])
    return sums


@dataclass(frozen=True)
class Weights:
    """What grew: bytes of each new object of a growing type (nodes), and by how many each type grew (types)."""

    bytes: Floats
    fresh: Mask
    growth: Ints
    counts: Ints  # of each type of the last graph at each moment, shape (moments, types)


def weigh(series: Sequence[Census], last: HeapGraph, tree: Tree, explained: Mask) -> Weights:
    """``explained`` is what is held by containers that were seen to grow: so much of each type's growth is told."""
    early = len(series) // 4
    counts = type_counts(series, last)
    floors = np.array([floor(column) for column in counts[early:].T]).T
    growth = (floors[-1] - floors[0]).astype(np.int64)
    fresh = _with_parts(new_nodes(last, series[early]), last, tree)
    told = np.bincount(last.types[fresh & explained], minlength=len(growth))
    fresh &= ~explained
    growth = growth - told
    growth[growth < _LEAST_GROWTH] = 0
    born = np.bincount(last.types[fresh], minlength=len(growth))
    kept = np.minimum(1.0, growth / np.maximum(born, 1))
    return Weights(np.where(fresh, last.sizes * kept[last.types], 0.0), fresh, growth, counts)


def _with_parts(fresh: Mask, last: HeapGraph, tree: Tree) -> Mask:
    """What the collector does not track is as new as what holds it."""
    inner = np.flatnonzero(~last.tracked & (tree.parents >= 0) & (tree.tiers > 0))
    for _ in range(3):
        fresh[inner] |= fresh[tree.parents[inner]]
    return fresh


def type_counts(series: Sequence[Census], last: HeapGraph) -> Ints:
    """How many there were of each type of the last graph, shape (moments, types)."""
    known = {name: at for at, name in enumerate(last.type_names)}
    found = np.zeros((len(series), len(last.type_names)), dtype=np.int64)
    for at, one in enumerate(series):
        for name, count in zip(one.type_names, one.counts.tolist(), strict=True):
            if name in known:
                found[at, known[name]] += count
    return found


@dataclass(frozen=True)
class Multitude:
    """A node that holds, directly or by a chain that it begins, many of what is new."""

    node: int
    chain: bool
    weight: float
    registered: Nodes | None = None  # what atexit is to call: no object holds it, and the node is but the first


class Descent:
    """From the roots down the heavy branches."""

    def __init__(self, roles: Roles, tree: Tree, woods: Forest, weights: Weights, closed: Mask) -> None:
        self._roles, self._tree, self._weights = roles, tree, weights
        self._sums = subtree_sums(woods, weights.bytes, closed)
        heavy = np.flatnonzero((self._sums > 0) & (tree.tiers > 0) & ~closed & (woods.depths <= _DEEPEST))
        order = heavy[np.argsort(tree.parents[heavy], kind="stable")]
        self._children, self._keys = order, tree.parents[order]
        total = float(self._sums[heavy[tree.parents[heavy] < 0]].sum())
        self._least = max(_LEAST_BYTES, _SHARE * total)

    def find(self) -> list[Multitude]:
        found: list[Multitude] = []
        pending: list[tuple[int, tuple[int, ...]]] = [(root, (root,)) for root in self._below(-1)]
        while pending and len(found) < 4 * _MOST:
            node, way = pending.pop(0)
            head = self._chain(way)
            if head is not None:
                found.append(Multitude(head, True, float(self._sums[head])))
                continue
            children, frayed = self._followed(node)
            if frayed:
                found.append(Multitude(node, False, float(self._sums[node])))
            pending += [(child, (*way, child)) for child in children]
        unique = {one.node: one for one in [*found, *self._registered()]}
        return sorted(unique.values(), key=lambda one: -one.weight)[:_MOST]

    def _registered(self) -> list[Multitude]:
        """What ``atexit`` is to call, where that is mostly of one type: roots that are as many as it counts.

        Of other roots of a type nothing is said: types made in C may hide what they hold, and these may be anybody's.
        """
        graph = self._roles.graph
        callables = self._roles.of_types(FUNCTIONS) | self._roles.own_types
        roots = np.flatnonzero((self._tree.tiers == NATIVE) & (self._tree.parents < 0) & callables[graph.types])
        counts = np.bincount(graph.types[roots])
        many = (counts >= _FEWEST_ITEMS) & (abs(counts - graph.exit_callbacks) <= _AS_MANY * graph.exit_callbacks)
        groups = [roots[graph.types[roots] == kind].astype(np.int32) for kind in np.flatnonzero(many).tolist()]
        return [Multitude(int(nodes[0]), False, float(self._sums[nodes].sum()), nodes) for nodes in groups]

    def items(self, node: int) -> Ints:
        """What is directly below a node, and has grown or bears what has."""
        start, end = np.searchsorted(self._keys, [node, node + 1])
        return self._children[start:end]

    def _below(self, node: int) -> list[int]:
        children = self.items(node)
        library = self._tree.tiers[children] >= LIBRARY_FRAME
        least = np.where(library, np.maximum(self._least, _LEAST_OF_LIBRARY), self._least)
        kept = children[self._sums[children] >= least]
        chosen: list[int] = kept[np.argsort(-self._sums[kept], kind="stable")].tolist()
        return chosen

    def _followed(self, node: int) -> tuple[list[int], bool]:
        """The branches to go on with; and whether what is left of the node's weight is spread over many items."""
        children, total = self._below(node), float(self._sums[node])
        heavy = [child for child in children if self._sums[child] >= _HEAVY * total]
        large = [child for child in heavy if self._weights.bytes[child] >= _LARGE * self._sums[child]]
        if len(large) < _FEWEST_LARGE:
            large = []
        explained = float(sum(self._sums[child] for child in heavy if child not in large))
        items = max(len(self.items(node)), _FEWEST_ITEMS if large else 0)
        bears_names = self._names(node)
        if bears_names or explained >= _FRAYED * total or items < _FEWEST_ITEMS:
            return (children if bears_names else heavy), False
        return heavy, True

    def _chain(self, way: Sequence[int]) -> int | None:
        """The first of the types that come again and again on the way down, the one that a person would name."""
        kinds = self._roles.graph.types[list(way)].tolist()
        period = next((back for back in range(1, _PERIOD + 1) if kinds[-1 - back : -back] == kinds[-1:]), 0)
        if not period:
            return None
        begin = len(kinds) - 1
        while begin - period >= 0 and kinds[begin - period] == kinds[begin] and not self._names(way[begin - period]):
            begin -= 1
        begin -= period - 1 if begin - period < 0 or kinds[begin - period] != kinds[begin] else 0
        run = way[max(0, begin) :]
        ranks = [self._plainness(int(self._roles.graph.types[node])) for node in run[:period]]
        repeats = _REPEATS if min(ranks) < 2 else _REPEATS_OF_CONTAINERS
        if len(run) < (repeats + 1) * period or not self._weights.growth[kinds[-1]]:
            return None
        return run[ranks.index(min(ranks))]

    def _names(self, node: int) -> bool:
        """Whether a node is a module or class, or a module's namespace: its references are names."""
        return bool(self._roles.namespaces[node] or self._roles.modules[node] or self._roles.classes[node])

    def _plainness(self, kind: int) -> int:
        if self._roles.own_types[kind]:
            return 0
        return 2 if self._roles.graph.type_names[kind] in CONTAINERS | {"cell"} else 1
