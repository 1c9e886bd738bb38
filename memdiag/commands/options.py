"""Options that several verbs share, declared once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from memdiag.errors import UsageError
from memdiag.units import Limit, parse_limit


class FailOn(str, Enum):
    """Which verdicts breach the gate."""

    leak = "leak"
    suspect = "suspect"


class Tracer(str, Enum):
    """How allocations are traced."""

    auto = "auto"
    tracemalloc = "tracemalloc"
    memray = "memray"
    none = "none"


class Snapshots(str, Enum):
    """How heap snapshots are taken."""

    auto = "auto"
    paused = "paused"
    none = "none"


Words = Annotated[list[str] | None, typer.Argument(metavar="SCRIPT [ARGS]...", help="The program and its arguments.")]
Module = Annotated[str | None, typer.Option("-m", "--module", metavar="MODULE", help="Run a module, as python -m.")]
Code = Annotated[str | None, typer.Option("-c", "--code", metavar="CODE", help="Run code, as python -c.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where the capture goes.")]
Json = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Report as JSON; - is standard output.")]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="FORMAT[=FILE]",
        help="Write it as terminal, json, markdown, sarif, junit or github, to a file or standard output. Repeatable.",
    ),
]
Python = Annotated[str | None, typer.Option("--python", metavar="PATH", help="The interpreter to run it with.")]
Rows = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many rows and findings to print.")]
Growth = Annotated[
    str | None, typer.Option("--max-growth", metavar="LIMIT", help="Fail above this growth: 20MB, 1.5GiB, 5%.")
]
Fail = Annotated[FailOn | None, typer.Option("--fail-on", help="Fail (exit 1) on this verdict.")]


def growth_limit(text: str | None) -> Limit | None:
    """The limit as a figure. Raises UsageError with what may be written."""
    if text is None:
        return None
    try:
        return parse_limit(text)
    except ValueError as error:
        raise UsageError(f"--max-growth: {error}") from error
