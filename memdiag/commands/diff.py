"""``memdiag diff``: what grew between two captures; made for CI."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from memdiag.commands import gating, options, output

Side = Annotated[Path, typer.Argument(help="A capture, a tracemalloc dump, or a memray .bin file.")]


def diff(
    before: Side,
    after: Side,
    fail_on: options.Fail = None,
    max_growth: options.Growth = None,
    baseline: options.Baseline = None,
    json: options.Json = None,
    format: options.Formats = None,
    limit: options.Rows = 20,
) -> int:
    """Compare two captures; exit 1 when memory grew beyond the limit.

    Without a condition, growth above 1 MiB that is also above 5 % fails.
    """
    from memdiag import gate
    from memdiag.analysis.diff import compare
    from memdiag.capture.load import load
    from memdiag.commands.recording import diagnose

    asked = gating.asked(fail_on, baseline, {"max-growth": max_growth})
    asked.check("diff")
    output.check_json(json)
    places = output.places(format, json)
    with output.working("reading and comparing"):
        sides = load(before), load(after)
        report = compare(*sides, (str(before), str(after)))
        each = [[diagnose(side)] for side in sides] if asked.packages("diff") else None
        report = asked.answered(report, None if each is None else (each[0], each[1]))
    if json != output.STDOUT:
        piped = any(place.file == output.STDOUT for place in places)
        output.show(report, sys.stderr if piped else sys.stdout, limit)
    output.write_json(report, json)
    output.write(report, places, limit)
    return gate.exit_status(report)
