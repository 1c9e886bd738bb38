"""Where reports go: the terminal on standard error or output, JSON to a file or standard output."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from memdiag.errors import CannotDo, UsageError

if TYPE_CHECKING:
    from memdiag.model import Report


def check_json(place: str | None) -> None:
    """Raises UsageError before anything is run where the JSON could not be written afterwards."""
    if place is None or place == "-":
        return
    check_place(Path(place), "JSON ")


def check_place(path: Path, what: str = "") -> None:
    """Raises UsageError where no file could be written there."""
    if path.is_dir() or not path.absolute().parent.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise UsageError(f"cannot write {what}to {path}", "name a file in a directory that exists and is writable")


def show(report: Report, stream: TextIO, limit: int) -> None:
    """The report for people; a reader who has gone away is no error."""
    from memdiag.report import render

    terminal = stream.isatty()
    width = shutil.get_terminal_size((80, 24)).columns if terminal else 80
    ascii_only = not (stream.encoding or "").lower().startswith("utf")
    color = terminal and "NO_COLOR" not in os.environ
    text = render(report, width=width, color=color, limit=limit, ascii_only=ascii_only)
    try:
        stream.write(text if text.endswith("\n") else text + "\n")
        stream.flush()
    except BrokenPipeError:
        return


def write_json(report: Report, place: str | None) -> None:
    """The report for machines. Raises CannotDo where the file cannot be written."""
    from memdiag.report import to_json

    if place is None:
        return
    text = to_json(report) + "\n"
    if place == "-":
        with suppress(BrokenPipeError):
            sys.stdout.write(text)
            sys.stdout.flush()
        return
    try:
        Path(place).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotDo(f"cannot write JSON to {place}: {error.strerror}", "name another file") from error


def working(what: str) -> AbstractContextManager[object]:
    """A sign of life while something long is done; on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)
