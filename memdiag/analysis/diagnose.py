"""From a capture to a report: which findings there are, and what they mean for the run as a whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from memdiag.analysis import garbage, growth, judgement, resources, types, unheld
from memdiag.analysis.fingerprint import fingerprint
from memdiag.analysis.series import judge
from memdiag.model import (
    Capture,
    CycleCluster,
    CycleEvidence,
    Finding,
    Growing,
    Holder,
    Report,
    Row,
    RunVerdict,
    Verdict,
)
from memdiag.units import counted, format_bytes, format_duration, format_share

_MANY_MEMBERS = 30  # of cycles through stored exceptions; a few are caught and kept in passing
_BACK = ("parent", "owner", "manager", "context", "root", "self", "prev", "back")  # in names that point back


def diagnose_run(capture: Capture) -> Report:
    """What ``memdiag run`` says of a capture."""
    grown: list[growth.Grown] = []
    if capture.traces is not None and len(capture.traces.moments):
        grown = growth.grown(capture.traces, growth.lines(capture.traces))
    held = [] if capture.heap is None else judgement.findings(capture.heap, duration_s=capture.target.duration_s)
    lines = unexplained(growth.findings(grown, capture), held)
    late = [] if capture.heap is None else garbage.findings(capture.heap)
    findings = ranked([*held, *lines, *late, *resources.findings(capture)])
    if capture.heap is not None and not any(one.verdict in ("leak", "suspect") for one in findings):
        findings += unheld.findings(capture.heap)
    verdict, missing = _run_verdict(capture, findings)
    return Report(
        command="run",
        verdict=verdict,
        headline=_run_headline(capture, verdict, findings, missing),
        target=capture.target,
        samples=capture.samples,
        findings=tuple(findings),
        rows=_rows(capture, grown),
        notes=capture.notes,
        tracer=capture.tracer,
        awaiting_bytes=_awaiting(capture),
    )


def _rows(capture: Capture, grown: Sequence[growth.Grown]) -> tuple[Row, ...]:
    """By line where these were traced over the whole run, else by type."""
    if capture.traces is None and capture.heap is not None:
        return types.rows(capture.heap)
    return growth.rows(grown, capture)


def _awaiting(capture: Capture) -> int:
    if capture.traces is not None:
        return int(capture.traces.awaiting_bytes.sum())
    if capture.heap is None or not capture.heap.collector_on:
        return 0  # nobody will come for it: a finding of its own
    return capture.heap.garbage_bytes


def unexplained(lines: Sequence[Finding], held: Sequence[Finding]) -> list[Finding]:
    """Lines that keep adding memory which no holder that was found accounts for.

    A holder accounts for the lines that make its items or add to it, for all of their functions, and, once it gives
    back most of what a line has added, for what hangs on its items.
    """
    places = {(site.file, site.line) for finding in held for site in finding.sites}
    functions = {(site.file, site.function) for finding in held for site in finding.sites if site.function}
    accounted = sum(finding.retained_bytes or 0 for finding in held)
    return [
        line
        for line in lines
        if not any((site.file, site.line) in places or (site.file, site.function) in functions for site in line.sites)
        and sum(site.bytes for site in line.sites) > accounted
    ]


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """The surest verdicts first; in the order that each kind has within itself."""
    order = {"leak": 0, "suspect": 1, "bounded": 2, "info": 3}
    return sorted(findings, key=lambda finding: order[finding.verdict])


def _run_verdict(capture: Capture, findings: Sequence[Finding]) -> tuple[RunVerdict, str]:
    """The verdict, and what is missing where it is inconclusive."""
    if any(finding.verdict == "leak" for finding in findings):
        return "leak", ""
    if any(finding.verdict == "suspect" for finding in findings):
        return "suspect", ""
    if capture.heap is not None:
        found = judgement.verdict_of(findings, capture.heap)
        return ("clean", "") if found.verdict == "clean" or _enough(capture) else (found.verdict, found.words)
    return ("clean", "") if _enough(capture) else ("inconclusive", _what_is_missing(capture))


def _enough(capture: Capture) -> bool:
    """Whether a leak would have shown in the traced lines: moments enough of the traces."""
    if capture.target.exit_status is None or not capture.samples:
        return False
    if capture.traces is not None and capture.traces.untold_bytes < growth.LARGE_BYTES:
        times = [moment.t_s for moment in capture.traces.moments]
        work = [moment.worked_s for moment in capture.traces.moments]
        return judge(times, list(range(len(times))), 0, work).shape != "too short"
    return False


def _run_headline(capture: Capture, verdict: RunVerdict, findings: Sequence[Finding], missing: str) -> str:
    name = " ".join(capture.target.argv[:2]) if capture.target.argv[:1] in (("-m",), ("-c",)) else ""
    name = (name or (capture.target.argv or ("the program",))[0])[:60]
    lasted = format_duration(capture.target.duration_s)
    if verdict in ("leak", "suspect"):
        wrong = sum(finding.verdict in ("leak", "suspect") for finding in findings)
        more = f" ({counted(wrong, 'finding')})" if wrong > 1 else ""
        return f"{name}: {findings[0].title}{more}"
    if verdict == "clean":
        return f"{name}: nothing keeps growing to the end of the run ({lasted})"
    return f"{name}: {missing}"


def _what_is_missing(capture: Capture) -> str:
    if capture.traces is None:
        return "no snapshot of the heap could be taken, and allocations were not traced; try --tracer tracemalloc"
    if capture.traces.untold_bytes >= growth.LARGE_BYTES:
        size = format_bytes(capture.traces.untold_bytes)
        return f"{size} of garbage awaits the collector and hides what else may grow; memdiag cycles tells what it is"
    moments = counted(len(capture.traces.moments), "snapshot")
    return f"too little to judge by ({moments}); let it run longer, or do more of the same work"


def diagnose_cycles(capture: Capture) -> Report:
    """What ``memdiag cycles`` says of a capture."""
    evidence = capture.cycles[-1] if capture.cycles else None
    findings = [] if evidence is None else _cycle_findings(evidence)
    return Report(
        command="cycles",
        verdict=_cycles_verdict(evidence, findings),
        headline=_cycles_headline(capture, evidence),
        target=capture.target,
        samples=capture.samples,
        findings=tuple(findings),
        survival=evidence,
        notes=capture.notes,
        tracer=capture.tracer,
    )


def _cycles_verdict(evidence: CycleEvidence | None, findings: Sequence[Finding]) -> RunVerdict:
    if evidence is None:
        return "inconclusive"
    if any(finding.verdict == "leak" for finding in findings):
        return "leak"
    return "suspect" if any(finding.verdict == "suspect" for finding in findings) else "clean"


def _cycles_headline(capture: Capture, evidence: CycleEvidence | None) -> str:
    name = " ".join(capture.target.argv[:2])[:60]
    if evidence is None:
        return f"{name}: the heap was not looked at, the run was cut short before its end"
    passes = counted(len(evidence.passes), "pass", "passes")
    if not evidence.created:
        return f"{name}: it made no reference cycles"
    return (
        f"{name}: {counted(evidence.created, 'object')} created in reference cycles, {evidence.surviving:,} survive"
        f" {passes} ({format_share(evidence.survival_rate)})"
    )


def _cycle_findings(evidence: CycleEvidence) -> list[Finding]:
    own = [cluster for cluster in evidence.clusters if cluster.own]
    return [_cycle_finding(cluster, evidence) for cluster in own]


def _cycle_finding(cluster: CycleCluster, evidence: CycleEvidence) -> Finding:
    drawn = draw(cluster)
    size = format_bytes(cluster.size_bytes)
    many = counted(cluster.objects, "object")
    cycles = counted(cluster.count, "cycle")
    common = Finding(
        id=fingerprint("cycle", *cluster.shape, *cluster.edges),
        kind="cycle",
        pattern="exception" if _is_exception(cluster) else "cycle",
        rule="MEM-001",
        verdict="info",
        confidence=0.95,
        title=f"{cycles} {drawn}: {many}, {size}, freed by the first collection",
        why=f"Nothing refers to them from outside, so {many} wait for the collector: late, not leaked.",
        fix=f"{_cut(cluster)}: then they are freed at once, without the collector.",
        growing=Growing(cluster.shape[0] if cluster.shape else "", (cluster.objects,), (cluster.size_bytes,)),
        cycle=cluster,
    )
    if cluster.state == "waiting":
        return common
    if cluster.state == "uncollectable":
        return dataclasses.replace(
            common,
            kind="uncollectable",
            verdict="leak",
            title=f"{cycles} {drawn}: {many}, {size}, which the collector cannot free",
            why="They are unreachable and yet in gc.garbage: DEBUG_SAVEALL keeps them, or a C type cannot be cleared.",
            fix="Turn gc.set_debug off where it is on; else break the cycle by hand before the last reference goes.",
        )
    holder = cluster.holder or "something that lasts"
    place = holder.split(",")[0]
    return dataclasses.replace(
        common,
        verdict=_surviving_verdict(cluster, evidence),
        title=f"{cycles} {drawn}: {many}, {size}, survive every pass",
        why=f"They are still reachable: {holder} holds them.{_all_survive(evidence)}",
        fix=f"Remove them from {place} when done with. {_cut(cluster)}, so that dropping one frees it at once.",
        holder=Holder(cluster.holder) if cluster.holder else None,
    )


def _surviving_verdict(cluster: CycleCluster, evidence: CycleEvidence) -> Verdict:
    """Survivors among cycles that come and go are left behind; where none ever goes, they may be what the program is.

    Stored exceptions are the exception: what their frames hold was never meant to stay.
    """
    made = {row.type: row for row in evidence.by_type}
    rows = [made[kind] for kind in cluster.shape if kind in made]
    comes_and_goes = any(row.surviving < row.created for row in rows)
    many = _is_exception(cluster) and cluster.objects >= _MANY_MEMBERS
    return "suspect" if comes_and_goes or many else "info"


def _all_survive(evidence: CycleEvidence) -> str:
    if evidence.survival_rate < 1:
        return ""
    return " None was ever reclaimed: they may be what the program is made of, or all that it leaks."


def draw(cluster: CycleCluster) -> str:
    """The cycle on one line: ``Parent.children -> list[*] -> Child.parent -> Parent``."""
    steps = [f"{kind}{edge}" for kind, edge in zip(cluster.shape, cluster.edges, strict=False)]
    return " -> ".join([*steps, *cluster.shape[:1]])


def _is_exception(cluster: CycleCluster) -> bool:
    return ".__traceback__" in cluster.edges


def _cut(cluster: CycleCluster) -> str:
    """The reference to weaken: one whose name says that it points back, else the one that closes the cycle."""
    if _is_exception(cluster):
        return "Keep str(error) or its formatted traceback, or clear it with error.with_traceback(None)"
    named = [pair for pair in zip(cluster.shape, cluster.edges, strict=False) if pair[1].startswith(".")]
    back = [pair for pair in named if any(word in pair[1].lower() for word in _BACK)]
    kind, edge = (back or named[-1:] or [("", "")])[0]
    return f"Make {kind}{edge} a weak reference (weakref.ref), or clear it" if edge else "Break the cycle by hand"
