"""Limits against reports whose growth is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memdiag.gate import DEFAULT_GROWTH_BYTES, FailOn, check_growth, check_verdict, exit_status
from memdiag.model import Breach, Finding, Gate, Report, Row, RunVerdict, Site, TargetInfo
from memdiag.units import parse_limit


def report(*rows: tuple[int, int], command: str = "diff", verdict: RunVerdict = "clean", tracer: str = "") -> Report:
    """A report whose rows have these (before, after) bytes, at lines 1, 2, ..."""
    made = tuple(Row(Site("a.py", line), before, after, 0, 0, "worse") for line, (before, after) in enumerate(rows, 1))
    return Report(command, verdict, "", TargetInfo(()), rows=made, tracer=tracer or "tracemalloc")


def breaches(report: Report) -> list[tuple[str, str, str]]:
    assert report.gate.passed == (not report.gate.breaches)
    return [(breach.limit, breach.measured, breach.where) for breach in report.gate.breaches]


@pytest.mark.parametrize(("growth", "passed"), [(0, True), (999, True), (1000, True), (1001, False)])
def test_size_is_breached_by_more_than_it(growth: int, passed: bool) -> None:
    assert check_growth(report((500, 500 + growth)), parse_limit("1kB")).gate.passed is passed


def test_growth_is_net_of_the_rows_that_shrank() -> None:
    moved = report((0, 5_000_000), (5_000_000, 500_000))
    assert breaches(check_growth(moved, parse_limit("500kB"))) == []
    assert breaches(check_growth(moved, parse_limit("499kB"))) == [
        ("--max-growth 499kB", "grew by 500.0 kB (+10.0 %)", "a.py:1")
    ]


@pytest.mark.parametrize(("after", "passed"), [(100, True), (105, True), (106, False), (20, True)])
def test_percentage_is_of_all_that_was_before(after: int, passed: bool) -> None:
    assert check_growth(report((40, 40), (60, after - 40)), parse_limit("5%")).gate.passed is passed


def test_any_growth_from_nothing_exceeds_any_percentage() -> None:
    assert breaches(check_growth(report((0, 1)), parse_limit("900%"))) == [
        ("--max-growth 900%", "grew by 1 B (from nothing)", "a.py:1")
    ]
    assert check_growth(report((0, 0)), parse_limit("0%")).gate.passed


def test_shrinking_never_breaches_a_limit_of_nothing() -> None:
    for limit in ("0", "0%"):
        assert check_growth(report((1_000, 10)), parse_limit(limit)).gate.passed
        assert not check_growth(report((1_000, 1_001)), parse_limit(limit)).gate.passed


@pytest.mark.parametrize(
    ("before", "growth", "passed"),
    [
        (1_000_000, DEFAULT_GROWTH_BYTES, True),  # much of a small program, yet little
        (1_000_000, DEFAULT_GROWTH_BYTES + 1, False),
        (100_000_000, 5_000_000, True),  # 5 % of a large one
        (100_000_000, 5_000_001, False),
    ],
)
def test_default_limits_must_both_be_exceeded(before: int, growth: int, passed: bool) -> None:
    assert check_growth(report((before, before + growth))).gate.passed is passed


def test_default_limits_are_named_in_the_breach() -> None:
    breached = check_growth(report((20_000_000, 20_000_000), (0, 30_000_000)))
    assert breaches(breached) == [("default limits of 1 MiB and 5 %", "grew by 30.0 MB (+150.0 %)", "a.py:2")]


def test_run_that_measured_nothing_does_not_pass() -> None:
    untraced = report(command="run", tracer="none")
    assert breaches(check_growth(untraced, parse_limit("20MB"))) == [
        ("--max-growth 20MB", "growth was not measured: no heap snapshot, and nothing was traced", "")
    ]
    assert check_growth(report(command="run"), parse_limit("20MB")).gate.passed
    assert check_growth(report(command="diff", tracer="none"), parse_limit("20MB")).gate.passed


@pytest.mark.parametrize(
    ("verdict", "fail_on", "passed"),
    [
        ("leak", "leak", False),
        ("leak", "suspect", False),
        ("suspect", "leak", True),
        ("suspect", "suspect", False),
        ("clean", "suspect", True),
        ("inconclusive", "suspect", True),
    ],
)
def test_verdict_gates_as_asked(verdict: RunVerdict, fail_on: FailOn, passed: bool) -> None:
    assert check_verdict(report(verdict=verdict), fail_on).gate.passed is passed


def test_verdict_breach_names_the_first_finding_that_fails() -> None:
    mild = Finding("1", "growth", "", "", "info", 0.5, "a cache fills up", "", "")
    findings = (mild, replace(mild, verdict="leak", title="the history grows"))
    breached = check_verdict(replace(report(verdict="leak"), findings=findings), "leak")
    assert breaches(breached) == [("--fail-on leak", "the verdict is leak", "the history grows")]


def test_gates_add_up_and_change_nothing_else() -> None:
    before = report((0, 2_000), verdict="leak")
    after = check_verdict(check_growth(before, parse_limit("1kB")), "leak")
    assert [limit for limit, _, _ in breaches(after)] == ["--max-growth 1kB", "--fail-on leak"]
    assert breaches(check_growth(after, parse_limit("1GB"))) == breaches(after)
    assert replace(after, gate=before.gate) == before


@pytest.mark.parametrize(
    ("passed", "target_status", "status"),
    [(True, 0, 0), (False, 0, 1), (True, 3, 3), (False, 3, 3), (False, -9, -9), (True, -15, -15)],
)
def test_target_status_comes_first(passed: bool, target_status: int, status: int) -> None:
    gate = Gate(passed, () if passed else (Breach("limit", "measured"),))
    assert exit_status(replace(report(), gate=gate), target_status) == status
