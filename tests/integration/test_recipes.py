"""The recipes for CI in the README: what they are written in is valid, and their steps do what they are for."""

from __future__ import annotations

import ast
import configparser
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from memdiag.commands.app import app
from tests import consumers
from tests.integration.programs import clean_environment

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

LEAKY = """
answers = {}

class Quote:
    pass

def handle():
    answers[len(answers)] = Quote()
"""


def recipe(name: str) -> str:
    """The block behind its marker, as ``.ci/run`` finds the commands of the README."""
    lines = iter((ROOT / "README.md").read_text("utf-8").splitlines())
    next(line for line in lines if line == f"<!-- {name} -->")
    next(line for line in lines if line.startswith("```"))
    block: list[str] = []
    for line in lines:
        if line.startswith("```"):
            return "\n".join(block) + "\n"
        block.append(line)
    raise AssertionError(f"{name} has no end")


def loaded(name: str) -> Any:
    return yaml.safe_load(recipe(name))


def workflow_steps() -> list[str]:
    return [step["run"] for step in loaded("ci-github")["jobs"]["leaks"]["steps"] if "run" in step]


def hook() -> dict[str, Any]:
    """The hook of the pre-commit recipe, over what ``.pre-commit-hooks.yaml`` says of it."""
    (repository,) = loaded("ci-pre-commit")["repos"]
    (asked,) = repository["hooks"]
    offered = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    return {**next(one for one in offered if one["id"] == asked["id"]), **asked}


def nox_commands() -> Iterator[list[str]]:
    for node in ast.walk(ast.parse(recipe("ci-nox"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "session.run":
            yield [ast.literal_eval(argument) for argument in node.args]


def commands() -> list[list[str]]:
    """The words of each command of memdiag in the recipes, in this order: GitHub, GitLab, pre-commit, tox, nox."""
    tox = configparser.ConfigParser()
    tox.read_string(recipe("ci-tox"))
    lines = [*workflow_steps(), *loaded("ci-gitlab")["leaks"]["script"]]
    words = [shlex.split(line) for line in lines]
    words.append([*shlex.split(hook()["entry"]), *hook()["args"]])
    words.append(shlex.split(tox["testenv:leaks"]["commands"]))
    return [one for one in (*words, *nox_commands()) if one[0] == "memdiag"]


def test_there_is_one_in_each() -> None:
    assert len(commands()) == 5


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_of_memdiag_parses(words: list[str]) -> None:
    group: Any = typer.main.get_command(app)
    verb = group.commands[words[1]]
    assert verb.make_context(words[1], list(words[2:])).params["function"] == "shop:handle"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ci-github", ["--builtin-schema", "vendor.github-workflows"]),
        ("ci-github-diff", ["--builtin-schema", "vendor.github-workflows"]),
        ("ci-gitlab", ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
)
def test_a_recipe_keeps_to_its_systems_schema(name: str, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "recipe.yml").write_text(recipe(name), "utf-8")
    check = [sys.executable, "-m", "check_jsonschema", *options, str(tmp_path / "recipe.yml")]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop")
    (place / "shop.py").write_text(LEAKY)
    return place


def ran(line: str, place: Path, *more: Path) -> subprocess.CompletedProcess[str]:
    """One step, as a CI system's shell runs it, with memdiag installed; ``more`` are other programs' directories."""
    path = os.pathsep.join([*map(str, more), str(BIN), os.environ["PATH"]])
    environment = clean_environment(
        PATH=path, GITHUB_STEP_SUMMARY=str(place / "summary.md"), GITHUB_BASE_REF="main", NUMBER="7"
    )
    shell = ["bash", "-eo", "pipefail", "-c", line]
    return subprocess.run(shell, cwd=place, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_workflow_finds_the_leak(shop: Path) -> None:
    *_, check = workflow_steps()
    done = ran(check, shop)
    assert done.returncode == 1
    (command,) = consumers.workflow_commands(done.stdout)
    assert (command.name, command.properties["file"]) == ("error", "shop.py")
    upload = loaded("ci-github")["jobs"]["leaks"]["steps"][-1]
    (result,) = consumers.sarif_run((shop / upload["with"]["sarif_file"]).read_text("utf-8"))["results"]
    assert result["level"] == "error"
    assert consumers.markdown_page((shop / "summary.md").read_text("utf-8")).rows[1][0] == "LEAK"


def test_the_job_of_gitlab_finds_the_leak(shop: Path) -> None:
    job = loaded("ci-gitlab")["leaks"]
    *_, check = job["script"]
    assert ran(check, shop).returncode == 1
    assert consumers.junit_suite((shop / job["artifacts"]["reports"]["junit"]).read_text("ascii")).failures == 2


APP = """
import zlib

work = bytes(200_000)
kept = []

class Turn:
    def __init__(self, number):
        self.text = f"turn {{number}}" * 20

for number in range(4000):
    turn = Turn(number)
    {}
    zlib.crc32(work)
"""
GH = """#!/bin/sh
echo "$@" > said && cp memdiag.md comment.md
"""


@pytest.fixture
def request_of(tmp_path: Path) -> Path:
    """A checkout of a branch that leaks what its base, ``main`` of the repository that it is of, does not."""

    def git(*words: str) -> None:
        name = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
        subprocess.run(["git", *name, *words], cwd=tmp_path / "work", check=True, capture_output=True)

    (tmp_path / "work").mkdir()
    git("init", "-q", "-b", "main")
    for branch, line in (("main", "turn.text.upper()"), ("request", "kept.append(turn)")):
        (tmp_path / "work" / "app.py").write_text(APP.format(line))
        git("checkout", "-q", "-B", branch)
        git("add", "app.py")
        git("commit", "-q", "-m", branch)
    git("clone", "-q", "--branch", "request", ".", str(tmp_path / "checkout"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    return tmp_path / "checkout"


def test_the_comparison_finds_what_the_request_leaks(request_of: Path) -> None:
    """Step by step, but for what installs; ``gh`` notes what it was told."""
    steps = [step["run"] for step in loaded("ci-github-diff")["jobs"]["compare"]["steps"] if "run" in step]
    *_, comment = steps
    statuses = []
    for line in steps[1:]:
        done = ran(line, request_of, request_of.parent / "bin")
        statuses.append(done.returncode)
        if "memdiag diff" in line:
            (found,) = [one for one in consumers.workflow_commands(done.stdout) if "MEM-" in one.properties["title"]]
            assert found.properties["title"].startswith("NEW ")
            assert found.properties["file"] == "app.py"
    assert statuses == [0, 0, 0, 1, 0]
    assert (request_of / "said").read_text().split()[:3] == ["pr", "comment", "7"]
    assert "memdiag.md" in comment
    page = consumers.markdown_page((request_of / "comment.md").read_text("utf-8"))
    assert page.rows[1][0] in ("NEW LEAK", "NEW SUSPECT")  # by how long the machine took
    assert page.rows[1][2] == "__main__.kept"
    assert page.rows[1][3] in ("app.py:12", "app.py:13")  # where it is made, or where it is kept
