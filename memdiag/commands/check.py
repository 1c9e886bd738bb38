"""``memdiag check``: repeat a function, and say whether anything grew in every round."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from memdiag.commands import gating, options, output
from memdiag.commands.options import Snapshots
from memdiag.errors import FAILED, FINE, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memdiag.commands.gating import Asked
    from memdiag.commands.output import Place
    from memdiag.launch.rounds import Order
    from memdiag.model import Report

_FEWEST = 12  # calls; of fewer, too little would be left behind to be seen
_MORE = 10  # times the iterations, where growth slows down


def check(
    function: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="What to repeat; or script.py:function.")],
    iterations: Annotated[
        int, typer.Option(min=_FEWEST, metavar="N", help="Calls that are judged, in all rounds together.")
    ] = 1000,
    rounds: Annotated[int, typer.Option(min=4, max=100, metavar="R", help="Rounds that the calls are made in.")] = 6,
    setup: Annotated[
        str | None,
        typer.Option(metavar="MODULE:FUNCTION", help="Called once before; what it returns is passed on if need be."),
    ] = None,
    snapshots: Annotated[
        Snapshots, typer.Option(help="Of the heap: from a copy of the process (auto), or in place (paused).")
    ] = Snapshots.auto,
    out: options.Output = None,
    json: options.Json = None,
    format: options.Formats = None,
    python: options.Python = None,
    limit: options.Rows = 10,
    fail_on: options.Fail = None,
    max_growth: options.GrowthPerCall = None,
    baseline: options.Baseline = None,
) -> int:
    """Repeat a function that takes no arguments, and say what grew in every round: a leak, and exit status 1.

    Two rounds more go before those that are judged, in which caches fill. Coroutine functions are awaited.
    """
    from memdiag.launch.rounds import Order, parse
    from memdiag.launch.target import interpreter

    asked = gating.asked(fail_on, baseline, {"max-growth": max_growth})
    asked.check("check")
    output.check_json(json)
    places = output.places(format, json)
    if snapshots is Snapshots.none:
        raise UsageError("check judges by heap snapshots", "leave --snapshots out")
    if iterations < rounds:
        raise UsageError(f"{iterations} calls do not make {rounds} rounds", "give more --iterations, or fewer --rounds")
    order = Order(
        function=parse(function),
        setup=parse(setup) if setup is not None else None,
        iterations=iterations,
        rounds=rounds,
        python=interpreter(python, "none"),
        snapshots=snapshots.value,
    )
    return _check(order, out, json, limit, asked, places)


def _check(
    order: Order, out: options.Output, json: str | None, limit: int, asked: Asked, places: Sequence[Place]
) -> int:
    from memdiag import gate
    from memdiag.capture import store
    from memdiag.commands import recording
    from memdiag.launch.record import discard
    from memdiag.launch.rounds import record_rounds

    place = store.destination(order.function.attribute, out)
    spool = store.new_spool(place)
    try:
        capture = record_rounds(order, spool, _say)
        report, saved = recording.save(capture, recording.diagnose(capture), place)
    finally:
        discard(spool)
    report = dataclasses.replace(report, next_steps=_next_steps(report, order))
    report = asked.answered(report)
    output.write_json(report, json)
    output.write(report, places, limit)
    output.show(report, sys.stderr, limit)
    status = gate.exit_status(report)
    return FAILED if status == FINE and saved is None else status


def _say(words: str) -> None:
    print(f"memdiag: {words}", file=sys.stderr, flush=True)


def _next_steps(report: Report, order: Order) -> tuple[str, ...]:
    if report.verdict != "suspect":
        return ()
    again = f"memdiag check {' '.join(order.argv)} --iterations {order.iterations * _MORE}"
    return (f"{again}   # whether it levels off",)
