"""Where reports go: to people on standard error or output; in other formats to files or standard output."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypedDict

from memdiag.errors import CannotDo, UsageError

if TYPE_CHECKING:
    from memdiag.model import Report

STDOUT = "-"


@dataclass(frozen=True)
class Place:
    """A format that a report is written in, and the file that it goes to; ``-`` is standard output."""

    format: str
    file: str = STDOUT


def check_json(place: str | None) -> None:
    """Raises UsageError before anything is run where the JSON could not be written afterwards."""
    if place is None or place == STDOUT:
        return
    check_place(Path(place), "JSON ")


def check_place(path: Path, what: str = "") -> None:
    """Raises UsageError where no file could be written there."""
    if path.is_dir() or not path.absolute().parent.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise UsageError(f"cannot write {what}to {path}", "name a file in a directory that exists and is writable")


def places(formats: Sequence[str] | None, json: str | None = None) -> tuple[Place, ...]:
    """What ``--format`` asks for, each as ``sarif`` or ``sarif=FILE``, in its order.

    Raises UsageError before anything is run: for a format that there is not, for a place that could not be written, and
    where two reports (that of ``--json`` is one) would end in one place.
    """
    found = [_place(text) for text in formats or ()]
    taken = [Place("json", json)] if json is not None else []
    for place in found:
        if place in taken:
            continue
        if any(_same(place.file, other.file) for other in taken):
            where = "standard output" if place.file == STDOUT else place.file
            raise UsageError(f"two reports would go to {where}", "give each a file of its own: --format FORMAT=FILE")
        taken.append(place)
    return tuple(place for place in taken if place != Place("json", json or ""))


def _place(text: str) -> Place:
    from memdiag.report import FORMATS

    name, named, file = text.partition("=")
    if name not in FORMATS:
        raise UsageError(f"--format: there is no format {name!r:.40}", f"there are {', '.join(FORMATS)}")
    if named and file != STDOUT:
        if not file:
            raise UsageError(f"--format {text}: no file is named", f"write {name}=FILE, or {name} for standard output")
        check_place(Path(file), f"{name} ")
    return Place(name, file or STDOUT)


def _same(file: str, other: str) -> bool:
    return file == other if STDOUT in (file, other) else os.path.realpath(file) == os.path.realpath(other)


class Look(TypedDict):
    """How text is laid out for a stream: see ``memdiag.report.render``."""

    width: int
    color: bool
    ascii_only: bool


def look(stream: TextIO) -> Look:
    """What the stream can show: a terminal's width and colours, else 80 columns without."""
    terminal = stream.isatty()
    return Look(
        width=shutil.get_terminal_size((80, 24)).columns if terminal else 80,
        color=terminal and "NO_COLOR" not in os.environ,
        ascii_only=not (stream.encoding or "").lower().startswith("utf"),
    )


def show(report: Report, stream: TextIO, limit: int) -> None:
    """The report for people."""
    from memdiag.report import render

    show_text(render(report, limit=limit, **look(stream)), stream)


def show_text(text: str, stream: TextIO) -> None:
    """Text for people; a reader who has gone away is no error."""
    try:
        stream.write(text if text.endswith("\n") else text + "\n")
        stream.flush()
    except BrokenPipeError:
        return


def write_json(report: Report, place: str | None) -> None:
    """The report for machines. Raises CannotDo where the file cannot be written."""
    from memdiag.report import to_json

    if place is not None:
        write_text(to_json(report), place, "JSON")


def write(report: Report, places: Sequence[Place], limit: int) -> None:
    """The report in each of the formats. Raises CannotDo where a file cannot be written."""
    for place in places:
        if place == Place("terminal"):
            show(report, sys.stdout, limit)
            continue
        from memdiag.report import write_as

        write_text(
            write_as(place.format, report, _repository(report.target.directory), limit), place.file, place.format
        )


def write_text(text: str, file: str, what: str) -> None:
    """Text for machines, to a file or standard output. Raises CannotDo where the file cannot be written.

    It is UTF-8, whatever the terminal's encoding is.
    """
    if file == STDOUT:
        with suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8"))
            sys.stdout.flush()
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotDo(f"cannot write {what} to {file}: {error.strerror}", "name another file") from error


def _repository(directory: str) -> str:
    """The folder with ``.git`` at or above the one that the program ran in, if it is on this machine; else that one."""
    start = Path(directory)
    for folder in (start, *start.parents) if start.is_absolute() else ():
        with suppress(OSError):
            if (folder / ".git").exists():
                return str(folder)
    return directory


def working(what: str) -> AbstractContextManager[object]:
    """A sign of life while something long is done; on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)
