"""The captures that are kept, as a list for people and as JSON, ``memdiag.captures/1``."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass

from memdiag.report.json_report import portable
from memdiag.report.page import Page
from memdiag.report.text import aligned, cut, literal
from memdiag.units import counted, format_bytes

SCHEMA_NAME = "memdiag.captures/1"

_STYLES = {"leak": "bold red", "suspect": "bold yellow", "damaged": "bold magenta"}


@dataclass(frozen=True)
class Kept:
    """One capture in the list; of a damaged file only its place, its time and its size are known."""

    path: str
    recorded_at: float  # seconds since the epoch
    size_bytes: int
    command: str = ""
    argv: tuple[str, ...] = ()
    python: str = ""
    verdict: str = ""  # empty where it would take long to find out
    damage: str = ""  # why it cannot be read
    removed: bool = False  # or would be, of a trial


def render_captures(
    kept: Sequence[Kept], directory: str, *, width: int, color: bool, trial: bool = False, ascii_only: bool = False
) -> str:
    """The list as lines of text: what is kept, and above it what was removed, or would be."""
    page = Page(width=width, color=color, ascii_only=ascii_only)
    removed = [one for one in kept if one.removed]
    if removed:
        page.write(f"{'would remove' if trial else 'removed'} {_together(removed)}")
        _write(page, removed)
        page.blank()
    rest = [one for one in kept if not one.removed]
    if rest:
        page.write(f"{directory} {'would keep' if removed and trial else 'keeps'} {_together(rest)}")
        _write(page, rest)
    else:
        page.write(f"{directory} keeps no captures: memdiag run script.py makes one")
    return page.finish()


def _together(kept: Sequence[Kept]) -> str:
    return f"{counted(len(kept), 'capture')}, {format_bytes(sum(one.size_bytes for one in kept))}"


def _write(page: Page, kept: Sequence[Kept]) -> None:
    """The newest first; beneath each its name, as it is typed for a command."""
    cells = [["recorded", "verdict", "command", "size", "python"], *(_cells(one) for one in kept)]
    head, *lines = aligned(cells, "lllrl")
    page.write(("target", "dim"), prefix=[(f"{head}  ", "dim")])
    for one, line in zip(kept, lines, strict=True):
        target = cut(literal(shlex.join(one.argv)), page.width - len(line) - 2)
        page.write(one.damage or target, prefix=[(f"{line}  ", _STYLES.get(_state(one), ""))])
        page.write_unbroken("    ", one.path)


def _cells(one: Kept) -> list[str]:
    recorded = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.recorded_at))
    return [recorded, _state(one) or "-", one.command or "-", format_bytes(one.size_bytes), one.python or "-"]


def _state(one: Kept) -> str:
    return "damaged" if one.damage else one.verdict


def captures_json(kept: Sequence[Kept], directory: str, *, trial: bool = False) -> str:
    """The list as one JSON object, in ASCII; ``removed`` are those that were removed, or of a trial would be."""
    whole = {
        "schema": SCHEMA_NAME,
        "directory": directory,
        "dry_run": trial,
        "captures": [_plain(one) for one in kept if not one.removed],
        "removed": [_plain(one) for one in kept if one.removed],
    }
    return json.dumps(portable(whole), indent=2, allow_nan=False) + "\n"


def _plain(one: Kept) -> dict[str, object]:
    return {
        "file": one.path,
        "recorded_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.recorded_at)),
        "size_bytes": one.size_bytes,
        "command": one.command or None,
        "argv": list(one.argv),
        "python": one.python or None,
        "verdict": one.verdict or None,
        "damage": one.damage or None,
    }
