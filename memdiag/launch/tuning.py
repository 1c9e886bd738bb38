"""Runs a target again and again, with the collector set differently each time, and measures each run from outside.

The first run is the program's as always: it has its streams, and it may be slower than later ones (files not yet in the
page cache, bytecode not yet compiled), so it is not measured. In the others every setting has its turn, forth and
back, so that a machine that grows slower or faster does so for all of them.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

from memdiag.capture import spool
from memdiag.capture.collector import cost_of
from memdiag.errors import CannotDo
from memdiag.launch import process
from memdiag.launch.target import Target
from memdiag.model import CollectorSetting, TargetInfo, Trial, TrialRun
from memdiag.units import format_duration

_MUCH = (50_000, 20, 20)
_TIMES = 10
_NOT_PROBED = "the target's interpreter ran without memdiag's probe (is it started with -I, or -S?)"

Working = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True)
class Tried:
    """``trials`` is empty where the first run failed: nothing was tried then."""

    target: TargetInfo
    trials: tuple[Trial, ...] = ()


def settings_from(thresholds: tuple[int, ...]) -> tuple[CollectorSetting, ...]:
    """What to try in a Python that starts with these thresholds: first as it is, last without any collector."""
    more = (thresholds[0] * _TIMES, *thresholds[1:])
    return (
        CollectorSetting(),
        CollectorSetting(thresholds=more),
        CollectorSetting(thresholds=_MUCH),
        CollectorSetting(freeze=True),
        CollectorSetting(thresholds=more, freeze=True),
        CollectorSetting(off=True),
    )


def try_settings(target: Target, python: str, repeats: int, directory: Path, working: Working) -> Tried:
    """Run the target once as it is, then ``repeats`` times under each setting, with a spool in ``directory``.

    ``working`` shows what is being done, while it lasts. Raises CannotDo where the program ran without the probe.
    """
    bench = _Bench(target, python, directory)
    hello, first = bench.run(CollectorSetting(), silent=False)
    info = _info(target, python, hello, first)
    if first.exit_status:
        return Tried(info)
    if not hello or first.collector is None:
        problem = _NOT_PROBED if not hello else "the program leaves so that its collections cannot be told (os._exit?)"
        raise CannotDo(f"nothing was tried: {problem}", "let it end by itself, in a plain CPython")
    settings = settings_from(tuple(int(one) for one in hello["thresholds"]))
    runs: dict[CollectorSetting, list[TrialRun]] = {setting: [] for setting in settings}
    order = list(_turns(settings, repeats))
    for at, setting in enumerate(order):
        left = format_duration(first.wall_s * (len(order) - at))
        with working(f"run {at + 1} of {len(order)}: {setting.name} (about {left} to go)"):
            _, run = bench.run(setting, silent=True)
        _check(run, setting)
        runs[setting].append(run)
    return Tried(info, tuple(Trial(setting, tuple(found)) for setting, found in runs.items()))


def _turns(settings: Sequence[CollectorSetting], repeats: int) -> Iterator[CollectorSetting]:
    for turn in range(repeats):
        yield from settings if turn % 2 == 0 else settings[::-1]


def _check(run: TrialRun, setting: CollectorSetting) -> None:
    """Raises where going on would be of no use: the program is not what it was in the first run."""
    if run.exit_status == -signal.SIGINT:
        raise KeyboardInterrupt
    if run.exit_status and setting == CollectorSetting():
        how = f"signal {-run.exit_status}" if run.exit_status < 0 else f"status {run.exit_status}"
        problem = f"the program ended well at first, and with {how} when it was run again"
        raise CannotDo(problem, "it is run with no input, and often: let it not depend on either")


def _info(target: Target, python: str, hello: dict[str, Any], first: TrialRun) -> TargetInfo:
    return TargetInfo(
        argv=target.argv,
        python=str(hello.get("python", "")),
        executable=str(hello.get("executable", python)),
        platform=str(hello.get("platform", sys.platform)),
        directory=os.getcwd(),
        exit_status=first.exit_status,
        duration_s=first.wall_s,
    )


class _Bench:
    """Runs the target, and reads what it left each time."""

    def __init__(self, target: Target, python: str, directory: Path) -> None:
        self._command = [python, *target.argv]
        self._directory = directory
        self._number = 0

    def run(self, setting: CollectorSetting, silent: bool) -> tuple[dict[str, Any], TrialRun]:
        """What the probe said as it began (nothing where there was none), and the run."""
        self._number += 1
        place = self._directory / str(self._number)
        place.mkdir()
        peak = _Peak()
        env = process.environment(_options(setting, place))
        before = _cpu_of_children()
        status, wall = process.run(self._command, env, peak.look, silent=silent)
        cpu = _cpu_of_children() - before
        recording = spool.Recording()
        recording.add(spool.Stream(place / "stream").fresh())
        told = recording.first("tuned")
        own = float(told.get("own", 0.0))
        run = TrialRun(
            wall_s=max(0.0, wall - own),
            cpu_s=max(0.0, cpu - own),
            peak_rss_bytes=max(filter(None, (told.get("peak"), peak.size)), default=None),
            collector=cost_of(told) if told else None,
            collections=int(told["collections"]) if told else None,
            exit_status=status,
            enabled=bool(told.get("enabled", True)),
            overridden=bool(told.get("overridden", False)),
        )
        return recording.first("hello"), run


def _options(setting: CollectorSetting, place: Path) -> dict[str, str]:
    return {
        "directory": str(place),
        "started": repr(time.monotonic()),
        "command": "tune",
        "thresholds": ",".join(map(str, setting.thresholds)),
        "freeze": str(int(setting.freeze)),
        "off": str(int(setting.off)),
    }


def _cpu_of_children() -> float:
    """Seconds of user and system time of all children that have been waited for, and of theirs."""
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _Peak:
    """The highest resident set of a process, watched from outside: of one that is killed, nothing else tells it.

    What ``wait4`` would tell is no less than our own, since between fork and exec a child is its parent.
    """

    def __init__(self) -> None:
        self.size: int | None = None

    def look(self, pid: int) -> None:
        try:
            text = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
        if found:
            self.size = max(self.size or 0, int(found[0]) * 1024)
