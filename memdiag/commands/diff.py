"""``memdiag diff``: what grew between two captures; made for CI."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memdiag.commands import gating, options, output
from memdiag.commands.sides import read_side, split

if TYPE_CHECKING:
    from memdiag.analysis.diff import Side
    from memdiag.model import Report

Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="BEFORE AFTER",
        help="Captures, tracemalloc dumps or memray .bin files; FILE#3, FILE#-1 or FILE#label is a moment of one."
        " Several a side: before/* -- after/*.",
    ),
]


def diff(
    files: Files = None,
    fail_on: options.Fail = None,
    max_growth: options.Growth = None,
    baseline: options.Baseline = None,
    json: options.Json = None,
    format: options.Formats = None,
    limit: options.Rows = 20,
) -> int:
    """Compare two captures, two moments, or two sets of runs; exit 1 when memory grew beyond the limit.

    Without a condition, growth above 1 MiB that is also above 5 % fails.
    """
    from memdiag import gate
    from memdiag.analysis.diff import compare_sides
    from memdiag.analysis.repeats import report_of_run

    asked = gating.asked(fail_on, baseline, {"max-growth": max_growth})
    asked.check("diff")
    output.check_json(json)
    places = output.places(format, json)
    words = split(files or [])
    with output.working("reading and comparing"):
        before, after = map(read_side, words)
        report = compare_sides(before, after)
        each = [[report_of_run(run) for run in side.runs] for side in (before, after)] if asked.packages("diff") else []
    report = asked.answered(report, (each[0], each[1]) if each else None)
    report = dataclasses.replace(report, next_steps=_next_steps(report, before, after, words[1]))
    if json != output.STDOUT:
        piped = any(place.file == output.STDOUT for place in places)
        output.show(report, sys.stderr if piped else sys.stdout, limit)
    output.write_json(report, json)
    output.write(report, places, limit)
    return gate.exit_status(report)


def _next_steps(report: Report, before: Side, after: Side, files: list[str]) -> tuple[str, ...]:
    steps = []
    if any(one.status in ("new", "worse") for one in report.findings) or not report.gate.passed:
        file = files[-1] if Path(files[-1]).exists() else files[-1].rpartition("#")[0]
        if after.captures[-1].command != "file":
            steps.append(f"memdiag report {shlex.quote(file)}   # what grows there, what holds it, and what to change")
    single = len(before.runs) == len(after.runs) == 1 and before.file != after.file
    if single and not report.gate.passed and after.captures[-1].command == "run":
        typed = shlex.join(after.captures[-1].target.argv)
        steps.append(f"memdiag run --repeat 5 -o FILE {typed}   # on both sides: tells noise from change")
    return tuple(steps)
