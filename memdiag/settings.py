"""``[tool.memdiag]`` of the nearest ``pyproject.toml``: where it is looked for, and what is said of keys that are none.

The nearest counts that has the table: of the working directory, else of a folder above, up to the one with ``.git``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from memdiag.errors import UsageError

NAME = "pyproject.toml"


def find(directory: Path) -> tuple[Path, Mapping[str, Any]] | None:
    """The file and its table, for this absolute directory. Raises UsageError where the file cannot be read."""
    for path in _candidates(directory):
        table = _table(path)
        if table is not None:
            return path, table
    return None


def shown(path: Path) -> str:
    """From the working directory, as a person would name it."""
    return os.path.relpath(path)


def check_keys(where: str, table: Mapping[str, Any], known: Iterable[str], file: str) -> None:
    """``where`` is the part of the table, such as ``.ignore``. Raises UsageError for a key that there is not."""
    names = list(known)
    for key in table:
        if key not in names:
            next_step = nearest(key.replace("_", "-"), names) or f"there are {', '.join(names)}"
            raise UsageError(f"there is no key {key!r:.60} in [tool.memdiag{where}] of {file}", next_step)


def nearest(name: str, known: Iterable[str]) -> str:
    """The name that was meant, as a question; empty where none is near."""
    import difflib

    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"did you mean {found[0]}?" if found else ""


def _candidates(directory: Path) -> Iterator[Path]:
    for folder in (directory, *directory.parents):
        yield folder / NAME
        if (folder / ".git").exists():
            return


def _table(path: Path) -> Mapping[str, Any] | None:
    try:
        if not path.is_file():
            return None
        text = path.read_text(encoding="utf-8")
    except PermissionError:
        return None  # a folder above that is not ours
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {shown(path)}: {error}", "mend it") from error
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        tool = tomllib.loads(text).get("tool", {})
    except (ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {shown(path)}: {error}", "mend it") from error
    found = tool.get("memdiag") if isinstance(tool, dict) else None
    if found is not None and not isinstance(found, dict):
        raise UsageError(f"[tool.memdiag] in {shown(path)} is no table", 'write keys below it: fail-on = "leak"')
    return found
