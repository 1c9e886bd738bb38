"""``memdiag report``: print a capture again."""

from __future__ import annotations

import dataclasses
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from memdiag.commands import gating, options, output


class Format(str, Enum):
    """What a report is written as."""

    terminal = "terminal"
    json = "json"


def report(
    capture: Annotated[Path, typer.Argument(help="A capture, a tracemalloc dump, or a memray .bin file.")],
    format: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.terminal,
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
    with output.working("reading"):
        found = dataclasses.replace(diagnose(load(capture)), saved=str(capture))
        asked.check(found.command)
        found = asked.answered(found, defaults=False)
    if format is Format.terminal and json != "-":
        output.show(found, sys.stdout, limit)
    output.write_json(found, "-" if format is Format.json else None)
    output.write_json(found, None if format is Format.json and json == "-" else json)
    return gate.exit_status(found)
