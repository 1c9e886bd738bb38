"""The language of the gate: what may be written, what it means, and what is said of what may not."""

from __future__ import annotations

import pytest

from memdiag import gate
from memdiag.errors import UsageError
from memdiag.gate import FIGURES, Comparison, Place, Verdict
from memdiag.units import Limit

OPTION = Place("--fail-on")
KEY = Place("max-growth", "pyproject.toml")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("leak", Verdict("leak")),
        (" Suspect ", Verdict("suspect")),
        ("inconclusive", Verdict("inconclusive")),
        ("survival_rate > 0", Comparison("survival_rate", ">", Limit("0", share=0.0))),
        ("survival-rate>=5%", Comparison("survival_rate", ">=", Limit("5%", share=0.05))),
        ("gc_effectiveness < 95%", Comparison("gc_effectiveness", "<", Limit("95%", share=0.95))),
        ("cleanup_effectiveness <= 0.95", Comparison("cleanup_effectiveness", "<=", Limit("0.95", share=0.95))),
        ("passes_needed > 2", Comparison("passes_needed", ">", Limit("2", count=2))),
        ("growth_under_load > 10MB", Comparison("growth_under_load", ">", Limit("10MB", size_bytes=10_000_000))),
        ("growth > 5 %", Comparison("growth", ">", Limit("5 %", percent=5.0))),
        ("GROWTH > 1.5GiB", Comparison("growth", ">", Limit("1.5GiB", size_bytes=3 << 29))),
        ("growth(shop.cache) > 5MB", Comparison("growth", ">", Limit("5MB", size_bytes=5_000_000), "shop.cache")),
        ("retained ( shop ) > 1kB", Comparison("retained", ">", Limit("1kB", size_bytes=1000), "shop")),
        ("findings(shop) > 0", Comparison("findings", ">", Limit("0", count=0), "shop")),
        (
            "growth_per_operation > 2KB/op",
            Comparison("growth_per_operation", ">", Limit("2KB/op", bytes_per_operation=2000.0)),
        ),
        ("growth > 0.5 B/call", Comparison("growth_per_operation", ">", Limit("0.5 B/call", bytes_per_operation=0.5))),
    ],
)
def test_what_is_written(text: str, meant: gate.Condition) -> None:
    assert gate.parse(text, OPTION) == meant


@pytest.mark.parametrize(
    ("text", "problem", "next_step"),
    [
        ("survival_rat > 0", "'survival_rat'", "did you mean survival_rate?"),
        ("leek", "'leek'", "did you mean leak?"),
        ("max-peak > 5MB", "'max-peak'", "did you mean peak?"),
        ("weather > 5", "'weather'", "growth_per_operation"),
        ("", "''", "leak, suspect"),
        ("survival_rate > 3", "not a share", "--fail-on 'survival_rate > 5%'"),
        ("survival_rate > -1", "not a share", "survival_rate"),
        ("survival_rate > 101%", "not a share", "survival_rate"),
        ("passes_needed > 1.5", "not a count", "passes_needed > 2"),
        ("uncollectable > -1", "not a count", "uncollectable > 2"),
        ("growth > 5 apples", "'5 apples' is not a limit", "growth > 20MB"),
        ("growth > -5MB", "not a limit", "growth > 20MB"),
        ("growth >", "'' is not a limit", "growth > 20MB"),
        ("peak > 5%", "not a size", "peak > 20MB"),
        ("growth_per_operation > 5%", "not a rate", "growth_per_operation > 2KB/op"),
        ("gc_effectiveness > 95%", "more gc_effectiveness is better", "gc_effectiveness < 95%"),
        ("growth < 5MB", "less growth is better", "growth > 5MB"),
        ("growth == 5MB", "not by ==", "growth > 5MB"),
        ("peak(shop) > 5MB", "of the whole program", "peak"),
        ("retained > 5MB", "of a package", "retained(shop) > 20MB"),
        ("growth(../shop) > 5MB", "no package", "growth(shop.cache)"),
        ("growth() > 5MB", "no package", "growth(shop.cache)"),
    ],
)
def test_what_cannot_be_written(text: str, problem: str, next_step: str) -> None:
    with pytest.raises(UsageError) as caught:
        gate.parse(text, OPTION)
    assert caught.value.problem.startswith("--fail-on: ")
    assert problem in caught.value.problem
    assert next_step in caught.value.next_step


def test_without_a_place_the_problem_stands_alone() -> None:
    with pytest.raises(UsageError) as caught:
        gate.parse("leek")
    assert caught.value.problem.startswith("'leek'")


@pytest.mark.parametrize(
    ("name", "text", "same_as"),
    [
        ("max-growth", "20MB", "growth > 20MB"),
        ("max-growth", "2KB/op", "growth_per_operation > 2KB/op"),
        ("max-peak", "500MB", "peak > 500MB"),
        ("max-survival-rate", "5%", "survival_rate > 5%"),
        ("min-gc-effectiveness", "0.95", "gc_effectiveness < 0.95"),
        ("max-passes-needed", "2", "passes_needed > 2"),
        ("min-cleanup-effectiveness", "95%", "cleanup_effectiveness < 95%"),
        ("max-growth-under-load", "10MB", "growth_under_load > 10MB"),
        ("max-uncollectable", "0", "uncollectable > 0"),
    ],
)
def test_shorthands_are_comparisons(name: str, text: str, same_as: str) -> None:
    assert gate.shorthand(name, text, Place(f"--{name}")) == gate.parse(same_as)


def test_every_shorthand_is_of_a_figure_on_its_worse_side() -> None:
    assert all(FIGURES[figure].worse == operator for figure, operator in gate.SHORTHANDS.values())


def test_a_condition_says_how_it_was_asked_for() -> None:
    assert gate.parse("leak", OPTION).asked == "--fail-on leak"
    assert gate.parse("growth >\t5MB", OPTION).asked == "--fail-on 'growth > 5MB'"
    assert gate.shorthand("max-growth", "5MB", Place("--max-growth")).asked == "--max-growth 5MB"
    assert gate.shorthand("max-growth", "5MB", KEY).asked == 'max-growth = "5MB" in pyproject.toml'


def test_an_example_is_written_as_its_place_wants_it() -> None:
    with pytest.raises(UsageError) as caught:
        gate.shorthand("max-growth", "lots", KEY)
    assert caught.value.next_step == 'such as max-growth = "20MB" in pyproject.toml'


@pytest.mark.parametrize("package", ["", "a b", "a..b", "3d", "shop/cache", "*"])
def test_a_budget_is_of_a_package(package: str) -> None:
    with pytest.raises(UsageError, match="no package"):
        gate.of_package("growth", package, "5MB", KEY)


@pytest.mark.parametrize(
    ("text", "command", "verbs"),
    [
        ("survival_rate > 0", "run", "memdiag cycles does"),
        ("growth > 5MB", "cycles", "memdiag run or memdiag diff or memdiag check do"),
        ("growth > 2KB/op", "run", "memdiag check does"),
        ("peak > 5MB", "diff", "memdiag run or memdiag cycles do"),
    ],
)
def test_a_figure_that_cannot_exist_for_a_command(text: str, command: str, verbs: str) -> None:
    condition = gate.parse(text, OPTION)
    assert not gate.exists_for(condition, command)
    with pytest.raises(UsageError, match=f"memdiag {command} does not measure") as caught:
        gate.check_exists(condition, command)
    assert caught.value.next_step == verbs


def test_verdicts_exist_for_all_and_figures_for_what_is_not_known() -> None:
    for command in ("run", "cycles", "diff", "check"):
        gate.check_exists(gate.parse("leak"), command)
    gate.check_exists(gate.parse("survival_rate > 0"), "pytest")
