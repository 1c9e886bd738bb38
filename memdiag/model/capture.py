"""One recorded run: what every command reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from memdiag.model.account import Books
from memdiag.model.cycles import CycleEvidence
from memdiag.model.heap import HeapEvidence
from memdiag.model.recording import Moment, NativeStack, Sample, Source, TargetInfo, Traces


@dataclass(frozen=True)
class Capture:
    """One recorded run: what every command reads and writes."""

    command: str
    target: TargetInfo
    tracer: str = "none"
    samples: tuple[Sample, ...] = ()
    traces: Traces | None = None
    cycles: tuple[CycleEvidence, ...] = ()
    heap: HeapEvidence | None = None
    sources: Mapping[tuple[str, int], Source] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what a reader must know of this capture: lost pieces, a tracer stopped, ...
    end_s: float | None = None  # when the program's work ended; what comes later is its unwinding
    books: Books | None = None  # of its memory and handles, from outside
    native_stacks: tuple[NativeStack, ...] | None = (
        None  # of a second run under memray, the largest first, if it was made
    )
    labels: tuple[Moment, ...] = ()  # moments that the program itself has named, by memdiag.label()
    repeats: tuple[Capture, ...] = ()  # further runs of the same program (--repeat), which have none themselves

    @property
    def runs(self) -> tuple[Capture, ...]:
        """Every run that this capture holds, in the order in which they were made."""
        return (replace(self, repeats=()), *self.repeats) if self.repeats else (self,)
