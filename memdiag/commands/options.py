"""Options that several verbs share, declared once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


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
Fail = Annotated[
    list[str] | None,
    typer.Option("--fail-on", metavar="CONDITION", help="Fail (exit 1) on leak, suspect, or a figure beyond a limit."),
]
Baseline = Annotated[
    Path | None, typer.Option("--baseline", metavar="FILE", help="Findings in it are known, and pass the gate.")
]
Growth = Annotated[
    str | None, typer.Option("--max-growth", metavar="LIMIT", help="Fail above this growth: 20MB, 1.5GiB, 5%.")
]
GrowthPerCall = Annotated[
    str | None, typer.Option("--max-growth", metavar="LIMIT", help="Fail above this growth: 20MB, 5%, 2KB/op.")
]
Peak = Annotated[str | None, typer.Option("--max-peak", metavar="SIZE", help="Fail above this resident set: 500MB.")]
SurvivalRate = Annotated[
    str | None, typer.Option("--max-survival-rate", metavar="SHARE", help="Fail above this survival rate: 0.05, 5%.")
]
GcEffectiveness = Annotated[
    str | None, typer.Option("--min-gc-effectiveness", metavar="SHARE", help="Fail below this: 0.95, 95%.")
]
PassesNeeded = Annotated[
    str | None, typer.Option("--max-passes-needed", metavar="N", help="Fail where more passes still free something.")
]
CleanupEffectiveness = Annotated[
    str | None, typer.Option("--min-cleanup-effectiveness", metavar="SHARE", help="Fail below this: 0.95, 95%.")
]
GrowthUnderLoad = Annotated[
    str | None, typer.Option("--max-growth-under-load", metavar="SIZE", help="Fail above this: 10MB.")
]
Uncollectable = Annotated[
    str | None, typer.Option("--max-uncollectable", metavar="N", help="Fail above so many uncollectable objects.")
]
