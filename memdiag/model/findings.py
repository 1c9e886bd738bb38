"""What a diagnosis says of one problem: the same shape whatever found it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memdiag.model.cycles import CycleCluster
from memdiag.model.sites import Site

Verdict = Literal["leak", "suspect", "bounded", "info"]
Status = Literal["new", "gone", "worse", "better", "same"]  # of something in a comparison
FindingKind = Literal["growth", "cycle", "uncollectable", "resource", "native", "fragmentation"]


@dataclass(frozen=True)
class Holder:
    path: str
    type: str = ""
    owner: str = ""
    module: str = ""  # where the owner is defined


@dataclass(frozen=True)
class Growing:
    type: str = ""
    counts: tuple[int, ...] = ()
    bytes: tuple[int, ...] = ()
    per_second: float = 0.0
    per_operation: float | None = None


@dataclass(frozen=True)
class Finding:
    """One diagnosed problem, the same shape whatever found it."""

    id: str
    kind: FindingKind
    pattern: str
    rule: str
    verdict: Verdict
    confidence: float
    title: str
    why: str
    fix: str
    holder: Holder | None = None
    growing: Growing = Growing()
    retained_bytes: int | None = None
    sites: tuple[Site, ...] = ()
    cycle: CycleCluster | None = None
    status: Status | None = None  # diff: against the capture before
    known: bool = False  # in the baseline: a gate passes it
    ignored: str = ""  # the reason that the configuration gives for ignoring it: a gate passes it

    @property
    def is_new(self) -> bool:
        """Whether a gate looks at it: neither in the baseline nor ignored."""
        return not self.known and not self.ignored

    @property
    def is_worse(self) -> bool:
        """Whether it is new, or more than before; always where there is no before."""
        return self.status in (None, "new", "worse")
