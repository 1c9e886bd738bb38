"""The language of the gate on whatever may be written in it, and its answers on whatever may be measured."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from memdiag import gate
from memdiag.capture.baseline import without_figures
from memdiag.errors import UsageError
from memdiag.gate import FIGURES, Comparison, Place
from memdiag.gate.figures import Figure
from memdiag.gate.hiding import matches
from memdiag.model import CycleEvidence, Moment, PassResult, Report, Rounds, Row, Sample, Site, TargetInfo

NUMBERS = st.one_of(
    st.integers(0, 10**12).map(str),
    st.decimals(0, 10**6, places=3).map(str),
)
SIZES = st.tuples(NUMBERS, st.sampled_from(["", "B", "kB", "MB", " GiB", "mib"])).map("".join)
SHARES = st.one_of(st.decimals(0, 1, places=4).map(str), st.integers(0, 100).map(lambda number: f"{number}%"))
LIMITS = {
    "share": SHARES,
    "count": st.integers(0, 10**12).map(str),
    "size": SIZES,
    "size or percent": st.one_of(SIZES, NUMBERS.map(lambda number: f"{number} %")),
    "rate": SIZES.map(lambda size: f"{size}/op"),
}
BLANKS = st.sampled_from(["", " ", "  ", "\t"])
PARTS = st.text(string.ascii_letters + "_", min_size=1, max_size=6)
PACKAGES = st.lists(PARTS, min_size=1, max_size=3).map(".".join)


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    figure = FIGURES[draw(st.sampled_from(sorted(FIGURES)))]
    package = figure.package == "must be" or (figure.package == "may be" and draw(st.booleans()))
    named = f"({draw(PACKAGES)})" if package else ""
    words = [figure.name, named, figure.worse + draw(st.sampled_from(["", "="])), draw(LIMITS[figure.unit])]
    return "".join(draw(BLANKS) + word for word in words) + draw(BLANKS)


@given(st.one_of(comparisons(), st.sampled_from(["leak", "suspect", "inconclusive"])))
def test_what_is_printed_means_the_same(text: str) -> None:
    condition = gate.parse(text, Place("--fail-on"))
    again = gate.parse(str(condition))
    assert again == condition
    assert str(again) == str(condition)


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_condition_or_a_usage_error(text: str) -> None:
    error = None
    try:
        condition = gate.parse(text, Place("--fail-on"))
    except UsageError as caught:
        error = caught
    if error is None:
        assert gate.parse(str(condition)) == condition
        return
    assert error.problem.startswith("--fail-on: ")
    assert error.next_step
    assert len(error.problem) < 300


# --- answers --------------------------------------------------------------------------------------------------


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """With something for every figure but those of findings."""
    small = st.integers(0, 1000)
    created = draw(small)
    surviving = draw(st.integers(0, created))
    passes = tuple(
        PassResult(number, draw(small), surviving, draw(small)) for number in range(1, draw(st.integers(1, 4)))
    )
    seen = CycleEvidence(
        Moment(0.1, "exit"),
        created,
        passes,
        (),
        (),
        uncollectable=draw(st.integers(0, 3)),
        growth_under_load_bytes=draw(st.none() | st.integers(0, 10**9)),
        cleanup_effectiveness=draw(st.none() | st.floats(0, 1)),
    )
    ends = draw(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=4))
    rows = tuple(Row(Site("shop.py", 1), before, after, 0, 0, "worse") for before, after in ends)
    sizes = draw(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=5))
    return Report(
        "pytest",  # a command that is not known here: every figure may be asked for
        "clean",
        "",
        TargetInfo(("shop.py",)),
        samples=tuple(Sample(0.1, rss_bytes=draw(st.none() | st.integers(0, 10**9))) for _ in range(2)),
        rows=rows,
        survival=draw(st.sampled_from([None, seen])),
        rounds=Rounds(tuple(range(0, 10 * len(sizes), 10)), (0,) * len(sizes), tuple(sizes)),
        tracer="tracemalloc",
    )


@st.composite
def two_limits(draw: st.DrawFn) -> tuple[Comparison, Comparison]:
    """One figure with two limits of one kind, the second more generous, or the same."""
    figure = FIGURES[draw(st.sampled_from(sorted(FIGURES)))]
    package = "(shop)" if figure.package == "must be" else ""
    of_percent = figure.unit == "size or percent" and draw(st.booleans())
    texts = NUMBERS.map(lambda number: f"{number}%") if of_percent else LIMITS[figure.unit].filter(_is_plain(figure))
    operator = figure.worse + draw(st.sampled_from(["", "="]))
    pair = [gate.parse(f"{figure.name}{package} {operator} {draw(texts)}") for _ in range(2)]
    strict, generous = sorted((one for one in pair if isinstance(one, Comparison)), key=_size)
    return (strict, generous) if figure.worse == ">" else (generous, strict)


def _is_plain(figure: Figure) -> Callable[[str], bool]:
    return lambda text: figure.unit != "size or percent" or "%" not in text


def _size(one: Comparison) -> float:
    limit = one.limit
    found = (limit.size_bytes, limit.percent, limit.bytes_per_operation, limit.count, limit.share)
    return next(float(value) for value in found if value is not None)


@given(reports(), two_limits())
def test_a_more_generous_limit_never_makes_a_pass_fail(report: Report, limits: tuple[Comparison, Comparison]) -> None:
    strict, generous = limits
    if gate.answered(report, [strict]).gate.passed:
        assert gate.answered(report, [generous]).gate.passed


@given(reports(), st.lists(comparisons().map(gate.parse), max_size=4))
def test_each_condition_is_answered_by_itself_and_nothing_else_changes(
    report: Report, conditions: list[gate.Condition]
) -> None:
    answer = gate.answered(report, conditions)
    alone = [breach for one in conditions for breach in gate.answered(report, [one]).gate.breaches]
    assert list(answer.gate.breaches) == alone
    assert answer.gate.passed == (not alone)
    assert answer.gate.conditions == tuple(condition.asked for condition in conditions)
    assert replace(answer, gate=report.gate) == report
    assert all(breach.measured for breach in alone)


# --- names ----------------------------------------------------------------------------------------------------


@given(st.text(max_size=20))
def test_every_path_matches_itself_and_the_star(path: str) -> None:
    assert matches(path, path)
    assert matches("*", path)
    assert matches(path[:3] + "*", path)


@given(st.text(string.ascii_letters + " .,:()", max_size=20), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_title_is_the_same_whatever_was_counted(words: str, one: int, other: int) -> None:
    assert without_figures(f"{words} {one:,} Turn") == without_figures(f"{words} {other:,} Turn")
