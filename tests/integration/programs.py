"""Programs as real subprocesses, run plainly and under memdiag, and what the samples say of themselves."""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_scripts"

# Like the console script that an installation makes: the target's environment and directory have no part in it.
_LAUNCHER = "import sys; sys.path[0] = {root!r}; from memdiag.__main__ import main; sys.exit(main())"


@dataclass(frozen=True)
class Outcome:
    """How a process ended; ``status`` is negative for a death by signal, as in ``subprocess``."""

    status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Setting:
    """What a command finds. ``before`` runs in the child, just before the command replaces it."""

    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    before: Callable[[], None] | None = None


AS_USUAL = Setting()


def expectations(path: Path) -> dict[str, str]:
    """What a sample's docstring says that memdiag must say of it: the ``key: value`` lines after ``Expect:``.

    A value such as ``leak|suspect`` allows either. Keys: ``command`` (``run`` where it is not given), ``verdict``,
    ``kind``, ``pattern``, ``rule``, ``holder`` (part of the path), ``type``, ``site`` (``file:function``), ``created``,
    ``surviving``.
    """
    return {"command": "run", **_block(path, "Expect")}


def cycle_expectations(path: Path) -> dict[str, str]:
    """What ``memdiag cycles`` must say of a sample: the lines after ``Cycles:``, up to ``Expect:``; {} without them.

    Keys: ``iterations`` (its argument: the counts are those of so many), ``verdict``, ``state``, ``pattern``, ``shape``
    (part of the cycle as a line), ``holder``, ``finalizer``, ``cut`` (a reference that may be recommended), ``fix``
    (part of its text), ``type``, and of the objects of this type in reference cycles ``created`` and ``surviving``;
    ``passes`` (after which none of the program's own objects goes away), ``collector`` (``costly`` or ``cheap``).
    """
    try:
        return _block(path, "Cycles")
    except ValueError:
        return {}


def _block(path: Path, name: str) -> dict[str, str]:
    """The ``key: value`` lines of a docstring from ``name:`` to the next line of this form, or to the end."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    _, found, rest = docstring.partition(f"\n{name}:\n")
    if not found:
        raise ValueError(f"{path.name} does not say what memdiag must say of it")
    block = itertools.takewhile(lambda line: line.startswith("    "), rest.splitlines())
    pairs = (line.strip().partition(": ") for line in block)
    return {key: value for key, separator, value in pairs if separator}


def clean_environment(**changes: str) -> dict[str, str]:
    """The little of the tests' own environment that any program needs, and these changes."""
    kept = ("HOME", "LANG", "LC_ALL", "PATH", "TERM", "TMPDIR")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, **changes}


def memdiag_command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", _LAUNCHER.format(root=str(ROOT)), *arguments]


def run(command: Sequence[str], directory: Path, setting: Setting = AS_USUAL) -> Outcome:
    """Run it to its end. Raises ``subprocess.TimeoutExpired`` after two minutes."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=clean_environment(**setting.env),
        input=setting.stdin,
        capture_output=True,
        timeout=120,
        preexec_fn=setting.before,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def plain_command(*target: str) -> list[str]:
    return [sys.executable, *target]


def run_command(saved: Path, tracer: str, *target: str) -> list[str]:
    """``memdiag run``; the capture and the JSON report (see ``read_report``) go to the directory ``saved``."""
    outputs = ["-o", str(saved / "run.memdiag"), "--json", str(saved / "report.json")]
    return memdiag_command("run", "--tracer", tracer, *outputs, *target)


def read_report(saved: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((saved / "report.json").read_text(encoding="utf-8"))
    return report
