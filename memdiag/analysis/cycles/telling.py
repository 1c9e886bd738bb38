"""An examined look in words, once the heap has answered: free of the graph, so that many looks fit into memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from memdiag.analysis.cycles.circle import Step, describe_cycle
from memdiag.analysis.cycles.cuts import Freed, Reference, weighed
from memdiag.analysis.cycles.patterns import pattern_of
from memdiag.analysis.cycles.references import Kind
from memdiag.analysis.cycles.shapes import LONGEST
from memdiag.analysis.cycles.stage import Cluster, Examination, classes_of
from memdiag.analysis.items import own_line
from memdiag.analysis.roles import CACHE, CONTAINERS, Mask
from memdiag.analysis.wording import Narrator, Way
from memdiag.model import Answers, Cut, CycleCluster, HeapGraph, Ints, ObjectFacts, Site

Ids = npt.NDArray[np.uint64]

_SITES = 3
_UNNAMED = {"", ".__dict__", ".__class__", ".cell_contents", ".__closure__", ".__globals__", ".frame"}


@dataclass(frozen=True)
class Told:
    """A cluster, the ids and types of its members, of each class among these the file that defines it, and its holder.

    ``containers`` are those on the way to it, the nearest last: ids, and references borne; ``way`` is what a source
    calls the holder.
    """

    cluster: CycleCluster
    ids: Ids
    types: Counter[str] = field(default_factory=Counter)
    files: tuple[tuple[str, str], ...] = ()
    containers: tuple[tuple[int, int], ...] = ()
    way: Way = field(default_factory=Way)


@dataclass(frozen=True)
class Stage:
    """One look, as far as the conclusion needs it. The arrays of ids are in order; counts are by bare type names."""

    ids: Ids  # of all that the collector tracks
    waiting: Ids  # members of the program's cycles that are garbage
    living: Ids  # members that something reaches
    waiting_types: Counter[str]
    living_types: Counter[str]
    built_in: frozenset[str]  # types
    garbage: int  # tracked objects that await the collector
    heap_bytes: int
    kept_bytes: int  # that living cycles and what only they keep come to
    library: int
    clusters: tuple[Told, ...]

    @property
    def members(self) -> int:
        return len(self.waiting) + len(self.living)


def tell(found: Examination, answers: Answers) -> Stage:
    """The look in words."""
    heap = found.graph
    teller = _Teller(found, answers)
    living = [cluster.retained for cluster in found.clusters if not cluster.waiting]
    return Stage(
        ids=heap.ids[heap.tracked],
        waiting=heap.ids[found.waiting],
        living=heap.ids[found.living],
        waiting_types=_count(found, found.waiting),
        living_types=_count(found, found.living),
        built_in=frozenset(
            name for name, module in zip(heap.type_names, heap.type_modules, strict=True) if module == "builtins"
        ),
        garbage=int(found.garbage.sum()),
        heap_bytes=int(heap.sizes.sum()),
        kept_bytes=int(heap.sizes[np.unique(np.concatenate(living))].sum()) if living else 0,
        library=found.library,
        clusters=tuple(map(teller.tell, found.clusters)),
    )


def _ended(heap: HeapGraph) -> str:
    """The function at whose end the look was taken, if no earlier look has told what its variables are called."""
    _, at_an_end, name = heap.moment.label.partition("end of ")
    bare = name.removesuffix("()").rpartition(".")[2]
    known = any(frame.function.rpartition(".")[2] == bare and frame.locals for frame in heap.frames)
    return name if at_an_end and not known else ""


def _count(found: Examination, members: Mask | Ints) -> Counter[str]:
    heap = found.graph
    counts = np.bincount(heap.types[members], minlength=len(heap.type_names))
    by_name: Counter[str] = Counter()
    for kind in np.flatnonzero(counts).tolist():
        by_name[_bare(heap, kind)] += int(counts[kind])
    return by_name


def _bare(heap: HeapGraph, kind: int) -> str:
    return bare_name(heap.type_names[kind], heap.type_modules[kind])


def bare_name(name: str, module: str) -> str:
    """A type without its module and, of a local class, without the function that it was made in."""
    return name.removeprefix(f"{module}.").rpartition("<locals>.")[2]


class _Teller:
    def __init__(self, found: Examination, answers: Answers) -> None:
        self._found, self._answers = found, answers
        self._roles, self._heap = found.roles, found.graph
        self._narrator = Narrator(found.roles, found.tree, answers, _ended(found.graph))

    def tell(self, cluster: Cluster) -> Told:
        heap = self._heap
        shape, edges = self._circle(cluster)
        pattern = pattern_of(shape, edges)
        members = np.concatenate(cluster.members)
        way = self._way(cluster.trail)
        containers = [node for node in cluster.trail[:-1] if heap.type_names[heap.types[node]] in CONTAINERS]
        limits = [limit for node in containers if (limit := self._facts(node).limit) is not None]
        classes = {kind: self._answers.objects.get(key) for kind, key in classes_of(heap, cluster).items()}
        return Told(
            CycleCluster(
                shape=shape,
                edges=edges,
                count=len(cluster.members),
                objects=cluster.objects,
                size_bytes=int(heap.sizes[members].sum()),
                state="waiting" if cluster.waiting else "reachable",
                holder=way.text,
                holder_owner=way.owner,
                holder_module=way.module,
                holder_limit=limits[-1] if limits else None,
                pattern=pattern,
                retained_objects=len(cluster.retained),
                retained_bytes=int(heap.sizes[cluster.retained].sum()),
                is_key=cluster.is_key,
                finalizer=next((known.finalizer for known in classes.values() if known and known.finalizer), ""),
                others=tuple(dict.fromkeys(self._way(way).text for way in cluster.others)),
                cuts=() if pattern == "class" else tuple(self._cuts(cluster)),
                sites=self._sites(members),
            ),
            np.sort(heap.ids[members]),
            _count(self._found, members),
            tuple((_bare(heap, kind), known.file) for kind, known in classes.items() if known and known.file),
            tuple(
                (int(heap.ids[node]), int(self._roles.degrees[node]))
                for node in containers
                if not self._roles.namespaces[node]
            ),
            way,
        )

    def _way(self, trail: Sequence[int]) -> Way:
        """The way to the cycles; in a functools cache up to that, whose own parts say nothing."""
        kinds = [self._heap.type_names[self._heap.types[node]] for node in trail]
        if CACHE not in kinds:
            return self._narrator.tell(trail) if trail else Way()
        way = self._narrator.tell([*trail[: kinds.index(CACHE) + 1]])
        way.text = f"{way.text} (functools cache)"
        return way

    def _circle(self, cluster: Cluster) -> tuple[tuple[str, ...], tuple[str, ...]]:
        whole = len(cluster.cycle) < LONGEST
        shape, edges = describe_cycle(self._steps([*cluster.cycle, cluster.cycle[0]] if whole else cluster.cycle))
        return (shape, edges) if whole else ((*shape, "..."), (*edges, ""))

    def _steps(self, trail: Sequence[int]) -> list[Step]:
        labels = [self._label(pair) for pair in pairwise(trail)]
        return [Step(self._roles.name(node), edge) for node, edge in zip(trail, [*labels, ""], strict=True)]

    def _label(self, pair: tuple[int, int]) -> str:
        ids = self._heap.ids
        return self._answers.edges.get((int(ids[pair[0]]), int(ids[pair[1]])), "")

    def _facts(self, node: int) -> ObjectFacts:
        return self._answers.objects.get(int(self._heap.ids[node]), ObjectFacts())

    # --- where they were made

    def _sites(self, members: Ints) -> tuple[Site, ...]:
        heap = self._heap
        own = members[self._roles.own_types[heap.types[members]]]
        traced = np.isin(heap.traced, own)
        votes: Counter[tuple[str, int, str]] = Counter()
        sizes: Counter[tuple[str, int, str]] = Counter()
        for node, stack in zip(heap.traced[traced].tolist(), heap.traced_stacks[traced].tolist(), strict=True):
            frame = own_line(heap.stacks[stack])
            votes[frame.file, frame.line, frame.function] += 1
            sizes[frame.file, frame.line, frame.function] += int(heap.sizes[node])
        return tuple(Site(*place, bytes=sizes[place], count=count) for place, count in votes.most_common(_SITES))

    # --- which reference to cut

    def _cuts(self, cluster: Cluster) -> Iterator[Cut]:
        web, outside = cluster.web, self._outside(cluster)
        if outside is not None:
            yield outside
        whole = len(web.nodes)
        entry = cluster.trail[-1] if cluster.trail else -1
        found = weighed(web, self._references(cluster), self._roles, entry)
        for at, one in enumerate(found):
            share = one.objects / whole
            yield Cut(
                reference=" and ".join(reference.name for reference in one.references),
                freed_objects=round(share * len(cluster.retained)),
                freed_bytes=round(one.bytes / max(1, int(web.sizes.sum())) * int(self._bytes(cluster))),
                of_objects=len(cluster.retained),
                recommended=at == 0 and one.is_all,
                reason=_reason(one),
            )

    def _bytes(self, cluster: Cluster) -> int:
        return int(self._heap.sizes[cluster.retained].sum())

    def _outside(self, cluster: Cluster) -> Cut | None:
        """The reference that keeps what is in use: without it all goes, if nothing else keeps it as well."""
        if not cluster.trail:
            return None
        whole = len(cluster.retained)
        alone = not cluster.others
        return Cut(
            reference=self._way(cluster.trail).text,
            freed_objects=whole if alone else 0,
            freed_bytes=self._bytes(cluster) if alone else 0,
            of_objects=whole,
            reason="nothing else keeps them" if alone else "others keep them as well",
            outside=True,
        )

    def _references(self, cluster: Cluster) -> list[Reference]:
        """Those that have a name, or that a container with a name bears; those alike as one."""
        named: dict[tuple[str, str], list[Kind]] = {}
        for kind in cluster.web.kinds:
            label = self._label(kind.pair)
            name = self._name(kind, label)
            if name:
                named.setdefault((name, label), []).append(kind)
        found = [
            Reference(name, label, np.concatenate([kind.edges for kind in kinds]))
            for (name, label), kinds in named.items()
        ]
        return sorted(found, key=lambda one: not one.label.startswith("local("))

    def _name(self, kind: Kind, label: str) -> str:
        source, _ = kind.pair
        bearer = kind.bearer if kind.bearer >= 0 else source
        if label in _UNNAMED:
            return ""
        if label == "[*]":
            return self._item(kind)
        if label.startswith(("local(", ".closure(")):
            variable = label.partition("(")[2].rstrip(")")
            function = self._function(bearer if label.startswith(".closure") else source)
            what = "the closure variable" if label.startswith(".closure") else "the variable"
            return f"{what} {variable}" + (f" of {function}()" if function else "")
        if label in (".__defaults__", ".__kwdefaults__"):
            return f"the default argument of {self._function(source) or 'a function'}()"
        if label == ".__self__":
            which = "bound methods such as" if len(kind.edges) > 1 else "the bound method"
            return f"the self of {which} {self._function(source)}".rstrip()
        return f"{self._roles.name(bearer)}{label}" if label.startswith(".") else ""

    def _function(self, node: int) -> str:
        """A function or method as it is called where it is defined."""
        facts = self._facts(node)
        return facts.name.removeprefix(f"{facts.module}.").rpartition("<locals>.")[2]

    def _item(self, kind: Kind) -> str:
        """``Lease.holder[*]``: what a container holds that an attribute names, or a plain one."""
        source, _ = kind.pair
        if kind.bearer < 0:
            return f"the items of the {self._roles.name(source)}"
        attribute = self._label((kind.bearer, source))
        if attribute in (".__closure__", ".__defaults__", ".__kwdefaults__", ".__mro__"):
            return ""
        named = attribute.startswith(".") and attribute not in _UNNAMED
        return f"{self._roles.name(kind.bearer)}{attribute}[*]" if named else ""


def _reason(one: Freed) -> str:
    if not one.is_all:
        return "part of them only: other cycles run through the rest"
    if len(one.references) > 1:
        return "no single one that points back frees them all"
    return one.reason
