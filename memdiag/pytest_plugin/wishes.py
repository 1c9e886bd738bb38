"""What the project always wants of its tests: ``[tool.memdiag.pytest]`` of ``pyproject.toml``, and pytest's settings.

Of the same, pytest's own setting counts. A baseline is that of ``[tool.memdiag]``, unless ``--memdiag-baseline`` names
another.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from memdiag.errors import UsageError
from memdiag.settings import check_keys, find, shown

KEYS = ("all", "budget", "max-growth", "ignore")
_CHECK = (
    "import sys; sys.path[:1] = []; sys.path.append({place!r}); from memdiag.pytest_plugin.judge import check; check()"
)
_NONE: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Wishes:
    """Each as it was written; ``budget`` in seconds."""

    every: bool = False
    budget: str = "3"
    max_growth: str = ""
    ignore: tuple[str, ...] = ()
    baseline: str = ""  # an absolute path
    rules: tuple[Mapping[str, Any], ...] = _NONE  # of [[tool.memdiag.ignore]]: each ``table``, and as it is ``shown``


_WISHES = pytest.StashKey[Wishes]()


def of_config(config: pytest.Config) -> Wishes:
    """Read once a session. Raises UsageError, which names the place."""
    if _WISHES not in config.stash:
        found = find(config.rootpath)
        path, table = found or (config.rootpath, {})
        config.stash[_WISHES] = _merged(config, table, path)
    return config.stash[_WISHES]


def _merged(config: pytest.Config, table: Mapping[str, Any], path: Path) -> Wishes:
    wanted = table.get("pytest", {})
    file = shown(path)
    if not isinstance(wanted, dict):
        raise UsageError(f"[tool.memdiag.pytest] in {file} is no table", "write keys below it: all = true")
    check_keys(".pytest", wanted, KEYS, file)
    every = config.getini("memdiag_all")
    baseline, named = _baseline(config, table, path, file)
    return Wishes(
        every=every if isinstance(every, bool) else _of_kind(wanted, "all", bool, "true or false", file) or False,
        budget=str(config.getini("memdiag_budget") or _of_kind(wanted, "budget", (int, float), "seconds", file) or 3),
        max_growth=config.getini("memdiag_max_growth")
        or _of_kind(wanted, "max-growth", str, 'a text such as "2KB/op"', file)
        or "",
        ignore=(*config.getini("memdiag_ignore"), *_patterns(wanted, file)),
        baseline=baseline,
        rules=_checked(baseline, named, table.get("ignore", []), file) if config.getoption("memdiag") else _NONE,
    )


def _of_kind(table: Mapping[str, Any], key: str, kind: Any, wanted: str, file: str) -> Any:
    value = table.get(key)
    if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        problem = f"{key} in [tool.memdiag.pytest] of {file} is not {wanted}: {value!r:.40}"
        raise UsageError(problem, f"mend {key}")
    return value


def _patterns(table: Mapping[str, Any], file: str) -> tuple[str, ...]:
    given = table.get("ignore", [])
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise UsageError(f"ignore in [tool.memdiag.pytest] of {file} is not a list of patterns", "mend ignore")
    return tuple(listed)


def _baseline(config: pytest.Config, table: Mapping[str, Any], path: Path, file: str) -> tuple[str, str]:
    """Its absolute path, and what goes before an error in it."""
    typed, configured = config.getoption("memdiag_baseline", None), table.get("baseline", "")
    if not isinstance(configured, str):
        raise UsageError(f"baseline in {file} is not a text: {configured!r:.40}", "mend baseline in [tool.memdiag]")
    found = Path(typed).absolute() if typed else path.parent / configured if configured else None
    return str(found or ""), "" if typed else f"baseline in {file}: "


def _checked(baseline: str, named: str, ignore: Any, file: str) -> tuple[Mapping[str, Any], ...]:
    """The ignore rules. They and the baseline are read by a process beside: what cannot be read must not pass for none.

    Raises UsageError.
    """
    if not baseline and not ignore:
        return _NONE
    asked = json.dumps({"baseline": baseline, "named": named, "ignore": ignore, "file": file}, default=str)
    code = _CHECK.format(place=str(Path(__file__).resolve().parents[2]))
    done = subprocess.run([sys.executable, "-c", code], input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(done.stdout.strip() or done.stderr.strip().rpartition("\n")[2])
    return tuple(json.loads(done.stdout))
