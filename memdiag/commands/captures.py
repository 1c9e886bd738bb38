"""``memdiag captures``: what is kept in ``.memdiag/``, and what need not be any longer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memdiag.commands import configuration, options, output
from memdiag.errors import FINE, MemdiagError, UsageError

_LAST = 253402300799.0  # seconds since the epoch, of the last moment that has a date of four digits

if TYPE_CHECKING:
    from memdiag.capture.store import Retention
    from memdiag.report.listing import Kept


def captures(
    prune: Annotated[bool, typer.Option("--prune", help="Remove those that need not be kept.")] = False,
    keep: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Keep the newest N; 20 by default, or as configured.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Remove those that were recorded longer ago: 7d, 12h.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what --prune would remove.")] = False,
    json: options.Json = None,
) -> int:
    """List the captures in .memdiag/, the newest first; with --prune, remove those that are too many or too old."""
    from memdiag.capture import store

    output.check_json(json)
    if not prune and (keep is not None or older_than is not None or dry_run):
        raise UsageError("--keep, --older-than and --dry-run are about removing", "add --prune")
    if prune and store.DIRECTORY.is_symlink():
        raise UsageError(f"{store.DIRECTORY} is a link: nothing is removed elsewhere", "prune where it leads")
    expired = store.expired(_retention(keep, older_than)) if prune else []
    kept = [_kept(path, path in expired) for path in store.captures() if path.exists()]
    if not dry_run:
        store.remove(expired)
    _tell(kept, json, trial=dry_run)
    return FINE


def _retention(keep: int | None, older_than: str | None) -> Retention:
    from memdiag.capture.store import Retention
    from memdiag.units import parse_duration

    usual = configuration.read().retention
    try:
        age = parse_duration(older_than) if older_than is not None else usual.older_than_s
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from error
    return Retention(usual.keep if keep is None else keep, age)


def _kept(path: Path, removed: bool) -> Kept:
    from memdiag.capture.format import read_capture
    from memdiag.capture.store import recorded_at
    from memdiag.commands.recording import diagnose
    from memdiag.report.listing import Kept

    recorded, size = min(recorded_at(path), _LAST), path.lstat().st_size
    try:
        capture = read_capture(path)
    except MemdiagError as error:
        return Kept(str(path), recorded, size, damage=error.problem.removeprefix(f"{path} "), removed=removed)
    target = capture.target
    verdict = diagnose(capture).verdict if capture.traces is None else ""  # all allocations of a run take a second
    return Kept(str(path), recorded, size, capture.command, target.argv, target.python, verdict, removed=removed)


def _tell(kept: list[Kept], json: str | None, *, trial: bool) -> None:
    from memdiag.capture.store import DIRECTORY
    from memdiag.report.listing import captures_json, render_captures

    if json != output.STDOUT:
        text = render_captures(kept, f"{DIRECTORY}/", trial=trial, **output.look(sys.stdout))
        output.show_text(text, sys.stdout)
    if json is not None:
        output.write_text(captures_json(kept, str(DIRECTORY), trial=trial), json, "JSON")
