"""``memdiag captures``: real captures listed and pruned, and nothing else touched."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli import Cli, Result, assert_refused

LEAKY = """
kept = []
for number in range(3_000):
    kept.append([number])
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, a look at cycles and a trace, in this order."""
    cli = Cli(tmp_path_factory.mktemp("recorded"))
    cli.write("leaky.py", LEAKY)
    for words in (["run", "--tracer", "none"], ["cycles"], ["run", "--tracer", "tracemalloc"]):
        assert cli(*words, "leaky.py").status == 0
    return cli.directory


@pytest.fixture
def home(recorded: Path, tmp_path: Path) -> Cli:
    """These captures an hour old and more, and beside them what is none."""
    cli = Cli(tmp_path)
    shutil.copytree(recorded / ".memdiag", tmp_path / ".memdiag")
    for at, path in enumerate(cli.captures()):
        set_age(path, hours=3 - at)
    for name in ("notes.txt", "x.json", "kept.memdiag.bak"):
        (tmp_path / ".memdiag" / name).touch()
    return cli


def set_age(path: Path, hours: float) -> None:
    at = time.time() - hours * 3600
    os.utime(path, (at, at))


def listed(result: Result) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(result.stdout)
    return whole


def test_the_newest_comes_first(home: Cli) -> None:
    whole = listed(home("captures", "--json", "-"))
    found = whole["captures"]
    assert [one["file"] for one in found] == [f".memdiag/{path.name}" for path in reversed(home.captures())]
    assert [one["command"] for one in found] == ["run", "cycles", "run"]
    assert {tuple(one["argv"]) for one in found} == {("leaky.py",)}
    assert [one["size_bytes"] for one in found] == [path.stat().st_size for path in reversed(home.captures())]
    assert found[0]["verdict"] is None  # of a whole trace it would take long to find out
    assert found[1]["verdict"] == "clean"
    assert found[2]["verdict"] is not None
    assert whole["removed"] == []
    told = home("captures")
    assert told.status == 0
    assert told.stdout.startswith(".memdiag/ keeps 3 captures, ")
    for one in found:
        assert f"    {one['file']}\n" in told.stdout


def test_a_listed_name_is_what_other_commands_take(home: Cli) -> None:
    name = listed(home("captures", "--json", "-"))["captures"][1]["file"]
    assert home("report", name).status == 0


def test_pruning_by_number(home: Cli) -> None:
    before = home.captures()
    others = sorted(path.name for path in (home.directory / ".memdiag").iterdir() if path not in before)
    trial = home("captures", "--prune", "--keep", "1", "--dry-run")
    assert trial.stdout.startswith("would remove 2 captures, ")
    assert home.captures() == before
    done = home("captures", "--prune", "--keep", "1", "--json", "pruned.json")
    assert done.stdout.startswith("removed 2 captures, ")
    assert home.captures() == before[-1:]
    assert sorted(path.name for path in (home.directory / ".memdiag").iterdir()) == sorted([*others, before[-1].name])
    whole = json.loads((home.directory / "pruned.json").read_text())
    assert [one["file"] for one in whole["removed"]] == [f".memdiag/{path.name}" for path in before[1::-1]]


def test_pruning_by_age(home: Cli) -> None:
    before = home.captures()
    assert home("captures", "--prune", "--older-than", "7d").stdout.startswith(".memdiag/ keeps 3")
    assert home("captures", "--prune", "--older-than", "90min").stdout.startswith("removed 2")
    assert home.captures() == before[-1:]


def test_without_a_number_twenty_are_kept(home: Cli) -> None:
    one = home.captures()[0]
    for at in range(22):
        shutil.copy(one, one.with_name(f"copy{at}.memdiag"))
    whole = listed(home("captures", "--prune", "--json", "-"))
    assert len(home.captures()) == len(whole["captures"]) == 20
    assert len(whole["removed"]) == 5


def test_a_configuration_says_how_many(home: Cli) -> None:
    home.write("pyproject.toml", "[tool.memdiag]\nkeep = 2\nkeep-days = 30\n")
    before = home.captures()
    assert home("run", "--tracer", "none", "-c", "pass").status == 0
    assert home.captures()[0] == before[-1]
    assert len(home.captures()) == 2
    set_age(home.captures()[0], hours=31 * 24)
    assert home("captures", "--prune").stdout.startswith("removed 1 capture")
    home.write("pyproject.toml", "[tool.memdiag]\nkeep = 0\n")
    assert_refused(home("run", "-c", "pass"), "pyproject.toml", "keep = 0")


def test_a_damaged_file_is_said_to_be_and_stays(home: Cli) -> None:
    damaged = home.directory / ".memdiag" / "damaged.memdiag"
    damaged.write_bytes(home.captures()[0].read_bytes()[:-30])
    set_age(damaged, hours=2.5)
    found = listed(home("captures", "--json", "-"))["captures"]
    (told,) = [one for one in found if one["damage"]]
    assert told["file"] == ".memdiag/damaged.memdiag"
    assert "is not a whole capture" in told["damage"]
    assert "damaged" in home("captures").stdout
    home("captures", "--prune", "--older-than", "165min")
    assert damaged.exists()
    home("captures", "--prune", "--older-than", "2h")
    assert not damaged.exists()


def test_links_are_not_followed(home: Cli, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.memdiag"
    shutil.move(home.captures()[0], elsewhere)
    (tmp_path / ".memdiag" / "link.memdiag").symlink_to(elsewhere)
    assert len(listed(home("captures", "--json", "-"))["captures"]) == 2
    home("captures", "--prune", "--keep", "0")
    assert elsewhere.exists()
    assert (tmp_path / ".memdiag" / "link.memdiag").is_symlink()
    assert len(home.captures()) == 1  # the link


def test_a_directory_elsewhere_is_not_pruned(home: Cli, tmp_path: Path) -> None:
    (tmp_path / ".memdiag").rename(tmp_path / "elsewhere")
    (tmp_path / ".memdiag").symlink_to("elsewhere")
    assert_refused(home("captures", "--prune", "--keep", "0"), "is a link")
    assert len(listed(home("captures", "--json", "-"))["captures"]) == 3


def test_where_there_are_none(tmp_path: Path) -> None:
    told = Cli(tmp_path)("captures", "--prune")
    assert (told.status, told.stdout) == (0, ".memdiag/ keeps no captures: memdiag run script.py makes one\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--keep", "3"], "--prune"),
        (["--dry-run"], "--prune"),
        (["--prune", "--older-than", "7"], "7d"),
        (["--json", "absent/x"], "absent/x"),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, words: list[str], said: str) -> None:
    assert_refused(Cli(tmp_path)("captures", *words), said)
