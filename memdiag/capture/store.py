"""Where captures live: ``.memdiag/`` in the working directory, the newest twenty of them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from memdiag.errors import CannotDo, UsageError

DIRECTORY = Path(".memdiag")
SUFFIX = ".memdiag"
KEPT = 20
_STALE_S = 7 * 24 * 3600  # a run may be long, and its spool is written to all along


def destination(name: str, output: Path | None) -> Path:
    """Where the capture of a run goes, its directory made. Raises UsageError where that is impossible."""
    if output is not None:
        if output.is_dir() or not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
            raise UsageError(f"cannot write to {output}", "name a file in a directory that exists and is writable")
        return output.absolute()
    try:
        DIRECTORY.mkdir(exist_ok=True)
        _ignored_by_git()
        stamp = time.strftime("%Y%m%d-%H%M%S")
        return (DIRECTORY / f"{stamp}-{os.getpid()}-{_plain(name)}{SUFFIX}").absolute()
    except OSError as error:
        raise UsageError(f"cannot write to {DIRECTORY}/ here: {error.strerror}", "name a file with -o FILE") from error


def _ignored_by_git() -> None:
    ignore = DIRECTORY / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)[:40] or "run"


def new_spool(path: Path) -> Path:
    """A fresh directory for the probe's records, beside the capture that they will become."""
    try:
        return Path(tempfile.mkdtemp(prefix=path.stem + "-", suffix=".spool", dir=path.parent))
    except OSError as error:
        raise CannotDo(f"cannot write beside {path}: {error.strerror}", "name another place with -o FILE") from error


def captures(directory: Path = DIRECTORY) -> list[Path]:
    """The kept captures, the newest first."""
    try:
        found = [path for path in directory.iterdir() if path.suffix == SUFFIX and path.is_file()]
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    except OSError:
        return []


def prune(directory: Path = DIRECTORY, kept: int = KEPT) -> None:
    """Remove all but the newest captures, and what runs left behind that were killed with memdiag itself."""
    for path in captures(directory)[kept:]:
        path.unlink(missing_ok=True)
    for spool in directory.glob("*.spool"):
        try:
            if time.time() - spool.stat().st_mtime > _STALE_S:
                shutil.rmtree(spool, ignore_errors=True)
        except OSError:
            continue
