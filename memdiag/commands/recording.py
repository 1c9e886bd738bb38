"""What the verbs that run a program have in common: record, save, diagnose, gate, print."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from memdiag import gate
from memdiag.capture import format, store
from memdiag.commands import configuration, output
from memdiag.commands.gating import Asked
from memdiag.commands.output import Place
from memdiag.errors import FAILED, FINE, CannotDo
from memdiag.launch.record import Settings, discard, record
from memdiag.launch.target import Target, describe
from memdiag.model import Capture, Report


def record_and_report(
    target: Target,
    settings: Settings,
    out: Path | None,
    json: str | None,
    limit: int,
    asked: Asked,
    graph: Path | None = None,
    places: Sequence[Place] = (),
    repeat: int = 1,
) -> int:
    """Run the target, save and print what came of it; the exit status, negative for the target's signal."""
    place = store.destination(target.name, out)
    capture = _recorded(target, settings, place, repeat)
    with output.working("reading what was recorded"):
        report = diagnose(capture)
    if settings.native_auto and any(one.kind == "native" for one in report.findings):
        capture = _with_native_stacks(capture, report, target, settings, store.new_spool(place))
        report = diagnose(capture)
    report, saved = save(capture, report, place)
    report = dataclasses.replace(report, next_steps=_next_steps(report, target, saved, graph))
    report = asked.answered(report)
    report, drawn = _draw(report, graph)
    output.write_json(report, json)
    output.write(report, places, limit)
    output.show(report, sys.stderr, limit)
    status = gate.exit_status(report, capture.target.exit_status or FINE)
    return FAILED if status == FINE and (saved is None or not drawn) else status


def _recorded(target: Target, settings: Settings, place: Path, repeat: int) -> Capture:
    """As many runs of the target in one capture; no more after one that has failed."""
    runs: list[Capture] = []
    while len(runs) < repeat and not (runs and runs[-1].target.exit_status):
        spool = store.new_spool(place)
        try:
            runs.append(record(target, settings, spool))
        finally:
            discard(spool)
    failed = [run for run in runs if run.target.exit_status]
    first = failed[0] if failed else runs[0]
    return dataclasses.replace(first, repeats=tuple(run for run in runs if run is not first))


def diagnose(capture: Capture) -> Report:
    """The report that fits the capture's command; of several runs that of a typical one."""
    from memdiag.analysis.repeats import report_of

    return report_of(capture)


def _with_native_stacks(capture: Capture, report: Report, target: Target, settings: Settings, spool: Path) -> Capture:
    """The capture with what a second run of the program, under memray, knows of the native stacks that grow."""
    from memdiag.analysis.native_stack import LOST, native_stacks

    lost = any(one.pattern == LOST for one in report.findings)
    settings = dataclasses.replace(
        settings, tracer="memray", native=True, python_allocators=lost, snapshots="none", trim=False
    )
    try:
        return dataclasses.replace(capture, native_stacks=native_stacks(record(target, settings, spool), lost))
    finally:
        discard(spool)


def save(capture: Capture, report: Report, place: Path) -> tuple[Report, Path | None]:
    """Write the capture; where that fails the report is still printed, and says so."""
    try:
        format.write_capture(capture, place)
    except CannotDo as error:
        return dataclasses.replace(report, notes=(*report.notes, f"{error.problem}; {error.next_step}")), None
    store.prune(retained=configuration.read().retention)
    return dataclasses.replace(report, saved=_shown(place)), place


def _draw(report: Report, place: Path | None) -> tuple[Report, bool]:
    """Draw what was asked for; where that fails the report is still printed, and says so."""
    if place is None:
        return report, True
    from memdiag.report import picture

    try:
        note, drawn = picture.draw(report.survival.clusters if report.survival else (), place), True
    except CannotDo as error:
        note, drawn = f"{error.problem}; {error.next_step}", False
    return dataclasses.replace(report, notes=(*report.notes, note)), drawn


def _shown(place: Path) -> str:
    return os.path.relpath(place) if place.is_relative_to(os.getcwd()) else str(place)


def _wants_native(report: Report) -> bool:
    """Whether memory outside Python's own grows, and nobody has looked for its stack yet."""
    return any(one.kind == "native" and not one.sites for one in report.findings)


def _next_steps(report: Report, target: Target, saved: Path | None, graph: Path | None) -> tuple[str, ...]:
    steps = []
    typed = describe(target.argv)
    if report.command == "run" and _wants_native(report):
        steps.append(f"memdiag run --native-auto {typed}   # runs it again under memray: the native stack that grows")
    elif report.command == "run" and report.awaiting_bytes > 0:
        steps.append(f"memdiag cycles {typed}   # why so much waits for the collector")
    if report.command == "run" and report.verdict == "suspect" and not steps:
        steps.append(f"memdiag cycles {typed}   # which cycles survive, and what holds them")
    if saved is not None and report.command == "run":
        steps.append(f"memdiag diff {_shown(saved)} LATER.memdiag   # after the fix, or in CI")
    if report.command == "cycles" and graph is None and report.verdict in ("suspect", "leak"):
        steps.append(f"memdiag cycles --graph cycles.dot {typed}   # a picture of what holds them")
    return tuple(steps[-2:])
