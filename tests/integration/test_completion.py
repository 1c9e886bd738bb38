"""Shell completion is typer's own, and the entry points are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import memdiag
from tests.integration.cli import Cli
from tests.integration.programs import ROOT, Setting, clean_environment


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(cli: Cli, shell: str) -> None:
    """typer asks which shell it is called from; its own variable saves the test from pretending to be one."""
    ran = cli("--show-completion", shell, setting=Setting(env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}))
    assert ran.status == 0
    assert "_MEMDIAG_COMPLETE" in ran.stdout
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("memdiag ", ["run", "cycles", "diff", "check", "report", "captures", "baseline"]), ("memdiag cy", ["cycles"])],
)
def test_the_verbs_are_completed(cli: Cli, typed: str, offered: list[str]) -> None:
    words = len(typed.split(" ")) - 1
    asked = {"_MEMDIAG_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(words)}
    ran = cli(setting=Setting(env=asked))
    assert ran.stdout.split() == offered


def test_an_option_is_completed(cli: Cli) -> None:
    asked = {"_MEMDIAG_COMPLETE": "complete_bash", "COMP_WORDS": "memdiag cycles --pa", "COMP_CWORD": "2"}
    assert cli(setting=Setting(env=asked)).stdout.split() == ["--passes"]


def test_help_names_both_options(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.status == 0
    assert "--install-completion" in shown.stdout
    assert "--show-completion" in shown.stdout


@pytest.mark.parametrize("verb", ["run", "cycles", "diff", "report"])
def test_help_of_a_verb(cli: Cli, verb: str) -> None:
    for option in ("--help", "-h"):
        shown = cli(verb, option)
        assert (shown.status, shown.stderr) == (0, "")
        assert f"Usage: memdiag {verb} " in shown.stdout


def test_the_version(cli: Cli) -> None:
    shown = cli("--version")
    assert (shown.status, shown.stdout, shown.stderr) == (0, f"memdiag {memdiag.__version__}\n", "")


def test_without_a_verb_help_is_shown(cli: Cli) -> None:
    shown = cli()
    assert "Usage: memdiag" in shown.stdout + shown.stderr
    assert shown.status == 2  # as with any command line that is not complete


def test_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "memdiag", "--version"],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"memdiag {memdiag.__version__}\n")
