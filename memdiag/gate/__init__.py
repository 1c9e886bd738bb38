"""Limits, budgets, a baseline and ignore rules against a report: pure, and the only place that decides an exit status.

    conditions = [gate.parse("leak"), gate.parse("growth > 20MB")]
    report = gate.hidden(report, rules, today)          # what the configuration ignores
    report = gate.compared(report, baseline)            # what is known
    report = gate.with_held(report, gate.packages_of(conditions))    # where conditions name packages
    report = gate.answered(report, conditions)          # report.gate.passed, report.gate.breaches
    status = gate.exit_status(report, target_status)

Nothing is taken out of a report: findings are marked, notes and breaches are added. So several gates can be applied one
after the other, in any order, once what is hidden is known.
"""

from __future__ import annotations

from typing import Literal

from memdiag.gate.answers import (
    DEFAULT_GROWTH_BYTES,
    DEFAULT_GROWTH_PERCENT,
    Sides,
    answered,
    by_default,
    exit_status,
    packages_of,
    with_held,
)
from memdiag.gate.conditions import (
    SHORTHANDS,
    WORDS,
    Comparison,
    Condition,
    Place,
    Verdict,
    check_exists,
    exists_for,
    of_package,
    parse,
    shorthand,
)
from memdiag.gate.figures import FIGURES
from memdiag.gate.hiding import Rule, hidden
from memdiag.gate.known import compared
from memdiag.gate.rules import rules_of
from memdiag.model import Report
from memdiag.units import Limit

__all__ = [
    "DEFAULT_GROWTH_BYTES",
    "DEFAULT_GROWTH_PERCENT",
    "FIGURES",
    "SHORTHANDS",
    "WORDS",
    "Comparison",
    "Condition",
    "FailOn",
    "Place",
    "Rule",
    "Sides",
    "Verdict",
    "answered",
    "by_default",
    "check_exists",
    "check_growth",
    "check_verdict",
    "compared",
    "exists_for",
    "exit_status",
    "hidden",
    "of_package",
    "packages_of",
    "parse",
    "rules_of",
    "shorthand",
    "with_held",
]

FailOn = Literal["leak", "suspect"]


def check_growth(report: Report, limit: Limit | None = None) -> Report:
    """The report with its gate's answer on net growth; without a limit, by the defaults of ``diff``."""
    if limit is None:
        return by_default(report)
    return answered(report, [Comparison("growth", ">", limit, asked=f"--max-growth {limit.text}")])


def check_verdict(report: Report, fail_on: FailOn) -> Report:
    """The report with its gate's answer on the verdict; ``suspect`` includes ``leak``."""
    return answered(report, [Verdict(fail_on, asked=f"--fail-on {fail_on}")])
