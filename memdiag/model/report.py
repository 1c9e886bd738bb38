"""Findings, the series behind them, and the gate's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memdiag.model.account import Account
from memdiag.model.cycles import CycleEvidence
from memdiag.model.findings import Finding, Status
from memdiag.model.recording import Sample, TargetInfo
from memdiag.model.sites import Site
from memdiag.model.tuning import Tuning

RunVerdict = Literal["leak", "suspect", "clean", "inconclusive"]
RowStatus = Status
RowKind = Literal["site", "type", "holder", "resource", "finding"]


@dataclass(frozen=True)
class Row:
    """One row of a table of growth, of a line or of a type: over one run, or between two captures."""

    site: Site  # its bytes and count are the growth
    before_bytes: int
    after_bytes: int
    before_blocks: int
    after_blocks: int
    status: RowStatus
    series_bytes: tuple[int, ...] = ()
    trend: str = ""  # in words: "grows to the end", "levelled off", "came at once", ...
    arena: bool = False  # an allocator's arena: the line made the allocator grow, it need not leak
    type: str = ""  # of a row of a type, which has no site; of a holder's, what it holds
    by: RowKind | None = None  # None: by type where it has one, else by site
    name: str = ""  # of what is no site or type: a holder's path, a resource, the title of a finding
    id: str = ""  # of a finding, and of what holds: its fingerprint
    rule: str = ""  # of a finding
    holder: str = ""  # of a finding: the path of what holds it; empty where that was not found
    evidence: str = ""  # for the status, in words
    noise: bool = False  # it differs by no more than runs of one program do: no growth to be counted

    @property
    def kind(self) -> RowKind:
        return self.by or ("type" if self.type else "site")

    @property
    def growth_bytes(self) -> int:
        return self.after_bytes - self.before_bytes

    @property
    def growth_blocks(self) -> int:
        return self.after_blocks - self.before_blocks


@dataclass(frozen=True)
class Breach:
    limit: str  # as the user wrote it: "--max-growth 20MB"
    measured: str
    where: str = ""


@dataclass(frozen=True)
class Gate:
    passed: bool = True
    breaches: tuple[Breach, ...] = ()
    conditions: tuple[str, ...] = ()  # all that was asked, as the user wrote it


@dataclass(frozen=True)
class Ignored:
    """One rule of the configuration that ignores findings, and how many it hid."""

    rule: str  # as it is written there: ``path = "app.cache*"``
    reason: str
    hidden: int = 0
    expires: str = ""  # the last day on which it hides, as 2026-12-31
    expired: bool = False


@dataclass(frozen=True)
class Compared:
    """A baseline that the findings were compared with."""

    name: str
    known: int = 0  # findings of this report that are in it
    gone: tuple[tuple[str, str], ...] = ()  # (id, title) of those in it that this report could have found, and did not


@dataclass(frozen=True)
class Held:
    """What a package that has a budget had before, and has at the end; ``where`` is the largest part, in words."""

    package: str
    before_bytes: int
    after_bytes: int
    where: str = ""

    @property
    def growth_bytes(self) -> int:
        return self.after_bytes - self.before_bytes


@dataclass(frozen=True)
class Rounds:
    """What ``check`` saw, at first and after each round: judged calls until then, and the heap without garbage."""

    calls: tuple[int, ...]
    heap_objects: tuple[int, ...]
    heap_bytes: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """Findings, the series behind them, and the gate's answer."""

    command: str
    verdict: RunVerdict
    headline: str  # the verdict in a sentence
    target: TargetInfo
    samples: tuple[Sample, ...] = ()
    findings: tuple[Finding, ...] = ()
    rows: tuple[Row, ...] = ()  # of one kind, so that they add up
    changes: tuple[Row, ...] = ()  # diff: the same memory by other kinds, and what is not memory
    survival: CycleEvidence | None = None
    rounds: Rounds | None = None  # check
    tuning: Tuning | None = None  # cycles --tune
    account: Account | None = None  # run: where the memory is
    gate: Gate = Gate()
    held: tuple[Held, ...] = ()  # of each package that has a budget
    ignored: tuple[Ignored, ...] = ()
    baseline: Compared | None = None
    notes: tuple[str, ...] = ()
    tracer: str = "none"
    awaiting_bytes: int = 0  # garbage that waits for the collector: late, not leaked
    before: str = ""  # diff: the names of the two sides
    after: str = ""
    before_runs: int = 1  # and how many runs each of them has
    after_runs: int = 1
    unjudged: str = ""  # diff: why findings may be missing on either side
    saved: str = ""  # where the capture went
    next_steps: tuple[str, ...] = ()
