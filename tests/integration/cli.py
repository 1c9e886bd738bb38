"""The real command line as a subprocess in a directory of its own; every JSON report is held to the packaged schema."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema
import pytest

from memdiag.report import schema
from tests.integration.programs import AS_USUAL, Setting, clean_environment, memdiag_command

_VALIDATOR = jsonschema.Draft202012Validator(schema())

Report = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """How memdiag ended, and what it said; ``report`` is empty where none was asked for or none was written."""

    status: int
    stdout: str
    stderr: str
    report: Report = field(default_factory=dict)

    @property
    def said(self) -> str:
        """Standard error with its lines joined: where text was wrapped does not matter."""
        return " ".join(self.stderr.split())


@dataclass(frozen=True)
class Cli:
    """Runs memdiag in one directory."""

    directory: Path

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def __call__(self, *arguments: str, setting: Setting = AS_USUAL) -> Result:
        """Raises ``subprocess.TimeoutExpired`` after a minute: nothing here may hang."""
        done = subprocess.run(
            memdiag_command(*arguments),
            cwd=self.directory,
            env=clean_environment(**setting.env),
            input=setting.stdin,
            capture_output=True,
            timeout=60,
            preexec_fn=setting.before,
            check=False,
        )
        return Result(done.returncode, _text(done.stdout), _text(done.stderr))

    def reported(self, verb: str, *arguments: str, setting: Setting = AS_USUAL) -> Result:
        """``memdiag verb --json FILE arguments``, with what the file says."""
        place = self.directory / "reported.json"
        place.unlink(missing_ok=True)
        done = self(verb, "--json", str(place), *arguments, setting=setting)

        report = checked(place.read_text(encoding="utf-8")) if place.exists() else {}
        return Result(done.status, done.stdout, done.stderr, report)

    def captures(self) -> list[Path]:
        return sorted((self.directory / ".memdiag").glob("*.memdiag"))


def checked(text: str) -> Report:
    """The report in ``text``. Raises ``jsonschema.ValidationError`` where it is not what the schema promises."""
    report: Report = json.loads(text)
    _VALIDATOR.validate(report)
    return report


def assert_refused(result: Result, *words: str, status: int = 2) -> None:
    """The right status, one or two lines that begin as memdiag's own and hold these words, and nothing else."""
    lines = result.stderr.splitlines()
    assert result.status == status, result.stderr
    assert 1 <= len(lines) <= 2, result.stderr
    assert lines[0].startswith("memdiag: ")
    assert len(lines) == 1 or lines[1].startswith("  ")
    assert "Traceback" not in result.stderr
    assert not [word for word in words if word not in result.stderr], result.stderr
    assert result.stdout == ""


def line_of(path: Path, marker: str) -> int:
    """The number of the one line of a program that holds the marker."""
    found = [number for number, line in enumerate(path.read_text().splitlines(), start=1) if marker in line]
    assert len(found) == 1
    return found[0]


def grown(report: Report) -> list[tuple[str, int]]:
    """File name and line of each row that grew, in the report's order."""
    rows = [row for row in report["rows"] if row["growth_bytes"] > 0]
    return [(os.path.basename(row["site"]["file"]), row["site"]["line"]) for row in rows]


def rows_by(report: Report, *kinds: str) -> list[dict[str, Any]]:
    """The rows of these kinds, in the report's order."""
    return [row for row in report["rows"] if row["by"] in kinds]


def held(report: Report) -> list[tuple[str, str, str]]:
    """Of each finding, in the report's order: its verdict, its holder's owner, and the type that there is more of."""
    return [
        (one["verdict"], one["holder"]["owner"] if one["holder"] else "", one["growing"]["type"] or "")
        for one in report["findings"]
    ]


def row_at(report: Report, line: int) -> dict[str, Any]:
    """The one row of the program's own line."""
    found = [row for row in report["rows"] if row["site"]["line"] == line and row["site"]["file"].endswith(".py")]
    found = [row for row in found if os.path.dirname(row["site"]["file"]) == report["target"]["directory"]]
    assert len(found) == 1, grown(report)
    row: dict[str, Any] = found[0]
    return row


def survival_of(report: Report, kind: str) -> tuple[int, int]:
    """How many members of cycles of a class were created, and how many survive."""
    found = [row for row in report["survival"]["by_type"] if row["type"] == kind]
    return (found[0]["created"], found[0]["surviving"]) if found else (0, 0)


def another_python(version: str) -> str:
    """Another interpreter, from PATH or from pyenv's usual place; skips the test where there is none that runs."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python{version}"), *map(str, sorted(root.glob(f"versions/{version}.*/bin/python")))]
    for candidate in filter(None, candidates):
        ask = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return candidate
    pytest.skip(f"Python {version} is not on this machine")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
