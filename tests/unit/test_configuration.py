"""``[tool.memdiag]``: where it is looked for, what it may say, and what is said of what it may not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from memdiag import gate
from memdiag.commands import configuration
from memdiag.commands.configuration import Configuration
from memdiag.errors import UsageError
from memdiag.gate import Rule

EVERYTHING = """
[tool.other]
memdiag = 5

[tool.memdiag]
target = "script.py --option 'a b'"
fail-on = ["suspect", "survival_rate > 0"]
max-growth = "20MB"
max-passes-needed = 2
min-gc-effectiveness = 0.95
baseline = "known.json"

[tool.memdiag.budgets]
shop = "20MB"
"shop.cache" = {growth = "5MB", retained = "30MB"}

[[tool.memdiag.ignore]]
path = "shop.*"
kind = "growth"
reason = "the product"
expires = 2026-12-31

[[tool.memdiag.ignore]]
id = "8c1f0e7a1234"
reason = "upstream"
expires = "2027-01-31"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which we are; what is above it is not looked at."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_everything_that_may_be_said(project: Path) -> None:
    write(project, EVERYTHING)
    found = configuration.read()
    assert found.target is not None
    assert found.target.argv == ("script.py", "--option", "a b")
    assert [str(condition) for condition in found.conditions] == [
        "suspect",
        "survival_rate > 0",
        "growth > 20MB",
        "gc_effectiveness < 0.95",
        "passes_needed > 2",
    ]
    assert [str(condition) for condition in found.budgets] == [
        "retained(shop) > 20MB",
        "growth(shop.cache) > 5MB",
        "retained(shop.cache) > 30MB",
    ]
    assert [one.asked for one in (*found.conditions, *found.budgets) if isinstance(one, gate.Comparison)] == [
        'fail-on = "survival_rate > 0" in pyproject.toml',
        'max-growth = "20MB" in pyproject.toml',
        'min-gc-effectiveness = "0.95" in pyproject.toml',
        'max-passes-needed = "2" in pyproject.toml',
        'budgets.shop = "20MB" in pyproject.toml',
        'budgets."shop.cache".growth = "5MB" in pyproject.toml',
        'budgets."shop.cache".retained = "30MB" in pyproject.toml',
    ]
    assert found.baseline == Path("known.json")
    assert found.ignore == (
        Rule("the product", path="shop.*", kind="growth", expires=date(2026, 12, 31)),
        Rule("upstream", id="8c1f0e7a1234", expires=date(2027, 1, 31)),
    )


def test_the_nearest_file_that_has_the_table(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, '[tool.memdiag]\nfail-on = "leak"\ntarget = "script.py"\nbaseline = "known.json"\n')
    write(project / "part" / "deep", "[tool.other]\n")
    monkeypatch.chdir(project / "part" / "deep")
    found = configuration.read()
    assert [str(condition) for condition in found.conditions] == ["leak"]
    assert found.target is not None
    assert found.target.value == "../../script.py"  # named from where the file is
    assert found.baseline == Path("../../known.json")
    assert found.file == "../../pyproject.toml"
    write(project / "part", "[tool.memdiag]\n")
    assert configuration.read() == Configuration(file="../pyproject.toml")


def test_what_is_above_the_repository_is_not_ours(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, '[tool.memdiag]\nfail-on = "leak"\n')
    (project / "inner" / ".git").mkdir(parents=True)
    monkeypatch.chdir(project / "inner")
    assert configuration.read() == Configuration()


def test_without_a_file_or_a_table_nothing_is_asked(project: Path) -> None:
    assert configuration.read() == Configuration()
    write(project, "[project]\nname = 'x'\n")
    assert configuration.read() == Configuration()


@pytest.mark.parametrize(
    ("text", "problem", "next_step"),
    [
        ("tool.memdiag = 5", "[tool.memdiag] in pyproject.toml is no table", "fail-on"),
        ("x = ", "cannot read pyproject.toml", "mend it"),
        ('failon = "leak"', "no key 'failon' in [tool.memdiag] of pyproject.toml", "did you mean fail-on?"),
        ('fail_on = "leak"', "no key 'fail_on'", "did you mean fail-on?"),
        ('max-pass-needed = "2"', "no key 'max-pass-needed'", "did you mean max-passes-needed?"),
        ("weather = 1", "no key 'weather'", "there are target, fail-on"),
        ("target = 5", "target in pyproject.toml", 'target = "'),
        ("fail-on = 5", "fail-on in pyproject.toml is not a condition", "fail-on"),
        ('fail-on = ["leak", 5]', "fail-on in pyproject.toml", "fail-on"),
        ('fail-on = "leek"', "fail-on in pyproject.toml: 'leek'", "did you mean leak?"),
        ('fail-on = "survival_rate > 3"', "fail-on in pyproject.toml: '3' is not a share", "survival_rate > 5%"),
        ("max-growth = true", "max-growth in pyproject.toml", "max-growth"),
        ("max-growth = []", "max-growth in pyproject.toml", "max-growth"),
        ("max-growth = nan", "max-growth in pyproject.toml: 'nan' is not a limit", 'max-growth = "20MB"'),
        ('max-growth = "5 apples"', "max-growth in pyproject.toml", 'max-growth = "20MB"'),
        ("max-passes-needed = -1", "max-passes-needed in pyproject.toml", 'max-passes-needed = "2"'),
        ("max-passes-needed = 1.5", "max-passes-needed in pyproject.toml", "max-passes-needed"),
        ("baseline = 5", "baseline in pyproject.toml", "baseline"),
        ('baseline = ""', "baseline in pyproject.toml", "baseline"),
        ('budgets = "5MB"', "budgets in pyproject.toml is not a table", "budgets"),
        ("budgets.shop = []", "budgets.shop in pyproject.toml", "budgets.shop"),
        ('budgets.shop.cache = "5MB"', "budgets.shop.cache in pyproject.toml", '"shop.cache"'),
        ('budgets.shop = {grwth = "5MB"}', "budgets.shop.grwth", "did you mean growth?"),
        ('budgets.shop = "5%"', "budgets.shop in pyproject.toml: '5%' is not a size", 'budgets.shop = "20MB"'),
        ('budgets."a b" = "5MB"', "'a b' is no package", "dots"),
        ("ignore = 5", "ignore in pyproject.toml is not a list of tables", "ignore"),
        ("ignore = [5]", "ignore in pyproject.toml is not a list of tables", "ignore"),
        ('ignore = [{path = "x"}]', "ignore 1 in pyproject.toml has no reason", "reason"),
        ('ignore = [{reason = "x"}]', "ignore 1 in pyproject.toml names no finding", "id, path"),
        ('ignore = [{path = "x", reason = " "}]', "reason of ignore 1", "reason"),
        ('ignore = [{path = 5, reason = "x"}]', "path of ignore 1", "path"),
        ('ignore = [{paths = "x", reason = "x"}]', "no key 'paths' in [tool.memdiag.ignore]", "did you mean path?"),
        ('ignore = [{path = "x", reason = "x", expires = "soon"}]', "expires of ignore 1", "expires"),
        ('ignore = [{path = "x", reason = "x", expires = 2026}]', "expires of ignore 1", "expires"),
        ('ignore = [{kind = "growht", reason = "x"}]', "kind of ignore 1", "did you mean growth?"),
    ],
)
def test_what_may_not_be_said(project: Path, text: str, problem: str, next_step: str) -> None:
    write(project, text if text.startswith("tool") else f"[tool.memdiag]\n{text}\n")
    with pytest.raises(UsageError) as caught:
        configuration.read()
    assert problem in caught.value.problem
    assert next_step in caught.value.next_step
