"""What is to be run: a script, a module or code, as the interpreter itself takes them."""

from __future__ import annotations

import importlib.machinery
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from memdiag.env import OLDEST
from memdiag.errors import UsageError

_FACTS = (
    "import sys, importlib.util as u;print(*sys.version_info[:2], sys.implementation.name, bool(u.find_spec('memray')))"
)


@dataclass(frozen=True)
class Target:
    """One program and its arguments; ``value`` is the script's path, the module's name or the code."""

    kind: Literal["script", "module", "code"]
    value: str
    arguments: tuple[str, ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        """What stands behind the interpreter's name on its command line."""
        option = {"script": (), "module": ("-m",), "code": ("-c",)}[self.kind]
        return (*option, self.value, *self.arguments)

    @property
    def name(self) -> str:
        if self.kind == "code":
            return "code"
        return Path(self.value).stem if self.kind == "script" else self.value

    def check(self) -> None:
        """Raises UsageError where the interpreter would find nothing to run."""
        if self.kind == "script":
            _check_script(Path(self.value))
        elif self.kind == "module":
            _check_module(self.value)


def _check_script(path: Path) -> None:
    if not path.exists():
        raise UsageError(f"there is no script {path}", "check the path; a module is run with -m NAME")
    if path.is_dir() and not (path / "__main__.py").is_file():
        raise UsageError(f"{path} is a directory without a __main__.py", "name a script in it, or a module with -m")
    if not path.is_dir() and not os.access(path, os.R_OK):
        raise UsageError(f"cannot read {path}", "check its permissions")
    if path.is_file() and not zipfile.is_zipfile(path):
        _check_text(path)


def _check_text(path: Path) -> None:
    with path.open("rb") as file:
        if b"\0" in file.read(1 << 16) and path.suffix != ".pyc":
            raise UsageError(f"{path} is not a Python script", "name a .py file; memdiag runs Python programs only")


def _check_module(name: str) -> None:
    """Only the first part of the name is looked for: importing packages is the target's business, not ours."""
    top = name.partition(".")[0]
    if top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return
    if importlib.machinery.PathFinder.find_spec(top, [os.getcwd(), *sys.path]) is None:
        raise UsageError(f"there is no module named {name}", "check the name, and that it is installed here")


def from_words(words: Sequence[str]) -> Target:
    """A target as it is written in a configuration: ``script.py args``, ``-m module args`` or ``-c code``."""
    if len(words) > 1 and words[0] in ("-m", "-c"):
        return Target("module" if words[0] == "-m" else "code", words[1], tuple(words[2:]))
    return Target("script", words[0], tuple(words[1:]))


def interpreter(python: str | None, tracer: str) -> str:
    """The interpreter to run the target with. Raises UsageError where it cannot serve."""
    if python is None:
        if tracer == "memray" and importlib.machinery.PathFinder.find_spec("memray") is None:
            raise UsageError("memray is not installed here", "pip install memray, or use --tracer tracemalloc")
        return sys.executable
    found = shutil.which(python)
    if found is None:
        raise UsageError(f"there is no interpreter {python}", "give the path of a python executable")
    _check_interpreter(found, tracer)
    return found


def _check_interpreter(path: str, tracer: str) -> None:
    try:
        facts = subprocess.run([path, "-c", _FACTS], capture_output=True, text=True, timeout=60, check=False)
        major, minor, implementation, memray = facts.stdout.split()
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{path} does not run as a Python", "give the path of a python executable") from error
    if implementation != "cpython" or (int(major), int(minor)) < OLDEST:
        raise UsageError(f"{path} is {implementation} {major}.{minor}", "memdiag diagnoses CPython 3.10 and newer")
    if tracer == "memray" and memray != "True":
        raise UsageError(f"memray is not installed for {path}", f"{path} -m pip install memray, or another --tracer")


def describe(argv: Sequence[str]) -> str:
    """The target's command line, shortened, as a person would type it."""
    text = shlex.join(argv)
    return text if len(text) <= 60 else text[:57] + "..."
