"""The tracked heap as ``memdiag cycles`` looks at it, and what it learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from memdiag.model.recording import Ints, Moment


@dataclass(frozen=True)
class HeapSnapshot:
    """The tracked heap as a graph, at one moment.

    Nodes are objects; ``ids``, ``types`` (index into the columns of types), ``homes`` (index into those of homes: the
    module where a class or function was defined, else that of the object's type), ``sizes`` (bytes, shallow) and
    ``refcounts`` (without memdiag's own) have the shape (nodes). The edges of node *i* are
    ``targets[starts[i]:starts[i + 1]]``, indices of nodes, in the order in which the object itself visits them.
    """

    ids: npt.NDArray[np.uint64]
    types: npt.NDArray[np.int32]
    homes: npt.NDArray[np.int32]
    sizes: Ints
    refcounts: Ints
    starts: Ints
    targets: npt.NDArray[np.int32]
    type_names: tuple[str, ...]
    type_roles: tuple[str, ...]  # "class" where instances are classes, "module" where they are modules, else ""
    home_names: tuple[str, ...]
    home_is_library: tuple[bool, ...]  # of the standard library or built in
    roots: tuple[int, ...] = ()  # nodes that are in use though nothing else says so


@dataclass(frozen=True)
class CycleCluster:
    """Cycles of the same shape, found in one look at the heap."""

    shape: tuple[str, ...]  # type names along the shortest cycle, in order
    edges: tuple[str, ...]  # attribute names along it: edges[i] leads from shape[i] to the next
    count: int  # components of this shape
    objects: int  # members of cycles in them
    size_bytes: int  # shallow bytes of the members
    state: Literal["waiting", "reachable", "uncollectable"]
    holder: str = ""  # path from a root, as a person would write it
    own: bool = True  # of the program, not of the standard library's making


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
