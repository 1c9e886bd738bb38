"""Which reports go where: what ``--format`` may ask for, and what it may not, together with ``--json``."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdiag.commands.output import Place, _repository, places
from memdiag.errors import UsageError


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("formats", "json", "expected"),
    [
        (None, None, []),
        ([], "-", []),
        (["sarif"], None, [Place("sarif")]),
        (["sarif=-"], None, [Place("sarif")]),
        (["sarif=a=b"], None, [Place("sarif", "a=b")]),
        (["sarif=x", "github"], "y", [Place("sarif", "x"), Place("github")]),
        (["json=x", "json=y"], None, [Place("json", "x"), Place("json", "y")]),
        (["json"], "-", []),  # the same report in the same place is written once
        (["json=x"], "x", []),
        (["junit", "junit"], None, [Place("junit")]),
    ],
)
def test_places(formats: list[str] | None, json: str | None, expected: list[Place]) -> None:
    assert places(formats, json) == tuple(expected)


@pytest.mark.parametrize(
    ("formats", "json", "said"),
    [
        (["yaml"], None, "'yaml'"),
        ([""], None, "''"),
        (["SARIF"], None, "'SARIF'"),
        (["x" * 999], None, "xxx"),
        (["sarif="], None, "no file is named"),
        (["sarif=absent/out"], None, "sarif to absent/out"),
        (["sarif=."], None, "sarif to ."),
        (["sarif", "github"], None, "standard output"),
        (["sarif"], "-", "standard output"),
        (["sarif=one", "junit=./one"], None, "./one"),
        (["sarif=one"], "one", "one"),
    ],
)
def test_places_that_cannot_be(formats: list[str], json: str | None, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        places(formats, json)
    assert said in caught.value.problem
    assert caught.value.next_step
    assert len(caught.value.problem) < 200


def test_the_repository_is_the_nearest_above(tmp_path: Path) -> None:
    inner = tmp_path / "one" / "two"
    inner.mkdir(parents=True)
    (tmp_path / "one" / ".git").write_text("gitdir: elsewhere\n")  # as in a work tree
    assert _repository(str(inner)) == str(tmp_path / "one")
    assert _repository(str(tmp_path / "one")) == str(tmp_path / "one")


@pytest.mark.parametrize("directory", ["", "relative/folder", "/absent/since/then", "nul\0"])
def test_a_folder_that_is_not_here_stands_for_itself(directory: str) -> None:
    assert _repository(directory) == directory
