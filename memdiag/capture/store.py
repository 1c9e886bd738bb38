"""Where captures live: ``.memdiag/`` in the working directory; and how many of them are kept, for how long."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memdiag.errors import CannotDo, UsageError

DIRECTORY = Path(".memdiag")
SUFFIX = ".memdiag"
KEPT = 20
_DAY_S = 24 * 3600
_STALE_S = 7 * _DAY_S  # a run may be long, and its spool is written to all along


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


@dataclass(frozen=True)
class Retention:
    """How many captures are kept, and for how long; ``None`` is without end."""

    keep: int = KEPT
    older_than_s: float | None = None


USUAL = Retention()


def retention(settings: Mapping[str, object]) -> Retention:
    """What ``keep`` and ``keep-days`` of a configuration ask for. Raises UsageError where they are no such numbers."""
    keep, days = settings.get("keep", KEPT), settings.get("keep-days")
    if not isinstance(keep, int) or isinstance(keep, bool) or keep < 1:
        raise UsageError(f"keep = {keep!r:.40} is not a number of captures", "write keep = 20")
    if days is None:
        return Retention(keep)
    if not isinstance(days, (int, float)) or isinstance(days, bool) or not 0 < days < math.inf:
        raise UsageError(f"keep-days = {days!r:.40} is not a number of days", "write keep-days = 30")
    return Retention(keep, days * _DAY_S)


def captures(directory: Path = DIRECTORY) -> list[Path]:
    """The kept captures, the newest first. A link is none, wherever it leads."""
    found = []
    with suppress(OSError):
        for entry in os.scandir(directory):
            with suppress(OSError):  # gone meanwhile
                if Path(entry.name).suffix == SUFFIX and entry.is_file(follow_symlinks=False):
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    return [directory / name for _, name in sorted(found, reverse=True)]


def expired(retained: Retention, directory: Path = DIRECTORY, now: float | None = None) -> list[Path]:
    """The captures that need not be kept any longer, the newest first: too many, or recorded too long ago."""
    if directory.is_symlink():
        return []  # what it holds lies elsewhere
    found = captures(directory)
    kept = set(found[: retained.keep])
    if retained.older_than_s is not None:
        oldest = (time.time() if now is None else now) - retained.older_than_s
        kept = {path for path in kept if recorded_at(path) >= oldest}
    return [path for path in found if path not in kept]


def recorded_at(path: Path) -> float:
    """When the capture was written: seconds since the epoch."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return math.inf  # gone meanwhile


def remove(paths: Iterable[Path]) -> None:
    """Remove captures. Raises CannotDo where one cannot be removed."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CannotDo(f"cannot remove {path}: {error.strerror}", "check its permissions") from error


def prune(directory: Path = DIRECTORY, retained: Retention = USUAL) -> None:
    """Remove what need not be kept, and what runs left behind that were killed with memdiag itself."""
    with suppress(CannotDo):
        remove(expired(retained, directory))
    for spool in directory.glob("*.spool"):
        try:
            if time.time() - spool.stat().st_mtime > _STALE_S:
                shutil.rmtree(spool, ignore_errors=True)
        except OSError:
            continue
