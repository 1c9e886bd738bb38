"""The vocabulary as frozen data: what a capture holds, and what a report says.

Units are in the names: ``_bytes`` are bytes, ``_s`` are seconds; ``t_s`` are seconds since the target started, without
those in which it stood still for the probe. Arrays are numpy arrays whose shapes the docstrings give. Nothing here
does I/O, and nothing here thinks.
"""

from __future__ import annotations

from memdiag.model.account import (
    Account,
    Arenas,
    Books,
    Fate,
    GroupMemory,
    Handles,
    Layer,
    LayerName,
    Limit,
    Mappings,
    Opening,
    TimeToLimit,
    Worker,
)
from memdiag.model.capture import Capture
from memdiag.model.cycles import (
    CollectorCost,
    Cut,
    CycleCluster,
    CycleEvidence,
    CycleState,
    GenerationCost,
    PassResult,
    TypeSurvival,
)
from memdiag.model.findings import Finding, FindingKind, Growing, Holder, Verdict
from memdiag.model.heap import (
    Answers,
    FrameRoot,
    HeapEvidence,
    HeapGraph,
    ModuleRoot,
    ObjectFacts,
    OwnerFacts,
    Population,
    Questions,
    Touch,
    TypeSeries,
)
from memdiag.model.recording import Frame, Ints, Moment, Sample, Source, Stack, TargetInfo, Traces
from memdiag.model.report import (
    Breach,
    Compared,
    Gate,
    Held,
    Ignored,
    Report,
    Rounds,
    Row,
    RowKind,
    RowStatus,
    RunVerdict,
)
from memdiag.model.sites import Site
from memdiag.model.stacks import StackTable
from memdiag.model.tuning import CollectorSetting, Trial, TrialRow, TrialRun, Tuning

__all__ = [
    "Account",
    "Answers",
    "Arenas",
    "Books",
    "Breach",
    "Capture",
    "CollectorCost",
    "CollectorSetting",
    "Compared",
    "Cut",
    "CycleCluster",
    "CycleEvidence",
    "CycleState",
    "Fate",
    "Finding",
    "FindingKind",
    "Frame",
    "FrameRoot",
    "Gate",
    "GenerationCost",
    "GroupMemory",
    "Growing",
    "Handles",
    "HeapEvidence",
    "HeapGraph",
    "Held",
    "Holder",
    "Ignored",
    "Ints",
    "Layer",
    "LayerName",
    "Limit",
    "Mappings",
    "ModuleRoot",
    "Moment",
    "ObjectFacts",
    "Opening",
    "OwnerFacts",
    "PassResult",
    "Population",
    "Questions",
    "Report",
    "Rounds",
    "Row",
    "RowKind",
    "RowStatus",
    "RunVerdict",
    "Sample",
    "Site",
    "Source",
    "Stack",
    "StackTable",
    "TargetInfo",
    "TimeToLimit",
    "Touch",
    "Traces",
    "Trial",
    "TrialRow",
    "TrialRun",
    "Tuning",
    "TypeSeries",
    "TypeSurvival",
    "Verdict",
    "Worker",
]
