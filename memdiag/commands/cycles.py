"""``memdiag cycles``: which reference cycles survive the collector, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memdiag.commands import gating, options, output
from memdiag.commands.targets import or_known, target_of


def cycles(
    words: options.Words = None,
    module: options.Module = None,
    code: options.Code = None,
    passes: Annotated[int, typer.Option(min=1, max=1000, help="Collections to perform at the look.")] = 5,
    every: Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="Look during the run too.")] = 0.0,
    graph: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw what holds the cycles: .dot, .svg or .png.")
    ] = None,
    out: options.Output = None,
    json: options.Json = None,
    format: options.Formats = None,
    python: options.Python = None,
    limit: options.Rows = 10,
    fail_on: options.Fail = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Run it again and again instead: what other settings of gc change.")
    ] = False,
    repeat: Annotated[int, typer.Option(min=3, max=100, metavar="N", help="With --tune: runs of each of 6.")] = 3,
    max_passes_needed: options.PassesNeeded = None,
    min_gc_effectiveness: options.GcEffectiveness = None,
    max_survival_rate: options.SurvivalRate = None,
    min_cleanup_effectiveness: options.CleanupEffectiveness = None,
    max_growth_under_load: options.GrowthUnderLoad = None,
    max_uncollectable: options.Uncollectable = None,
    max_peak: options.Peak = None,
    baseline: options.Baseline = None,
) -> int:
    """Run a program, look at its reference cycles at the end, collect, and say which survive and why.

    Without a program: the target in [tool.memdiag] of pyproject.toml, else that of the latest run.
    """
    from memdiag.commands.recording import record_and_report
    from memdiag.commands.tuning import refuse_what_looks, tune_collector
    from memdiag.launch.record import Settings
    from memdiag.launch.target import interpreter
    from memdiag.report import picture

    limits = {
        "max-passes-needed": max_passes_needed,
        "min-gc-effectiveness": min_gc_effectiveness,
        "max-survival-rate": max_survival_rate,
        "min-cleanup-effectiveness": min_cleanup_effectiveness,
        "max-growth-under-load": max_growth_under_load,
        "max-uncollectable": max_uncollectable,
        "max-peak": max_peak,
    }
    asked = gating.asked(fail_on, baseline, limits)
    asked.check("cycles")
    output.check_json(json)
    places = output.places(format, json)
    if graph is not None:
        picture.check_place(graph)
    target = or_known(target_of(words or [], module, code))
    if tune:
        refuse_what_looks(graph=graph, output=out, fail_on=fail_on, every=every)
        return tune_collector(target, interpreter(python, "none"), repeat, json)
    settings = Settings("cycles", "none", python=interpreter(python, "none"), passes=passes, every_s=every)
    return record_and_report(target, settings, out, json, limit, asked, graph=graph, places=places)
