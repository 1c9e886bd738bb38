"""``memdiag run``: run a program, watch it, say what grows."""

from __future__ import annotations

from typing import Annotated

import typer

from memdiag.commands import gating, options, output
from memdiag.commands.options import Snapshots, Tracer
from memdiag.commands.targets import required, target_of
from memdiag.errors import UsageError


def run(
    words: options.Words = None,
    module: options.Module = None,
    code: options.Code = None,
    tracer: Annotated[Tracer, typer.Option(help="How allocations are traced; auto: now and then.")] = Tracer.auto,
    snapshots: Annotated[
        Snapshots, typer.Option(help="Of the heap: from a copy of the process (auto), in place at its end, or none.")
    ] = Snapshots.auto,
    frames: Annotated[int, typer.Option(min=1, max=64, help="Frames kept of each allocation (tracemalloc).")] = 2,
    native: Annotated[bool, typer.Option("--native", help="Native frames too (memray).")] = False,
    python_allocators: Annotated[
        bool, typer.Option("--python-allocators/--no-python-allocators", help="See every object, not arenas (memray).")
    ] = True,
    native_auto: Annotated[
        bool,
        typer.Option("--native-auto", help="Where native memory grows, run it again under memray; or --native auto."),
    ] = False,
    trim_probe: Annotated[
        bool, typer.Option("--trim-probe", help="At the end, have malloc give back what is free, and measure it.")
    ] = False,
    out: options.Output = None,
    json: options.Json = None,
    format: options.Formats = None,
    python: options.Python = None,
    limit: options.Rows = 10,
    fail_on: options.Fail = None,
    max_growth: options.Growth = None,
    max_peak: options.Peak = None,
    baseline: options.Baseline = None,
    repeat: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Run it N times into one capture: diff tells noise by it.")
    ] = 1,
) -> int:
    """Run a program as python would, then say what keeps growing, where, and what to do."""
    from memdiag.commands.recording import record_and_report
    from memdiag.launch.record import Settings
    from memdiag.launch.target import interpreter

    asked = gating.asked(fail_on, baseline, {"max-growth": max_growth, "max-peak": max_peak})
    asked.check("run")
    output.check_json(json)
    places = output.places(format, json)
    if native and tracer is not Tracer.memray:
        raise UsageError("--native needs --tracer memray", "tracemalloc sees Python's own allocations only")
    target = required(target_of(words or [], module, code))
    settings = Settings(
        command="run",
        tracer=tracer.value,
        snapshots=snapshots.value,
        frames=frames,
        native=native,
        python_allocators=python_allocators,
        python=interpreter(python, "memray" if native_auto else tracer.value),
        trim=trim_probe,
        native_auto=native_auto,
    )
    return record_and_report(target, settings, out, json, limit, asked, places=places, repeat=repeat)
