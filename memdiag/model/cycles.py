"""What ``memdiag cycles`` learned of reference cycles, and of the collector."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from memdiag.model.heap import OwnerFacts
from memdiag.model.recording import Moment
from memdiag.model.sites import Site

CycleState = Literal["waiting", "slow", "reachable", "uncollectable"]


@dataclass(frozen=True)
class Cut:
    """What a weak reference in place of one reference, or clearing it, would free at once; worked out on the graph."""

    reference: str  # "AgentContext.parent_context"; of the one from outside its path
    freed_objects: int  # in all cycles of the cluster, with what they keep alive
    freed_bytes: int
    of_objects: int  # that the cluster comes to, so that freed_objects == of_objects means all of it
    recommended: bool = False
    reason: str = ""  # why this one
    outside: bool = False  # not part of the cycle: the reference that keeps a reachable one
    sites: tuple[Site, ...] = ()  # the lines that make the reference


@dataclass(frozen=True)
class CycleCluster:
    """Cycles of the same shape, found in one look at the heap."""

    shape: tuple[str, ...]  # type names along the shortest cycle, in order
    edges: tuple[str, ...]  # attribute names along it: edges[i] leads from shape[i] to the next
    count: int  # components of this shape
    objects: int  # members of cycles in them
    size_bytes: int  # shallow bytes of the members
    state: CycleState
    holder: str = ""  # path from a root, as a person would write it
    holder_owner: str = ""  # "Orchestrator.audit"
    holder_module: str = ""  # where that is defined
    own: bool = True  # of the program, not of the standard library's making
    pattern: str = "cycle"  # "exception", "closure", "parent-child", "delegation", "asyncio", ...
    retained_objects: int = 0  # members, and what only they keep alive
    retained_bytes: int = 0
    is_key: bool = True  # nothing else in the garbage refers to them: they keep the rest
    passes: int = 0  # collections until they were gone; 0 where they never were
    during_run: bool = False  # gone before the look: the figures are those of one collection during the run
    revived: int = 0  # members that were garbage before the passes, and survived these
    finalizer: str = ""  # of a member: what ran when they were found, and revived them or made new ones
    others: tuple[str, ...] = ()  # paths of further references that keep them
    holder_counts: tuple[int, ...] = ()  # references in the container that holds them, at looks during the run
    holder_trend: str = ""  # of these: "steady", "flat", "levelled", "step", "unsteady", "too short"; or not known
    holder_limit: int | None = None  # the bound that the container itself has
    holder_source: OwnerFacts = field(default_factory=OwnerFacts)  # what the source says of it
    cuts: tuple[Cut, ...] = ()  # of each named reference of the cycle, the recommended one first
    sites: tuple[Site, ...] = ()  # where the members of the program's own classes were made
    sites_inferred: bool = False  # from the source, as no tracer saw them being made


@dataclass(frozen=True)
class GenerationCost:
    """What the collections of one generation did, and what they took; without the probe's own time."""

    generation: int
    collections: int
    seconds: float
    longest_s: float
    collected: int


@dataclass(frozen=True)
class CollectorCost:
    """What the collector cost the program until the look, and how it was set."""

    generations: tuple[GenerationCost, ...] = ()
    active_s: float = 0.0  # of the program's own time, in which that was
    thresholds: tuple[int, ...] = ()
    frozen: int = 0  # objects that gc.freeze() has put out of the collector's sight

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.generations)

    @property
    def share(self) -> float:
        """Of the program's time, 0 to 1."""
        return min(1.0, self.seconds / self.active_s) if self.active_s > 0 else 0.0


@dataclass(frozen=True)
class PassResult:
    """What one collection at the look did; counts are members of cycles, ``freed_objects`` is gc's own return."""

    number: int
    collected: int
    surviving: int
    freed_objects: int


@dataclass(frozen=True)
class TypeSurvival:
    type: str
    created: int
    surviving: int


@dataclass(frozen=True)
class CycleEvidence:
    """Everything ``memdiag cycles`` learned, at the moment it looked."""

    moment: Moment
    created: int
    passes: tuple[PassResult, ...]
    by_type: tuple[TypeSurvival, ...]
    clusters: tuple[CycleCluster, ...]  # surviving and waiting
    uncollectable: int = 0
    uncollectable_types: tuple[tuple[str, int], ...] = ()
    reclaimed_before: int = 0  # members that collections during the run had reclaimed
    library_objects: int = 0  # members of cycles of the standard library's making, left out of all figures
    gc_enabled: bool = True
    gc_debug: int = 0
    unwatched: int = 0  # collections whose garbage was not counted: the heap was too large
    disturbed: int = 0  # collections that came while other threads ran, whose garbage may be counted in part
    collector: CollectorCost = CollectorCost()
    growth_under_load_bytes: int | None = None  # the highest resident set of the run above that as work began
    cleanup_effectiveness: float | None = None  # of what had come by the look, the share that the passes gave back

    @property
    def gc_effectiveness(self) -> float:
        return 1.0 - self.survival_rate

    @property
    def surviving(self) -> int:
        return self.passes[-1].surviving if self.passes else 0

    @property
    def survival_rate(self) -> float:
        return min(1.0, self.surviving / self.created) if self.created else 0.0

    @property
    def passes_needed(self) -> int:
        """The last pass that still reclaimed something."""
        freeing = [one for one in self.passes if one.freed_objects and (one.collected or not self.uncollectable)]
        return max((one.number for one in freeing), default=0)
