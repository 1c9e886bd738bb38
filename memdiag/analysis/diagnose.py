"""From a capture to a report: which findings there are, and what they mean for the run as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from memdiag.analysis import garbage, growth, judgement, layers, native, native_stack, resources, types, unheld
from memdiag.analysis.account import account_of
from memdiag.analysis.run_verdict import verdict_of
from memdiag.analysis.series import judge
from memdiag.model import Capture, Finding, Report, Row, RunVerdict
from memdiag.units import counted, format_bytes, format_duration


def diagnose_run(capture: Capture) -> Report:
    """What ``memdiag run`` says of a capture."""
    grown: list[growth.Grown] = []
    if capture.traces is not None and len(capture.traces.moments):
        grown = growth.grown(capture.traces, growth.lines(capture.traces))
    lasted = capture.target.duration_s
    held = [] if capture.heap is None else judgement.findings(capture.heap, duration_s=lasted, samples=capture.samples)
    held = resources.retyped(held, capture)
    handles = resources.findings(capture, held)
    held = resources.merged(handles, held)
    lines = unexplained(growth.findings(grown, capture), held)
    late = [] if capture.heap is None else garbage.findings(capture.heap)
    account = account_of(capture)
    outside = [native_stack.named(one, capture.native_stacks) for one in native.findings(capture, account, held)]
    layers_say = [] if account is None else layers.findings(account)
    findings = ranked([*handles, *held, *lines, *late, *outside, *layers_say])
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
        account=account and layers.explained(account, findings, _awaiting(capture)),
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
        found = verdict_of(findings, capture.heap)
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
