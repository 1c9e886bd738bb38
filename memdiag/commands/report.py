"""``memdiag report``: a capture again, for people or for machines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from memdiag.commands import gating, options, output
from memdiag.errors import UsageError


def report(
    capture: Annotated[Path, typer.Argument(help="A capture, a tracemalloc dump, or a memray .bin file.")],
    format: options.Formats = None,
    out: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Where a format without a file goes.")
    ] = None,
    json: options.Json = None,
    limit: options.Rows = 10,
    fail_on: options.Fail = None,
    max_growth: options.GrowthPerCall = None,
    max_peak: options.Peak = None,
    max_passes_needed: options.PassesNeeded = None,
    min_gc_effectiveness: options.GcEffectiveness = None,
    max_survival_rate: options.SurvivalRate = None,
    min_cleanup_effectiveness: options.CleanupEffectiveness = None,
    max_growth_under_load: options.GrowthUnderLoad = None,
    max_uncollectable: options.Uncollectable = None,
    baseline: options.Baseline = None,
) -> int:
    """Print what a capture says, as when it was recorded; exit 1 where it breaches what is asked or configured."""
    from memdiag import gate
    from memdiag.capture.load import load
    from memdiag.commands.recording import diagnose

    limits = {
        "max-growth": max_growth,
        "max-peak": max_peak,
        "max-passes-needed": max_passes_needed,
        "min-gc-effectiveness": min_gc_effectiveness,
        "max-survival-rate": max_survival_rate,
        "min-cleanup-effectiveness": min_cleanup_effectiveness,
        "max-growth-under-load": max_growth_under_load,
        "max-uncollectable": max_uncollectable,
    }
    asked = gating.asked(fail_on, baseline, limits)
    output.check_json(json)
    wanted = format or ([] if json == output.STDOUT else ["terminal"])
    places = output.places(_placed(wanted, out), json)
    with output.working("reading"):
        found = dataclasses.replace(diagnose(load(capture)), saved=str(capture))
        asked.check(found.command)
        found = asked.answered(found, defaults=False)
    output.write(found, places, limit)
    output.write_json(found, json)
    return gate.exit_status(found)


def _placed(formats: Sequence[str], file: str | None) -> list[str]:
    """The formats, with ``-o FILE`` where one has no file. Raises UsageError where it would be for none."""
    if file is None:
        return list(formats)
    placed = [text if "=" in text else f"{text}={file}" for text in formats]
    if placed == list(formats):
        raise UsageError(f"-o {file}: every format has a file of its own", "leave -o out")
    return placed
