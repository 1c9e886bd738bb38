"""Limits against a report: pure functions, and the only place that decides an exit status.

A gate only ever adds breaches to a report, so several gates can be applied one after the other, in any order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from memdiag.errors import BREACH, FINE
from memdiag.model import Breach, Gate, Report, Row
from memdiag.units import Limit, format_bytes, format_change

FailOn = Literal["leak", "suspect"]

# What `diff` tolerates when the user names no limit. Both must be exceeded: two runs of one program differ by some
# kilobytes (caches, interned names, hash seeds), and a small program by some per cent.
DEFAULT_GROWTH_BYTES = 1024 * 1024
DEFAULT_GROWTH_PERCENT = 5.0

_FAILING: dict[FailOn, frozenset[str]] = {"leak": frozenset({"leak"}), "suspect": frozenset({"leak", "suspect"})}


def check_growth(report: Report, limit: Limit | None = None) -> Report:
    """The report with its gate's answer on net growth: the sum over *all* rows, shrinking ones included,
    without those that differ by no more than the runs of one side do.

    A percentage is of the bytes before, also summed over all rows. Without a limit, the defaults of ``diff`` apply.
    Growth that is exactly the limit is no breach. A run that recorded no allocations cannot show that it kept
    the limit: that is a breach too, since a gate must never pass for want of a measurement.
    """
    asked = f"--max-growth {limit.text}" if limit else "default limits of 1 MiB and 5 %"
    if report.command != "diff" and report.tracer in ("none", "auto") and not report.rows:
        return _with(report, Breach(asked, "growth was not measured: no heap snapshot, and nothing was traced"))
    before = sum(row.before_bytes for row in report.rows)
    growth = sum(row.growth_bytes for row in report.rows if not row.noise)
    if not _exceeds(growth, before, limit):
        return report
    return _with(report, Breach(asked, _in_words(growth, before), _largest(report.rows)))


def check_verdict(report: Report, fail_on: FailOn) -> Report:
    """The report with its gate's answer on the verdict; ``suspect`` includes ``leak``."""
    if report.verdict not in _FAILING[fail_on]:
        return report
    failing = [finding for finding in report.findings if finding.verdict in _FAILING[fail_on]]
    where = failing[0].title if failing else ""
    return _with(report, Breach(f"--fail-on {fail_on}", f"the verdict is {report.verdict}", where))


def exit_status(report: Report, target_status: int = FINE) -> int:
    """The target's own status when that is not 0 (a failed script must never read as a leak), else the gate's.

    A target that a signal ended has a negative status, which comes back as it is: the caller knows what a shell wants.
    """
    if target_status != FINE:
        return target_status
    return FINE if report.gate.passed else BREACH


def _exceeds(growth: int, before: int, limit: Limit | None) -> bool:
    if limit is None:
        return growth > DEFAULT_GROWTH_BYTES and _exceeds_percent(growth, before, DEFAULT_GROWTH_PERCENT)
    if limit.size_bytes is not None:
        return growth > limit.size_bytes
    return limit.percent is not None and _exceeds_percent(growth, before, limit.percent)


def _exceeds_percent(growth: int, before: int, percent: float) -> bool:
    """From nothing, any growth exceeds any percentage."""
    return growth > 0 and growth * 100 > percent * before


def _in_words(growth: int, before: int) -> str:
    share = format_change(growth / before) if before else "from nothing"
    return f"grew by {format_bytes(growth)} ({share})"


def _largest(rows: tuple[Row, ...]) -> str:
    largest = max((row for row in rows if not row.noise), key=lambda row: row.growth_bytes)
    return largest.type or f"{largest.site.file}:{largest.site.line}"


def _with(report: Report, breach: Breach) -> Report:
    return replace(report, gate=Gate(passed=False, breaches=(*report.gate.breaches, breach)))
