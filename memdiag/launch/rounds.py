"""Has a callable repeated in rounds by the target's interpreter, and packs the heaps of these rounds into a capture."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from memdiag.capture import spool
from memdiag.errors import CannotDo, UsageError
from memdiag.launch import process
from memdiag.launch.images import ImageDesk
from memdiag.launch.outside import Outside
from memdiag.launch.owners import with_owners
from memdiag.launch.target import Target
from memdiag.model import Capture, HeapEvidence, TargetInfo
from memdiag.units import counted, format_count, format_duration

FEWEST_ROUNDS = 4
_MAIN = "import sys; sys.modules.pop('_memdiag_rounds')()"  # the probe has put it there
_WARM_UP = 2  # rounds that are not judged
_LONG_S = 30.0
_MEASURED_S = 0.2  # of calls, that tell how long all of them will take
_INTERRUPTED = 130
_NOT_PROBED = "the target's interpreter ran without memdiag's probe (is it started with -I, or -S?)"


@dataclass(frozen=True)
class Callable_:
    """``module:function`` or ``script.py:function``; of the function a dotted name."""

    place: str
    attribute: str

    @property
    def name(self) -> str:
        return f"{self.place}:{self.attribute}"

    @property
    def is_script(self) -> bool:
        return self.place.endswith(".py")

    @property
    def module(self) -> str:
        """Its name in the target; of a script, that of its file."""
        return Path(self.place).stem if self.is_script else self.place

    def check(self) -> None:
        """Raises UsageError for a script that cannot be read; modules are for the target's interpreter to find."""
        if self.is_script:
            Target("script", self.place).check()


def parse(text: str) -> Callable_:
    """What was named. Raises UsageError where it is neither a module's nor a script's function."""
    place, colon, attribute = text.rpartition(":")
    named = Callable_(place, attribute)
    right = named.is_script or all(part.isidentifier() for part in place.split("."))
    if not colon or not right or not all(part.isidentifier() for part in attribute.split(".")):
        raise UsageError(f"{text!r:.60} names no function", "write module:function or script.py:function")
    named.check()
    return named


@dataclass(frozen=True)
class Order:
    """What to repeat, and how often. ``iterations`` are the judged calls of all ``rounds`` together."""

    function: Callable_
    setup: Callable_ | None = None
    iterations: int = 1000
    rounds: int = 6
    python: str = sys.executable
    snapshots: str = "auto"

    @property
    def argv(self) -> tuple[str, ...]:
        setup = ("--setup", self.setup.name) if self.setup else ()
        return (self.function.name, *setup)

    @property
    def entries(self) -> dict[str, str]:
        """By module, source that calls what is called from outside."""
        found: dict[str, str] = {}
        for one in filter(None, (self.function, self.setup)):
            found[one.module] = found.get(one.module, "") + f"{one.attribute}()\n"
        return found

    @property
    def calls(self) -> int:
        """All of them, with those that are not judged."""
        return self.iterations + _WARM_UP * -(-self.iterations // self.rounds)


def record_rounds(order: Order, directory: Path, say: Callable[[str], None]) -> Capture:
    """Repeat it with a spool in ``directory``; the capture of what the heap was after each round.

    ``say`` is told, while it goes on, where that will take long. Raises UsageError where there is nothing that can be
    repeated, CannotDo where it was not repeated to the end.
    """
    started = time.monotonic()
    outside = Outside(started)
    stream = spool.Stream(directory / "stream")
    recording = spool.Recording()
    images = ImageDesk(recording, directory)
    pace = Pace(order, recording, say)

    def watch(pid: int) -> None:
        outside.look(pid)
        recording.add(stream.fresh())
        images.tend(outside.samples[-1].rss_bytes if outside.samples else None)
        pace.tell()

    command = [order.python, "-c", _MAIN]
    try:
        status, duration = process.run(command, process.environment(_options(order, directory, started)), watch)
        recording.add(stream.fresh())
        _check_done(order, recording, status)
        heap = images.conclude()
    finally:
        images.dismiss()
    hello = recording.first("hello")
    target = TargetInfo(
        argv=order.argv,
        python=str(hello.get("python", "")),
        executable=str(hello.get("executable", order.python)),
        platform=str(hello.get("platform", sys.platform)),
        directory=os.getcwd(),
        exit_status=status,
        duration_s=duration,
    )
    notes = tuple(pace.notes())
    found = with_owners(_enough(heap, recording), order.entries)
    return Capture("check", target, tracer="auto", heap=found, notes=notes)


def _options(order: Order, directory: Path, started: float) -> dict[str, str]:
    return {
        "directory": str(directory),
        "started": repr(started),
        "command": "check",
        "callable": order.function.name,
        "setup": order.setup.name if order.setup else "",
        "iterations": str(order.iterations),
        "rounds": str(order.rounds),
        "warm_up": str(_WARM_UP),
        "snapshots": order.snapshots,
    }


def _check_done(order: Order, recording: spool.Recording, status: int) -> None:
    """Raises where not all rounds were gone through: nothing can be said then, least of all that it is clean."""
    refused, raised, name = recording.first("refused"), recording.first("raised"), order.function.name
    if refused:
        raise UsageError(str(refused["problem"]), str(refused["next_step"]))
    if recording.first("done"):
        return
    if raised.get("type") == "KeyboardInterrupt" or status == -signal.SIGINT:
        raise KeyboardInterrupt
    if not recording.first("hello"):
        raise CannotDo(f"{name} was not checked: {_NOT_PROBED}", "run it with a plain CPython: --python PATH")
    call = int(raised.get("call", 0))
    where = f"in call {format_count(call)}" if call else "before the first call"
    if raised:
        how = "left by sys.exit()" if raised["type"] == "SystemExit" else f"raised {raised['type']}"
        raise CannotDo(f"{name} {how} {where}, so it was not checked", "check what can be repeated without errors")
    how = f"signal {-status} ended it" if status < 0 else f"its process left with status {status}"
    raise CannotDo(f"{name} was not checked to its end: {how}", "check what can be repeated to the end")


def _enough(heap: HeapEvidence | None, recording: spool.Recording) -> HeapEvidence:
    """The evidence. Raises CannotDo where too few rounds left any."""
    if heap is not None and len(heap.moments) > FEWEST_ROUNDS:
        return heap
    faults = "; ".join(f"{fault['type']} at {fault['where']}" for fault in recording.headers("fault"))
    seen = counted(len(heap.moments) if heap else 0, "heap snapshot")
    raise CannotDo(f"only {seen} could be taken{f' ({faults})' if faults else ''}", "check space on disk, and memory")


class Pace:
    """Says, once it is known, that the calls will take long."""

    def __init__(self, order: Order, recording: spool.Recording, say: Callable[[str], None]) -> None:
        self._order, self._recording, self._say = order, recording, say
        self._said = False

    def tell(self) -> None:
        words = "" if self._said else self._words()
        if words:
            self._said = True
            self._say(words)

    def notes(self) -> list[str]:
        return [words] if (words := self._words()) else []

    def _words(self) -> str:
        for pace in reversed(self._recording.headers("pace")):
            each = float(pace["seconds"]) / max(1, int(pace["calls"]))
            whole = each * self._order.calls
            if float(pace["seconds"]) >= _MEASURED_S and whole >= _LONG_S:
                fewer = max(12, round(self._order.iterations * _LONG_S / 3 / whole))
                return (
                    f"a call takes about {format_duration(each)}, all {format_count(self._order.calls)} of them"
                    f" {format_duration(whole)}: fewer would do, with --iterations {fewer} for example"
                )
        return ""
