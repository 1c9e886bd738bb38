"""A report as text for a terminal or a log: what is wrong first, then why, then what to do next."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable

from memdiag.model import Report
from memdiag.report.account import write_account
from memdiag.report.cycles import write_cycles
from memdiag.report.diff import write_diff
from memdiag.report.findings import write_findings
from memdiag.report.memory import write_memory
from memdiag.report.page import Page
from memdiag.report.rounds import write_rounds
from memdiag.report.tables import write_growth
from memdiag.report.text import cut
from memdiag.report.tuning import write_tuning
from memdiag.units import format_bytes, format_duration

_VERDICTS = {
    "leak": ("LEAK", "bold red"),
    "suspect": ("LEAK SUSPECTED", "bold yellow"),
    "clean": ("NO LEAK FOUND", "bold green"),
    "inconclusive": ("INCONCLUSIVE", "bold magenta"),
}


def render(report: Report, *, width: int, color: bool, limit: int = 10, ascii_only: bool = False) -> str:
    """The report as lines of ``width`` characters, ending in a line break.

    Tables, findings and clusters show their first ``limit`` entries, at least one, and say how many more there are.
    ``width`` is kept within bounds that can be read; only paths and commands to copy are ever longer. ``ascii_only``
    is for streams that cannot carry more.
    """
    page = Page(width=width, color=color, ascii_only=ascii_only)
    by_command = _BODIES.get(report.command, _write_cycles if report.survival else _write_run)
    body = _write_tuning if report.tuning else by_command
    body(page, report, max(limit, 1))
    _write_ending(page, report)
    return page.finish()


def _write_run(page: Page, report: Report, limit: int) -> None:
    _write_verdict(page, report, _VERDICTS[report.verdict])
    _write_target(page, report)
    write_memory(page, report.samples)
    write_findings(page, report, limit)
    write_account(page, report.account)
    write_growth(page, report, limit)
    _write_set_apart(page, report)


def _write_cycles(page: Page, report: Report, limit: int) -> None:
    _write_verdict(page, report, _VERDICTS[report.verdict])
    _write_target(page, report)
    write_cycles(page, report.survival, limit, report.target.python)
    write_findings(page, report, limit, draw_cycles=False)


def _write_tuning(page: Page, report: Report, _limit: int) -> None:
    if report.tuning is not None:
        found = ("BETTER SETTING", "bold green") if report.tuning.advised else ("NO BETTER SETTING", "bold")
        _write_verdict(page, report, found)
        _write_target(page, report)
        write_tuning(page, report.tuning, report.target.python)


def _write_check(page: Page, report: Report, limit: int) -> None:
    _write_verdict(page, report, _VERDICTS[report.verdict])
    _write_target(page, report)
    write_rounds(page, report.rounds)
    write_findings(page, report, limit)


def _write_diff(page: Page, report: Report, limit: int) -> None:
    within = ("WITHIN LIMITS", "bold green") if report.verdict != "inconclusive" else _VERDICTS["inconclusive"]
    _write_verdict(page, report, within if report.gate.passed else ("LIMIT BREACHED", "bold red"))
    write_diff(page, report, limit)


_BODIES: dict[str, Callable[[Page, Report, int], None]] = {
    "run": _write_run,
    "cycles": _write_cycles,
    "diff": _write_diff,
    "check": _write_check,
}


def _write_verdict(page: Page, report: Report, verdict: tuple[str, str]) -> None:
    page.write(report.headline + _passed_over(report), prefix=[verdict, "  "])


def _passed_over(report: Report) -> str:
    """How many of the findings behind the verdict the gate passes over; empty where it looks at all of them."""
    failing = [finding for finding in report.findings if finding.verdict in ("leak", "suspect")]
    known = sum(finding.known for finding in failing)
    ignored = sum(bool(finding.ignored) and not finding.known for finding in failing)
    parts = [f"{known:,} known"] if known else []
    parts += [f"{ignored:,} ignored"] if ignored else []
    return f" [{', '.join([f'{len(failing) - known - ignored:,} new', *parts])}]" if parts else ""


def _write_target(page: Page, report: Report) -> None:
    target = report.target
    ran = cut(shlex.join(target.argv), page.width - len("target: "))
    facts = [
        f"Python {target.python}" if target.python else "",
        format_duration(target.duration_s),
        _ending(target.exit_status),
    ]
    page.write(f"{ran} ({', '.join(fact for fact in facts if fact)})", prefix=["target: "])


def _ending(exit_status: int | None) -> str:
    if exit_status is None:
        return ""
    return f"exit status {exit_status}" if exit_status >= 0 else f"ended by {_signal_name(-exit_status)}"


def _signal_name(number: int) -> str:
    """The name by this system's numbering, which may not be that of the system that ran the target."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _write_set_apart(page: Page, report: Report) -> None:
    """What the figures above leave out, and why."""
    tracer_bytes = next((s.tracer_bytes for s in reversed(report.samples) if s.tracer_bytes is not None), 0)
    lines = []
    if report.awaiting_bytes > 0:
        awaiting = format_bytes(report.awaiting_bytes)
        lines.append(f"{awaiting} more is garbage awaiting the collector: late, not leaked")
    if tracer_bytes > 0:
        lines.append(f"tracemalloc itself used {format_bytes(tracer_bytes)}, not counted above except in RSS")
    if lines:
        page.blank()
    for line in lines:
        page.write(line)


def _write_ending(page: Page, report: Report) -> None:
    """Notes, the gate's answer, where everything is, and what to type next: the last lines are read first."""
    page.blank()
    for note in report.notes:
        page.write(note, prefix=[("note: ", "bold")])
    if report.gate.passed and report.gate.conditions:
        page.write("; ".join(report.gate.conditions), prefix=[("passed: ", "bold green")])
    for breach in report.gate.breaches:
        page.write(f"{breach.limit}: {breach.measured}", prefix=[("breached: ", "bold red")])
        if breach.where:
            page.write(breach.where, prefix=["          "])
    if report.saved:
        page.write_unbroken("saved: ", report.saved)
    for step in report.next_steps:
        page.write_unbroken(("next: ", "bold"), step)
