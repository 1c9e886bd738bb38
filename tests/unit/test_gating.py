"""What is typed, what is configured, and what a verb asks by itself: which of them holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdiag.capture.baseline import write_baseline
from memdiag.commands.gating import asked
from memdiag.errors import UnreadableInput, UsageError
from memdiag.model import Finding, Report, Row, Site, TargetInfo

LEAK = Finding("1", "growth", "", "", "leak", 0.9, "it leaks", "", "")
GROWN = (Row(Site("", 0), 1_000_000, 9_000_000, 1, 2, "worse", type="str"),)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(command: str) -> Report:
    return Report(command, "leak", "", TargetInfo(("shop.py",)), findings=(LEAK,), rows=GROWN, tracer="auto")


def limits(command: str, *typed: str, configured: str = "", defaults: bool = True, **named: str) -> list[str]:
    """What a report that leaks, and has grown by 8 MB, breaches."""
    Path("pyproject.toml").write_text(f"[tool.memdiag]\n{configured}\n")
    found = asked(typed, None, {name.replace("_", "-"): text for name, text in named.items()})
    found.check(command)
    return [breach.limit for breach in found.answered(report(command), defaults=defaults).gate.breaches]


@pytest.mark.usefixtures("project")
def test_what_a_verb_asks_by_itself() -> None:
    assert limits("run") == limits("cycles") == []
    assert limits("check") == ["--fail-on leak"]
    assert limits("diff") == ["default limits of 1 MiB and 5 %"]
    assert limits("check", defaults=False) == limits("diff", defaults=False) == []


def test_a_gate_that_passes_names_what_it_was_asked(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.memdiag]\nmax-growth = "9MB"\nbudgets = {shop = "5MB"}\n')
    gate = asked(["inconclusive"], None, {"max-peak": None}).answered(report("run")).gate
    assert gate.passed
    assert gate.conditions == (
        "--fail-on inconclusive",
        'max-growth = "9MB" in pyproject.toml',
        'budgets.shop = "5MB" in pyproject.toml',
    )


@pytest.mark.usefixtures("project")
def test_what_is_typed_replaces_that() -> None:
    assert limits("check", max_growth="20MB") == []
    assert limits("diff", "growth > 20MB") == []
    assert limits("diff", "leak") == ["--fail-on leak"]


@pytest.mark.usefixtures("project")
def test_what_is_configured_of_the_same_replaces_that() -> None:
    """A limit of growth that is meant for runs must not switch off what check is there for."""
    assert limits("check", configured='max-growth = "20MB"') == ["--fail-on leak"]
    assert limits("check", configured='fail-on = "inconclusive"') == []
    assert limits("diff", configured='max-growth = "20MB"') == []
    assert limits("diff", configured='fail-on = "leak"') == [
        "default limits of 1 MiB and 5 %",
        'fail-on = "leak" in pyproject.toml',
    ]


@pytest.mark.usefixtures("project")
def test_what_is_typed_replaces_what_is_configured_of_the_same() -> None:
    configured = 'fail-on = ["suspect", "growth(shop) > 5MB", "survival_rate > 0"]\nmax-growth = "1MB"'
    growth, verdict = 'max-growth = "1MB" in pyproject.toml', 'fail-on = "suspect" in pyproject.toml'
    assert limits("run", configured=configured) == [verdict, growth]
    assert limits("run", configured=configured, max_growth="9MB") == [verdict]
    assert limits("run", "leak", configured=configured) == ["--fail-on leak", growth]
    assert limits("run", "growth(shop) > 1MB", configured=configured) == [verdict, growth]


@pytest.mark.usefixtures("project")
def test_only_what_is_typed_must_exist_for_the_command() -> None:
    assert limits("run", configured="max-survival-rate = 0") == []
    with pytest.raises(UsageError, match="--max-survival-rate 0: memdiag run does not measure"):
        limits("run", max_survival_rate="0")


def test_a_baseline_asks_for_what_is_new_unless_something_is_asked_of_findings(project: Path) -> None:
    write_baseline([], project / "known.json")
    configured = 'baseline = "known.json"'
    assert limits("run", configured=configured) == ["baseline known.json"]
    assert limits("run", "leak", configured=configured) == ["--fail-on leak"]
    assert limits("run", "findings > 5", configured=configured) == []
    assert limits("check", configured=configured) == ["--fail-on leak"]
    assert limits("check", configured=configured, max_growth="20MB") == []


@pytest.mark.usefixtures("project")
def test_new_findings_want_a_baseline() -> None:
    for typed, configured in (("new_findings > 0", ""), ("leak", 'fail-on = "new_findings(shop) > 0"')):
        with pytest.raises(UsageError, match="there is no baseline"):
            limits("run", typed, configured=configured)
    with pytest.raises(UnreadableInput, match=r"baseline in pyproject\.toml: .*absent\.json"):
        limits("run", configured='baseline = "absent.json"')


def test_a_limit_on_what_is_nowhere_to_be_found_is_noted(project: Path) -> None:
    (project / "src" / "shop").mkdir(parents=True)
    (project / "stock.py").touch()
    budgets = 'budgets = {shop = "5MB", stock = "5MB", shpo = "5MB", json = "5MB", "__main__" = "5MB"}'
    (project / "pyproject.toml").write_text(f"[tool.memdiag]\n{budgets}\n")
    notes = asked(None, None, {}).answered(report("run")).notes
    assert notes == ("there is no shpo here, to which a limit is set: check the name",)
