"""What ``memdiag cycles`` says of a capture: a finding for each cluster of cycles, why it is there, what to do."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Sequence
from pathlib import PurePath

from memdiag.analysis.cycles.advice import in_use, let_go, then_freed
from memdiag.analysis.fingerprint import fingerprint
from memdiag.analysis.owner import RESULT, SKIPPED, is_called, is_of_item
from memdiag.analysis.roles import BUILT_IN
from memdiag.model import (
    Capture,
    CycleCluster,
    CycleEvidence,
    Finding,
    Growing,
    Holder,
    Report,
    RunVerdict,
    Touch,
    Verdict,
)
from memdiag.units import counted, format_bytes, format_share

_MANY_MEMBERS = 30  # of cycles through stored exceptions; a few are caught and kept in passing
_FEWEST = 3  # cycles of a shape that are left behind; one or two may be at work
_MANY_SURVIVE = 1000  # objects in cycles
_NEVER_FREED = 500  # objects in cycles that await a collector that is off
_ORDER: dict[Verdict, int] = {"leak": 0, "suspect": 1, "bounded": 2, "info": 3}


def diagnose_cycles(capture: Capture) -> Report:
    """The report of ``memdiag cycles``."""
    evidence = capture.cycles[-1] if capture.cycles else None
    findings = [] if evidence is None else of_cycles(evidence)
    return Report(
        command="cycles",
        verdict=_verdict(evidence, findings),
        headline=_headline(capture, evidence),
        target=capture.target,
        samples=capture.samples,
        findings=tuple(findings),
        survival=evidence,
        notes=(*capture.notes, *(_notes(evidence) if evidence is not None else ())),
        tracer=capture.tracer,
    )


def _verdict(evidence: CycleEvidence | None, findings: Sequence[Finding]) -> RunVerdict:
    if evidence is None:
        return "inconclusive"
    told = {finding.verdict for finding in findings}
    if "leak" in told:
        return "leak"
    if "suspect" in told:
        return "suspect"
    return "inconclusive" if any(_is_open(cluster, evidence) for cluster in evidence.clusters) else "clean"


def _is_open(cluster: CycleCluster, evidence: CycleEvidence) -> bool:
    """Whether so much survives that it may be a leak, and it was seen too seldom to tell."""
    unseen = cluster.holder_trend in ("", "too short") and cluster.holder_limit is None
    many = cluster.own and cluster.state == "reachable" and cluster.objects >= _MANY_SURVIVE
    return many and unseen and not _is_gathered(cluster) and evidence.survival_rate == 1


def _headline(capture: Capture, evidence: CycleEvidence | None) -> str:
    name = " ".join(capture.target.argv[:2])[:60]
    if evidence is None:
        return f"{name}: the heap was not looked at, the run was cut short before its end"
    passes = counted(len(evidence.passes), "pass", "passes")
    if not evidence.created:
        return f"{name}: it made no reference cycles"
    seen = "; too few looks at what holds them to tell whether it grows: run it longer"
    unsure = seen if any(_is_open(cluster, evidence) for cluster in evidence.clusters) else ""
    return (
        f"{name}: {counted(evidence.created, 'object')} created in reference cycles, {evidence.surviving:,} survive"
        f" {passes} ({format_share(evidence.survival_rate)}){unsure}"
    )


def _notes(evidence: CycleEvidence) -> list[str]:
    notes = []
    if evidence.gc_debug & gc.DEBUG_SAVEALL:
        notes.append(
            "gc.DEBUG_SAVEALL, which is part of gc.DEBUG_LEAK, is on: it alone keeps all garbage alive, in gc.garbage"
        )
    if evidence.collector.frozen:
        frozen = counted(evidence.collector.frozen, "object")
        notes.append(f"{frozen} are frozen (gc.freeze): the collector never looks at cycles among these")
    if evidence.disturbed:
        many = counted(evidence.disturbed, "collection")
        notes.append(f"{many} came while other threads ran: of what these reclaimed some may be missing from created")
    if evidence.unwatched:
        many = counted(evidence.unwatched, "collection")
        notes.append(f"the heap was too large to tell what {many} reclaimed: it is missing from created")
    return notes


def of_cycles(evidence: CycleEvidence) -> list[Finding]:
    """One finding a cluster, the surest verdicts first."""
    found = [_finding(cluster, evidence) for cluster in evidence.clusters if cluster.own]
    return sorted(found, key=lambda finding: _ORDER[finding.verdict])


def _finding(cluster: CycleCluster, evidence: CycleEvidence) -> Finding:
    common = Finding(
        id=fingerprint("cycle", _lasting(cluster), *cluster.shape, *cluster.edges),
        kind="cycle",
        pattern=cluster.pattern,
        rule="MEM-001",
        verdict="info",
        confidence=0.95,
        title=f"{_what(cluster)}, freed by the first collection",
        why=f"Nothing refers to them from outside, so they wait for the collector: late, not leaked.{_kept(cluster)}",
        fix=then_freed(cluster),
        growing=Growing(cluster.shape[0] if cluster.shape else "", (cluster.objects,), (cluster.size_bytes,)),
        retained_bytes=cluster.retained_bytes or None,
        sites=cluster.sites,
        cycle=cluster,
    )
    if cluster.state == "uncollectable":
        return _uncollectable(common, cluster, evidence)
    if cluster.state == "slow":
        slow = _slow(common, cluster)
        return _never_freed(slow, cluster) if _is_never_freed(cluster, evidence) else slow
    return _waiting(common, cluster, evidence) if cluster.state == "waiting" else _reachable(common, cluster, evidence)


def _lasting(cluster: CycleCluster) -> str:
    return "late" if cluster.state in ("waiting", "slow") else "kept"


def _what(cluster: CycleCluster) -> str:
    cycles, many = counted(cluster.count, "cycle"), counted(cluster.objects, "object")
    return f"{cycles} {draw(cluster)}: {many}, {format_bytes(cluster.retained_bytes or cluster.size_bytes)}"


def draw(cluster: CycleCluster) -> str:
    """The cycle on one line: ``Parent.children -> list[*] -> Child.parent -> Parent``."""
    steps = [f"{kind}{_joined(edge)}" for kind, edge in zip(cluster.shape, cluster.edges, strict=False)]
    return " -> ".join([*steps, *cluster.shape[:1]])


def _joined(edge: str) -> str:
    return edge if edge.startswith((".", "[")) or not edge else f".{edge}"


def _kept(cluster: CycleCluster) -> str:
    hangers = cluster.retained_objects - cluster.objects
    return f" With them {counted(hangers, 'object')} that hang on them." if hangers > 0 else ""


# --- by state ---------------------------------------------------------------------------------------------------


def _waiting(common: Finding, cluster: CycleCluster, evidence: CycleEvidence) -> Finding:
    if cluster.during_run:
        return dataclasses.replace(
            common,
            title=f"{_what(cluster)} in one collection during the run",
            why=f"{_made(cluster, evidence)} Collections during the run freed them: late, not leaked.{_kept(cluster)}",
        )
    common = dataclasses.replace(common, why=f"{_made(cluster, evidence)} {common.why}".strip())
    return _never_freed(common, cluster) if _is_never_freed(cluster, evidence) else common


def _is_never_freed(cluster: CycleCluster, evidence: CycleEvidence) -> bool:
    """Whether they await a collector that is off, in a program that does not collect itself."""
    off = not evidence.gc_enabled and not evidence.reclaimed_before
    return off and cluster.retained_objects >= _NEVER_FREED


def _never_freed(common: Finding, cluster: CycleCluster) -> Finding:
    return dataclasses.replace(
        common,
        verdict="suspect",
        confidence=0.8,
        title=f"{_what(cluster)}, which nothing ever frees: the collector is off",
        why=f"The program called gc.disable(), and never collected itself. {common.why}",
        fix=f"{common.fix} Or turn the collector on again.",
    )


def _made(cluster: CycleCluster, evidence: CycleEvidence) -> str:
    """How often the program makes them, by the class of its own that comes first."""
    seconds = evidence.collector.active_s
    row = next((row for row in evidence.by_type if row.type in cluster.shape[:1]), None)
    if row is None or seconds < 1.0 or row.created < 10:
        return ""
    return f"The program makes {row.created / seconds:,.0f} {row.type} in cycles a second."


def _slow(common: Finding, cluster: CycleCluster) -> Finding:
    by = (
        f"{cluster.finalizer} runs when they are found"
        if cluster.finalizer
        else "a finalizer or callback of theirs runs"
    )
    gone = "still there after the last pass" if not cluster.passes else f"gone after pass {cluster.passes}"
    return dataclasses.replace(
        common,
        verdict="info" if cluster.passes else "suspect",
        confidence=0.85,
        title=f"{_what(cluster)}, {gone}",
        why=f"Nothing refers to them from outside, but {by}, and revives them or makes new cycles of the same kind:"
        f" one collection is not enough.{_kept(cluster)}",
        fix=f"Let {cluster.finalizer or 'the finalizer'} neither store the object nor make another of its kind; or"
        f" close explicitly, and use weakref.finalize. {then_freed(cluster)}",
    )


def _uncollectable(common: Finding, cluster: CycleCluster, evidence: CycleEvidence) -> Finding:
    if evidence.collector.frozen and not evidence.uncollectable:
        return _frozen(common, cluster)
    saved = bool(evidence.gc_debug & gc.DEBUG_SAVEALL)
    return dataclasses.replace(
        common,
        kind="uncollectable",
        verdict="leak",
        title=f"{_what(cluster)}, kept in gc.garbage",
        why="gc.set_debug(gc.DEBUG_SAVEALL), which is part of gc.DEBUG_LEAK, has the collector keep all that it finds"
        " in gc.garbage, so nothing in a cycle is ever freed: the flag is the leak, not the cycle."
        if saved
        else "Nothing refers to them from outside, and yet they are in gc.garbage: the collector could not clear them,"
        " as a C type among them does not allow it, or the program put them there.",
        fix=f"Take gc.set_debug(gc.DEBUG_LEAK or gc.DEBUG_SAVEALL) out, and clear gc.garbage. {then_freed(cluster)}"
        if saved
        else f"Break the cycle by hand before the last reference goes. {then_freed(cluster)}",
        holder=Holder("gc.garbage[*]", "list", "gc.garbage"),
    )


def _frozen(common: Finding, cluster: CycleCluster) -> Finding:
    return dataclasses.replace(
        common,
        kind="uncollectable",
        verdict="leak" if cluster.objects >= _NEVER_FREED else "suspect",
        title=f"{_what(cluster)}, frozen: no collection ever frees them",
        why="Nothing refers to them any more, but gc.freeze() was called while they were there, and the collector"
        f" never looks at what is frozen.{_kept(cluster)}",
        fix="Call gc.collect() before gc.freeze(), and freeze once, after start-up; gc.unfreeze() lets the collector"
        f" come for them. {then_freed(cluster)}",
    )


def _reachable(common: Finding, cluster: CycleCluster, evidence: CycleEvidence) -> Finding:
    holder = cluster.holder or "something that lasts"
    back = ""
    if cluster.revived:
        by = cluster.finalizer or "a finalizer"
        back = f" {counted(cluster.revived, 'object')} of these had been garbage, and {by} brought them back."
    also = f" So do {' and '.join(cluster.others)}." if cluster.others else ""
    verdict = _verdict_of(cluster, evidence)
    return dataclasses.replace(
        common,
        verdict=verdict,
        title=f"{_what(cluster)}, survive every pass",
        why=f"They are still reachable: {holder} holds them.{also}{back}{_as_it_goes(cluster)}"
        f"{_all_survive(evidence)}{_kept(cluster)}",
        fix=let_go(cluster, holder) if verdict in ("leak", "suspect") else in_use(cluster),
        holder=Holder(cluster.holder, owner=cluster.holder_owner, module=cluster.holder_module)
        if cluster.holder
        else None,
    )


def _verdict_of(cluster: CycleCluster, evidence: CycleEvidence) -> Verdict:
    """Survivors among cycles that come and go are left behind, unless they are what the program works with.

    That is so if what holds them was seen not to grow, or has a bound, or gives them up again. Where none ever goes,
    they may be what the program is. Stored exceptions are the exception: what their frames hold was never meant to
    stay. Nor were the revived.
    """
    if cluster.revived:
        return "suspect"
    if cluster.holder_trend == "steady" and not _is_gathered(cluster):
        return "leak" if cluster.holder_source.read and not _let_go_by(cluster) else "suspect"
    if cluster.holder_limit is not None or any(map(is_called, cluster.holder_source.bounds)):
        return "bounded"
    if cluster.holder_trend in ("flat", "levelled") or _let_go_by(cluster) or _is_gathered(cluster):
        return "info"
    if _is_single(cluster):
        return "info"
    telling = [row for row in evidence.by_type if row.type in cluster.shape and row.type not in BUILT_IN]
    comes_and_goes = cluster.count >= _FEWEST and any(row.surviving < row.created for row in telling)
    many = cluster.pattern == "exception" and cluster.objects >= _MANY_MEMBERS
    return "suspect" if comes_and_goes or many else "info"


def _let_go_by(cluster: CycleCluster) -> Touch | None:
    """The line that takes them out again, if it may be reached, and nothing that comes in between skips it."""
    removes = (touch for touch in cluster.holder_source.removes if is_called(touch) and SKIPPED not in touch.how)
    return next((touch for touch in removes if not is_of_item(touch)), None)


def _is_gathered(cluster: CycleCluster) -> bool:
    """Whether it is used as a whole once it is full: what a job makes, not what it leaves behind."""
    return any(touch.how.startswith(RESULT) for touch in cluster.holder_source.created)


def _is_single(cluster: CycleCluster) -> bool:
    """Whether it is one cycle that a variable or an attribute refers to: what the program is at work with."""
    return cluster.count == 1 and "[" not in cluster.holder


def _as_it_goes(cluster: CycleCluster) -> str:
    """How what holds them went, and what the source says of it."""
    told = {"steady": "grew to the end", "flat": "did not grow", "levelled": "levelled off"}.get(cluster.holder_trend)
    seen = f" What holds them {told} over {len(cluster.holder_counts)} looks." if told else ""
    bound = next(filter(is_called, cluster.holder_source.bounds), None)
    if cluster.holder_limit is not None:
        return f"{seen} It holds {cluster.holder_limit:,} at most."
    if bound is not None:
        return f"{seen} It is bounded at {_place(bound)} `{bound.text[:60]}`."
    removal = _let_go_by(cluster)
    if removal is not None:
        return f"{seen} {_place(removal)} takes them out again: `{removal.text[:60]}`."
    return seen + (" Nothing in its source removes any." if cluster.holder_source.adds else "")


def _place(touch: Touch) -> str:
    return f"{PurePath(touch.file).name}:{touch.line}"


def _all_survive(evidence: CycleEvidence) -> str:
    if evidence.survival_rate < 1:
        return ""
    return " None was ever reclaimed: they may be what the program is made of, or all that it leaks."
