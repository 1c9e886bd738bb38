"""Conditions applied to a report: which are met, in words, and the exit status that comes of it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from memdiag.errors import BREACH, FINE
from memdiag.gate.conditions import Comparison, Condition, Verdict
from memdiag.gate.figures import FIGURES, Measured, Missing
from memdiag.gate.packages import between, by_lines, held
from memdiag.model import Breach, Finding, Gate, Report

Sides = tuple[Sequence[Report], Sequence[Report]]  # on the runs before and on those after

# What `diff` tolerates when the user names no limit. Both must be exceeded: two runs of one program differ by some
# kilobytes (caches, interned names, hash seeds), and a small program by some per cent.
DEFAULT_GROWTH_BYTES = 1024 * 1024
DEFAULT_GROWTH_PERCENT = 5.0

_OPERATORS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_FAILING = {"leak": {"leak"}, "suspect": {"leak", "suspect"}, "inconclusive": {"inconclusive"}}
_DIGITS = 9  # to which shares are compared: 1 - 0.07 is 0.93 to a person


def answered(report: Report, conditions: Iterable[Condition]) -> Report:
    """The report with its gate's answer to each of the conditions; breaches that it had are kept."""
    for condition in conditions:
        report = _with(report, condition.asked or str(condition), _breach(report, condition))
    return report


def by_default(report: Report) -> Report:
    """The report with the answer of ``diff`` where no limit is named."""
    asked = "default limits of 1 MiB and 5 %"
    growth = FIGURES["growth"].measure(report, "")
    if not isinstance(growth, Measured):
        return _with(report, asked, Breach(asked, f"growth was not measured: {growth.why}"))
    much = _exceeds_percent(growth.value, growth.before, DEFAULT_GROWTH_PERCENT, operator.gt)
    beyond = growth.value > DEFAULT_GROWTH_BYTES and much
    return _with(report, asked, Breach(asked, growth.words, growth.where) if beyond else None)


def packages_of(conditions: Iterable[Condition]) -> list[str]:
    """The packages that the conditions are about."""
    return list(dict.fromkeys(one.package for one in conditions if isinstance(one, Comparison) and one.package))


def with_held(report: Report, packages: Iterable[str], sides: Sides | None = None) -> Report:
    """The report with what each of the packages holds; ``sides`` are the reports on the runs that ``diff`` compares."""
    if sides is None or by_lines(report):
        found = [held(report, package) for package in packages]
    else:
        found = [between(*sides, package) for package in packages]
    return replace(report, held=tuple(one for one in found if one is not None))


def exit_status(report: Report, target_status: int = FINE) -> int:
    """The target's own status when that is not 0 (a failed script must never read as a leak), else the gate's.

    A target that a signal ended has a negative status, which comes back as it is: the caller knows what a shell wants.
    """
    if target_status != FINE:
        return target_status
    return FINE if report.gate.passed else BREACH


def _with(report: Report, asked: str, breach: Breach | None) -> Report:
    breaches = report.gate.breaches if breach is None else (*report.gate.breaches, breach)
    return replace(report, gate=Gate(not breaches, breaches, (*report.gate.conditions, asked)))


def _breach(report: Report, condition: Condition) -> Breach | None:
    if isinstance(condition, Verdict):
        return _of_verdict(report, condition)
    asked = condition.asked or str(condition)
    found = FIGURES[condition.figure].measure(report, condition.package)
    if isinstance(found, Missing):
        return Breach(asked, f"{condition.figure} was not measured: {found.why}")
    return Breach(asked, found.words, found.where) if _is_met(condition, found) else None


def _of_verdict(report: Report, condition: Verdict) -> Breach | None:
    """A verdict that comes of findings is as good as those of them that are neither known nor ignored."""
    failing = _FAILING[condition.word]
    if report.verdict not in failing:
        return None
    causes = [finding for finding in report.findings if finding.verdict in failing and finding.is_worse]
    new = [finding for finding in causes if finding.is_new]
    if causes and not new:
        return None
    words = f"the verdict is {report.verdict}"
    if len(new) < len(causes):
        worst = "leak" if any(finding.verdict == "leak" for finding in new) else "suspect"
        words = f"the verdict is {worst} without what is known or ignored"
    return Breach(condition.asked or str(condition), words, _first(new))


def _first(findings: list[Finding]) -> str:
    return findings[0].title if findings else ""


def _is_met(condition: Comparison, found: Measured) -> bool:
    limit, compare = condition.limit, _OPERATORS[condition.operator]
    if limit.percent is not None:
        return _exceeds_percent(found.value, found.before, limit.percent, compare)
    if limit.share is not None:
        return bool(compare(round(found.value, _DIGITS), round(limit.share, _DIGITS)))
    bounds = (limit.size_bytes, limit.bytes_per_operation, limit.count)
    return bool(compare(found.value, next(bound for bound in bounds if bound is not None)))


def _exceeds_percent(growth: float, before: int, percent: float, compare: Callable[[float, float], bool]) -> bool:
    """From nothing, any growth exceeds any percentage; what shrank exceeds none."""
    return growth > 0 and compare(growth * 100, percent * before)
