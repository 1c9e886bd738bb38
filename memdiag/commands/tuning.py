"""``memdiag cycles --tune``: run, set differently, measure, advise. No capture comes of it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from memdiag.commands import output
from memdiag.errors import FINE, UsageError
from memdiag.launch.target import Target, describe

if TYPE_CHECKING:
    from memdiag.model import Tuning

_NOISY = 0.05  # of CPU time: a smaller difference than that may be worth more runs
_MOST_RUNS = 100


def refuse_what_looks(**options: object) -> None:
    """Raises UsageError for options of a look at cycles: no such look is taken here."""
    given = [name for name, value in options.items() if value]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        raise UsageError(f"--tune only measures, it has no use for {option}", f"leave {option} out, or --tune")


def tune_collector(target: Target, python: str, repeats: int, json: str | None) -> int:
    """Run the target under each setting, and print what that changed; the status of a target that failed at first."""
    from memdiag.analysis.tuning import judge
    from memdiag.launch.tuning import try_settings
    from memdiag.model import Report

    with tempfile.TemporaryDirectory(prefix="memdiag-") as directory:
        tried = try_settings(target, python, repeats, Path(directory), output.working)
    status = tried.target.exit_status or FINE
    if not tried.trials:
        _say_why_not(target, status)
        return status
    tuning = judge(tried.trials)
    report = Report(
        command="cycles",
        verdict="inconclusive",  # of leaks nothing is said
        headline=f"{describe(target.argv)}: {_headline(tuning)}",
        target=tried.target,
        tuning=tuning,
        next_steps=_next_steps(target, tuning, repeats),
    )
    output.write_json(report, json)
    output.show(report, sys.stderr, limit=10)
    return FINE


def _headline(tuning: Tuning) -> str:
    advised = next((row for row in tuning.rows if row.setting == tuning.advised), None)
    if advised is None:
        return f"of {len(tuning.rows) - 1} other settings of the collector, none is clearly better"
    return f"{advised.setting.code} saves {100 * (1 - advised.cpu_ratio):.0f} % of the CPU time"


def _next_steps(target: Target, tuning: Tuning, repeats: int) -> tuple[str, ...]:
    if tuning.advised is not None or tuning.noise < _NOISY:
        return ()
    more = min(_MOST_RUNS, repeats * 4)
    return (f"memdiag cycles --tune --repeat {more} {describe(target.argv)}   # more runs, less noise",)


def _say_why_not(target: Target, status: int) -> None:
    how = f"signal {-status} ended it" if status < 0 else f"it ended with status {status}"
    print(f"memdiag: no setting was tried on {describe(target.argv)}: {how}", file=sys.stderr, flush=True)
