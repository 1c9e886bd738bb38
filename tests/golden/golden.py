"""Comparison with a text that a person has read and found good."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent


def check(name: str, text: str, *, scrubs: Mapping[str, str] | None = None, folder: Path = FOLDER) -> None:
    """Raises AssertionError, with the difference, where ``text`` is not that of ``expected/<name>.txt``.

    ``scrubs`` are regular expressions and what to put in place of what they match, for what changes from run to run.
    A text that differs is saved as ``actual/<name>.txt``: read it, and copy it over the expected one if it is better.
    """
    for pattern, replacement in (scrubs or {}).items():
        text = re.sub(pattern, replacement, text)
    expected, actual = folder / "expected" / f"{name}.txt", folder / "actual" / f"{name}.txt"
    wanted = expected.read_bytes().decode("utf-8") if expected.exists() else ""
    if text == wanted:
        actual.unlink(missing_ok=True)
        return
    actual.parent.mkdir(exist_ok=True)
    actual.write_bytes(text.encode("utf-8"))
    lines = difflib.unified_diff(wanted.splitlines(), text.splitlines(), str(expected), str(actual), lineterm="")
    raise AssertionError("\n".join(lines))
