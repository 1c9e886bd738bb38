"""What grows in a heap over a series of snapshots, and what holds it: evidence for a judge, no verdict.

``inquire`` finds candidates and says what it must know of them, while the last heap is still there; ``populations``
tells, from the answers, what they are in a person's words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memdiag.analysis.aliases import attribute_trails
from memdiag.analysis.census import Census, amounts_of, census, new_nodes
from memdiag.analysis.growers import Candidate, floor_growth, growing, outgrows_its_falls
from memdiag.analysis.items import Items, describe, items_of, sites_of
from memdiag.analysis.multitudes import Descent, Multitude, forest, subtree_sums, weigh
from memdiag.analysis.origin import is_library
from memdiag.analysis.others import other_trails
from memdiag.analysis.patterns import pattern_of
from memdiag.analysis.retained import Retention, nearest
from memdiag.analysis.roles import ATOMS, CACHE, WEAK, Mask, Roles
from memdiag.analysis.roots import OWN_TRACEBACK, Tree, spanning_tree
from memdiag.analysis.waiting import waiting
from memdiag.analysis.wording import REGISTERED, Narrator, Way
from memdiag.model import Answers, HeapEvidence, HeapGraph, Ints, Named, Population, Questions, Site

_MOST = 30  # populations
_MOST_OF_LIBRARIES = 8
_ITEMS_ASKED = 2  # items of each holder that are asked for
_GARBAGE_TYPES = 8
_STEADY = 0.8  # of a container's length that it had halfway already
_BRANCHING = 20  # times as many as lie on the longest way
_LEAST_COUNT = 4  # by which a type must have grown


@dataclass(frozen=True)
class Case:
    """A candidate, and what the heap itself says of it."""

    candidate: Candidate
    trail: tuple[int, ...]
    items: Items
    others: tuple[tuple[int, ...], ...]
    retained_bytes: int
    reachable_bytes: int
    sites: tuple[Site, ...]
    aliases: tuple[tuple[int, ...], ...] = ()
    branching: bool = False


@dataclass(frozen=True)
class Inquiry:
    """What was found, and the questions to the heap that its wording needs."""

    series: tuple[Census, ...]
    roles: Roles
    tree: Tree
    cases: tuple[Case, ...]
    questions: Questions

    @property
    def own_types(self) -> frozenset[str]:
        """Names of the classes that the program defines itself."""
        graph = self.roles.graph
        return frozenset(name for name, own in zip(graph.type_names, self.roles.own_types, strict=True) if own)


def inquire(series: Sequence[Census], last: HeapGraph) -> Inquiry:
    """Find what may grow. ``series`` are the moments in order; that of ``last`` is added if it is not among them."""
    if not series or series[-1].moment != last.moment:
        series = [*series, census(last)]
    roles = Roles(last)
    tree = spanning_tree(last, roles)
    search = _Search(series, last, roles, tree)
    cases = search.cases()
    return Inquiry(tuple(series), roles, tree, tuple(cases), _questions(last, cases))


class _Search:
    def __init__(self, series: Sequence[Census], last: HeapGraph, roles: Roles, tree: Tree) -> None:
        self._series, self._last, self._roles, self._tree = series, last, roles, tree
        self._woods = forest(tree)

    def cases(self) -> list[Case]:
        grown = self._outermost(growing(self._series, self._last, self._roles, self._tree))
        closed = self._roles.of_abstract_classes.copy()
        for one in grown:
            closed[one.members] = True
        below = nearest(self._tree, [np.flatnonzero(closed)]) >= 0
        self._fresh = new_nodes(self._last, self._series[len(self._series) // 4])
        self._weights = weigh(self._series, self._last, self._tree, below)
        descent = Descent(self._roles, self._tree, self._woods, self._weights, closed)
        found = grown + self._multitudes(descent, descent.find())
        return self._examined(self._chosen(found))

    def _outermost(self, candidates: list[Candidate]) -> list[Candidate]:
        """Without inner parts of items, which grow in number because the items do."""
        holding = Counter({int(node): at for at, one in enumerate(candidates) for node in one.members.tolist()})
        kept = []
        for at, one in enumerate(candidates):
            above = self._tree.trail(one.chief)[:-1]
            outer = [holding[node] for node in above if node in holding and holding[node] != at]
            growth = float(floor_growth(one.amounts[:, None])[0])
            cached = bool(above) and holding.get(above[-1]) is not None and _type(self._last, above[-1]) == CACHE
            if not cached and (not outer or one.old_growth * 3 >= growth):
                kept.append(one)
        return kept

    def _multitudes(self, descent: Descent, found: list[Multitude]) -> list[Candidate]:
        """As candidates; the beginnings of one chain (its head and its tail) are one."""
        grouped: dict[tuple[int, int, bool], list[int]] = {}
        registered = [one.registered for one in found if one.registered is not None]
        for one in (one for one in found if one.registered is None):
            parent = int(self._tree.parents[one.node]) if one.chain else one.node
            kind = int(self._last.types[one.node])
            grouped.setdefault((parent, kind, one.chain), []).append(one.node)
        candidates = []
        for (parent, kind, chain), nodes in grouped.items():
            if chain and parent >= 0:
                nodes = self._beginnings(parent, kind)
            items = descent.items(nodes[0])
            if not chain and self._only_replaces(nodes[0], items):
                continue
            amounts = self._amounts(nodes, kind if chain else describe(items, self._roles).kind)
            if amounts is not None:
                word = "chain" if chain else "type"
                candidates.append(Candidate(word, np.array(nodes, dtype=np.int64), nodes[0], amounts))
        roots = [self._registered(nodes.astype(np.int64)) for nodes in registered]
        return candidates + [one for one in roots if one is not None]

    def _registered(self, nodes: Ints) -> Candidate | None:
        """What atexit is to call, as a candidate: its items are the roots themselves."""
        amounts = self._amounts(nodes.tolist(), describe(nodes, self._roles).kind)
        return None if amounts is None else Candidate("roots", nodes, int(nodes[0]), amounts)

    def _beginnings(self, parent: int, kind: int) -> list[int]:
        """All of a type directly below a node: a chain's head and its tail."""
        start, end = int(self._last.starts[parent]), int(self._last.starts[parent + 1])
        targets = dict.fromkeys(self._last.targets[start:end].tolist())
        return [node for node in targets if self._last.types[node] == kind and self._tree.parents[node] == parent]

    def _only_replaces(self, node: int, items: Ints) -> bool:
        """Whether a container was there all the time and did not grow: its new items took the place of others."""
        middle = self._series[len(self._series) // 2].containers
        before = int(amounts_of(middle, self._last.ids[[node]])[0])
        steady = before >= _STEADY * self._roles.degrees[node]
        return bool(steady and self._fresh[items].mean() > 0.5)

    def _amounts(self, nodes: list[int], kind: int) -> Ints | None:
        """How many of a type there were below these nodes: as many fewer as there were fewer in the whole heap."""
        if kind < 0 or self._last.type_names[kind] in ATOMS:
            return None
        counts = self._weights.counts[:, kind]
        mask = (self._last.types == kind).astype(np.float64)
        held = int(subtree_sums(self._woods, mask)[nodes].sum())
        amounts = np.maximum(0, counts - (counts[-1] - held))
        grown = floor_growth(amounts[:, None])[0] >= _LEAST_COUNT and outgrows_its_falls(amounts)
        return amounts if grown else None

    def _chosen(self, candidates: list[Candidate]) -> list[Candidate]:
        """Those with the most bytes below them that are new; few where only libraries are concerned."""
        below = subtree_sums(self._woods, self._last.sizes.astype(np.float64))
        ranked = sorted(candidates, key=lambda one: -self._weight(one, below))
        own = [one for one in ranked if self._tree.tiers[one.chief] <= OWN_TRACEBACK]
        others = [one for one in ranked if self._tree.tiers[one.chief] > OWN_TRACEBACK]
        return own[: _MOST - min(len(others), _MOST_OF_LIBRARIES)] + others[:_MOST_OF_LIBRARIES]

    @staticmethod
    def _weight(one: Candidate, below: np.ndarray) -> float:
        growth = float(floor_growth(one.amounts[:, None])[0])
        return float(below[one.members].sum()) * growth / max(1.0, float(one.amounts[-1]))

    def _examined(self, candidates: list[Candidate]) -> list[Case]:
        retention = Retention(self._last, self._roles, self._tree, [one.members for one in candidates])
        return [self._case(number, one, retention) for number, one in enumerate(candidates)]

    def _case(self, number: int, one: Candidate, retention: Retention) -> Case:
        trail = self._tree.trail(one.chief)
        items = self._items(one)
        let_go_by = int(self._tree.parents[one.chief]) if one.kind in ("chain", "object") else -1
        members = set(one.members.tolist())
        others = other_trails(items, members, self._roles, self._tree) if one.kind == "container" else ()
        return Case(
            candidate=one,
            trail=trail,
            items=items,
            others=others,
            retained_bytes=retention.of(number, let_go_by).retained_bytes,
            reachable_bytes=retention.reachable_bytes(number),
            sites=sites_of(items, self._series, self._last),
            aliases=attribute_trails(one.chief, self._roles, self._tree) if one.kind == "container" else (),
            branching=one.kind == "chain" and self._branches(one),
        )

    def _branches(self, one: Candidate) -> bool:
        """Whether there are far more than lie on the longest way down: a tree, and no chain."""
        depths = self._tree.depths[self._last.types == self._last.types[one.chief]]
        longest = int(depths.max()) - int(self._tree.depths[one.chief])
        return bool(one.amounts[-1] > _BRANCHING * max(1, longest))

    def _items(self, one: Candidate) -> Items:
        if one.kind in ("object", "chain", "roots"):
            return describe(one.members, self._roles)
        return items_of(one.members, self._roles, self._fresh)


def _questions(graph: HeapGraph, cases: Sequence[Case]) -> Questions:
    edges: dict[tuple[int, int], None] = {}
    objects: dict[int, None] = {}
    for case in cases:
        for trail in (case.trail, *case.others, *case.aliases):
            ids = [int(graph.ids[node]) for node in trail]
            edges.update(dict.fromkeys(pairwise(ids)))
            objects.update(dict.fromkeys(ids))
        objects.update(dict.fromkeys(int(graph.ids[node]) for node in case.items.nodes[:_ITEMS_ASKED]))
    return Questions(tuple(edges), tuple(objects))


# --- in words ---------------------------------------------------------------------------------------------------


def populations(inquiry: Inquiry, answers: Answers) -> HeapEvidence:
    """The evidence, the heaviest first."""
    narrator = Narrator(inquiry.roles, inquiry.tree, answers)
    graph = inquiry.roles.graph
    lost: Mask = (inquiry.tree.tiers == 0) & graph.tracked
    told = [_population(case, inquiry, narrator, answers) for case in inquiry.cases]
    return HeapEvidence(
        moments=tuple(one.moment for one in inquiry.series),
        populations=tuple(_distinct(told)),
        objects=tuple(one.objects for one in inquiry.series),
        heap_bytes=tuple(one.bytes for one in inquiry.series),
        small_bytes=tuple(one.small_bytes for one in inquiry.series),
        large_bytes=tuple(one.large_bytes for one in inquiry.series),
        own_bytes=tuple(one.own_bytes for one in inquiry.series),
        traced=any(len(one.traced) for one in inquiry.series),
        garbage_objects=int(lost.sum()),
        garbage_bytes=int(graph.sizes[inquiry.tree.tiers == 0].sum()),
        garbage_types=_commonest(graph, lost),
        waiting=waiting([one.open_garbage for one in inquiry.series]),
        unheard=graph.unheard,
    )


def _distinct(told: Sequence[Population]) -> list[Population]:
    """One for each path; the first of a path is the heaviest."""
    found: dict[tuple[str, str], Population] = {}
    for one in sorted(told, key=lambda one: (one.library, -one.retained_bytes)):
        found.setdefault((one.path, one.holder_type), one)
    return list(found.values())


def _commonest(graph: HeapGraph, those: Mask) -> tuple[tuple[str, int], ...]:
    counts = np.bincount(graph.types[those], minlength=len(graph.type_names))
    kinds = sorted(np.flatnonzero(counts).tolist(), key=lambda kind: (-counts[kind], graph.type_names[kind]))
    return tuple((graph.type_names[kind], int(counts[kind])) for kind in kinds[:_GARBAGE_TYPES])


def _population(case: Case, inquiry: Inquiry, narrator: Narrator, answers: Answers) -> Population:
    one, roles, graph = case.candidate, inquiry.roles, inquiry.roles.graph
    way = REGISTERED if one.kind == "roots" else narrator.tell(case.trail, one.spread)
    cache = len(case.trail) > 1 and _type(graph, case.trail[-2]) == CACHE
    holder = case.trail[-2] if cache else one.chief
    facts = answers.objects.get(int(graph.ids[holder]))
    cached = cache or _type(graph, holder) == CACHE
    return Population(
        kind="type" if one.kind == "roots" else one.kind,  # type: ignore[arg-type]
        path=f"{way.text} (functools cache)" if cached else way.text,
        holder_type=roles.name(next((at for at in case.trail[-3:-1] if _type(graph, at) in WEAK), holder)),
        owner=way.owner,
        item_type=case.items.name,
        counts=_counts(case, graph, answers),
        sizes=tuple(one.amounts.clip(min=0).tolist()) if one.kind == "object" else (),
        retained_bytes=case.retained_bytes,
        reachable_bytes=max(case.reachable_bytes, case.retained_bytes),
        others=tuple(dict.fromkeys(narrator.tell(trail).text for trail in case.others)),
        limit=facts.limit if facts is not None else None,
        unset=next((known.unset for at in case.trail[-2:-4:-1] if (known := narrator.facts(at)).unset), ()),
        pattern=pattern_of(case.trail, case.items, way, one.kind, roles),
        via=tuple(roles.name(node) for node in case.trail),
        sites=case.sites,
        owner_module=way.module,
        owner_file=way.file,
        attribute=way.attribute,
        library=_of_library(case, way, inquiry),
        remade=one.remade,
        aliases=tuple(_named(narrator.tell(trail)) for trail in case.aliases),
        branching=case.branching,
    )


def _named(way: Way) -> Named:
    return Named(way.text, way.owner, way.module, way.file, way.attribute)


def _type(graph: HeapGraph, node: int) -> str:
    return graph.type_names[int(graph.types[node])]


def _counts(case: Case, graph: HeapGraph, answers: Answers) -> tuple[int, ...]:
    """Items, from references: a dictionary may bear two for each of its items, a functools cache three."""
    one = case.candidate
    if one.kind == "object":
        return tuple(np.where(one.amounts < 0, -1, 1).tolist())
    facts = answers.objects.get(int(graph.ids[one.chief]))
    if one.kind != "container" or facts is None or not facts.length:
        return tuple(one.amounts.tolist())
    borne = int(graph.starts[one.chief + 1] - graph.starts[one.chief])
    each = max(1, round(borne / facts.length))
    spare = max(0, borne - each * facts.length) if len(one.members) == 1 else 0
    counts = np.where(one.amounts < 0, -1, np.maximum(0, one.amounts - spare) // each)
    return tuple(counts.tolist())


def _of_library(case: Case, way: Way, inquiry: Inquiry) -> bool:
    """Whether neither what holds nor what is held is of the program's own."""
    roles = inquiry.roles
    kinds = roles.graph.types[list(case.trail)]
    if roles.own_types[kinds].any() or (case.items.kind >= 0 and roles.own_types[case.items.kind]):
        return False
    own_root = inquiry.tree.tiers[case.trail[0]] <= OWN_TRACEBACK
    return not own_root or (bool(way.root_file) and is_library(way.root_file))
