"""Puts the probe together inside the target, from the options that the parent left in the environment."""

from __future__ import annotations

import atexit
import sys
from os import register_at_fork as _register_at_fork
from time import perf_counter as _perf_counter

from . import memray_tracer
from .cycles import Looks, Watch
from .image import Images
from .interrupts import deliver_again
from .labels import Labels
from .moments import Ends
from .native import present
from .recorder import Recorder
from .rounds import Rounds
from .sampler import Clock, Collections, Sampler
from .stillness import undisturbed
from .traces import TraceRecorder
from .windows import Windows

_OWN = __name__.rpartition(".")[0]
_ROUNDS = "_memdiag_rounds"  # where the main program of ``check`` finds what to do
_LEAST_WORK = 0.05  # of the program's, after which cycles are looked at once more
_OFTEN_S = 0.0025  # seconds between two collections in the main thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Probe:
    """Everything that runs in the target, and the order in which it begins and ends."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self.tracer = options["tracer"]
        snapshots = options.get("snapshots", "auto")
        snapshots = snapshots if self.tracer != "memray" else "none"  # it writes through memory that a copy would share
        native = present() if snapshots != "none" else None
        self.recorder = Recorder(options["directory"], float(options["started"]), native)
        self.traces: TraceRecorder | None = None
        self.looks: Looks | None = None
        self.memray: Any = None
        self._every = float(options.get("every", "0"))
        self._next_look = self._every
        self._last_end = -1.0  # CPU seconds at the last look at an end, and what it cost
        self._last_cost = 0.0
        self._main_ticked = 0.0
        self._left = False  # by sys.exit: the last sample before it tells more than a look at what is left
        self._last_collections = 0
        self._ends_seen: set[str] = set()
        self._trims = options.get("trim") == "1"
        self.ends = Ends(self.recorder, self._ended)
        self.labels = Labels(self.recorder)
        ours = [module for name, module in sys.modules.items() if name.startswith(_OWN)]
        self.images = Images(self.recorder, [*ours, self.labels.module], snapshots)
        watch = None
        if options["command"] == "cycles":
            watch = Watch(self.recorder, self.images, self.ends.mark_coroutines)
            self.looks = Looks(self.recorder, watch, self.images, int(options["passes"]))
        self.windows = Windows(self.recorder, self.tracer == "auto" and self.looks is None)
        self._hello(options)
        self._start_tracer(options)
        memory = self.traces.memory if self.traces is not None else lambda: None
        self.sampler = Sampler(self.recorder, memory, self.ends.mark_coroutines, not self.images.copies)
        self.clock = Clock(self.recorder, self._tick_by_time)
        self.collections = Collections(self.recorder, self._tick, watch)
        _register_at_fork(before=self.clock.stop, after_in_parent=self.clock.resume, after_in_child=self._forked)
        atexit.register(self._exiting)
        self.sampler.sample()
        self.labels.begin(self._labelled)
        if self.looks is not None:
            self.looks.costs = self._costs
            self.ends.listen()
        if self.looks is None or self._every:  # a collection that our own thread sets off cannot be watched exactly
            self.clock.start()

    def _hello(self, options: Mapping[str, str]) -> None:
        header = {
            "python": ".".join(map(str, sys.version_info[:3])),
            "implementation": sys.implementation.name,
            "executable": sys.executable,
            "platform": sys.platform,
            "tracer": self.tracer,
            "frames": int(options.get("frames", "1")),
        }
        self.recorder.write("hello", header)

    def _start_tracer(self, options: Mapping[str, str]) -> None:
        if self.tracer == "tracemalloc":
            self.traces = TraceRecorder(self.recorder, int(options["frames"]))
        elif self.tracer == "memray":
            directory = self.recorder.spool.directory
            self.memray = memray_tracer.start(directory, options["native"] == "1", options["allocators"] == "1")
            self.recorder.write("tracing", {"clock": self.recorder.now()})

    def _costs(self) -> dict[str, Any]:
        """What the collector cost so far."""
        return self.collections.pauses.tell(self.recorder.active())

    def _tick(self) -> None:
        """On either clock: take what is due.

        Our own thread leaves it to the main one while that collects often: there nobody has to wait for the lock.
        """
        now = self.recorder.now()
        if self.recorder.in_main_thread():
            self._main_ticked = now
        elif now - self._main_ticked < _OFTEN_S:
            return
        sample_due = self.sampler.due()
        trace_due = self.traces is not None and self.traces.due()
        # Without main()'s locals it is no heap of the series; a window was opened for a snapshot that was due then.
        image_due = not self._left and (self.windows.open or self.images.due())
        if image_due and self.ends.begun:
            image_due = self.windows.before_snapshot(now)
        if not (sample_due or trace_due or image_due) or not self.recorder.begin():
            return
        try:
            if self.recorder.in_main_thread():
                self.ends.mark()
            else:
                self.ends.mark_from_afar()
            if image_due and not self.ends.importing:
                self.images.sample()
            if image_due:
                self.windows.after_snapshot(self.recorder.now())
            if sample_due:
                self.sampler.sample()
            if self.traces is not None and trace_due and not self.ends.importing:
                self.traces.snapshot("sample")
        finally:
            self.recorder.end()

    def _labelled(self, text: str) -> None:
        """What the program has named: a sample, and a snapshot of whatever this run takes snapshots of."""
        self.sampler.sample()
        self.images.sample()
        if self.traces is not None:
            self.traces.snapshot(text)

    def _tick_by_time(self) -> float:
        """In the probe's own thread; in how many seconds it is to come back: at once where a window is open."""
        self.collections.heed()
        self._tick()
        if self.looks is not None and self._every and self.recorder.now() >= self._next_look:
            if self.recorder.begin():
                try:
                    undisturbed(self._look_now)
                finally:
                    self.recorder.end()
            self._next_look = self.recorder.now() + self._every
        return 0.0 if self.windows.open else min(self.sampler.wait(), self.images.wait())

    def _look_now(self) -> None:
        if self.looks is not None:
            self.looks.look("every")

    def _ended(self, name: str, outermost: bool, locals_alive: bool) -> None:
        """A long-lived function of the program ends: its locals are still there, for the last time.

        When a program ends, all its long-lived frames do, one after the other; only the first of them is looked at,
        until the program has done something again. A function that the script calls in a loop pays its way.
        """
        if not locals_alive:
            self._left = outermost or self._left
            self.recorder.write("left", {"t": self.recorder.active()})
            return
        worked = self.recorder.worked()
        since = worked - self._last_end
        cheap = since > 10 * self._last_cost or (outermost and name not in self._ends_seen)
        if self._last_end >= 0 and (since < 0.05 * (worked - self.ends.first_worked) or not cheap):
            return
        self._ends_seen.add(name)
        self._final(f"end of {name}()", self.ends.loop_over)

    def _final(self, label: str, loop_over: bool = False) -> None:
        begun = _perf_counter()
        if not self.recorder.begin(wait=True):
            return
        try:
            self._look(label, loop_over)
        except Exception as error:
            self.recorder.fault(label, error)
            deliver_again(error)
        except BaseException as error:
            deliver_again(error)
        finally:
            self.recorder.end()
        self._last_end = self.recorder.worked()
        self._last_cost = _perf_counter() - begun
        self._last_collections = self.recorder.collections

    def _look(self, label: str, loop_over: bool) -> None:
        self.sampler.sample(at_end=True)
        left = memray_tracer.settle(self.recorder.collector_enabled) if self.memray is not None else 0
        clocks = {"t": self.recorder.active(), "clock": self.recorder.now(), "worked": self.recorder.worked()}
        clocks["since"] = clocks["worked"] - self.ends.first_worked
        self.recorder.write("moment", {**clocks, "label": label, "left_waiting": left, "loop_over": loop_over})
        if self.looks is not None:
            self.looks.look(label)
        else:
            self.images.final(label)
        if self.traces is not None:
            self.traces.snapshot(label, garbage=True)
        if self._trims:
            self._trim()

    def _trim(self) -> None:
        """Where asked for: what malloc gives back at an end of the program's work was free, and did not leak."""
        before = self.recorder.resident()
        if self.recorder.native is not None and self.recorder.native.trim():
            after = self.recorder.resident()
            self.recorder.write("trim", {"t": self.recorder.active(), "before": before, "after": after})

    def _exiting(self) -> None:
        """The program has ended and its own exit handlers, registered after ours, have run."""
        if not self.recorder.mine():
            return
        try:
            self.clock.stop()
            self.windows.close()
            unseen = self._last_end < 0 and not self._left
            if unseen or self._went_on():
                self._final("exit")
            self.sampler.sample()
            if self.looks is not None:
                self.recorder.write("pauses", self._costs())
            if self.memray is not None:
                self.memray.__exit__(None, None, None)
            self.recorder.write("exit", {"t": self.recorder.now(), "lost": self.recorder.spool.lost})
        except Exception as error:
            self.recorder.fault("exit", error)
        finally:
            self.recorder.silent = True
            self.collections.remove()

    def _went_on(self) -> bool:
        """Whether the program did more after its last end than let go of what its functions had held."""
        if self._last_end < 0:
            return False
        worked = self.recorder.worked()
        collections = self.recorder.collections - self._last_collections
        if self.looks is not None:  # whose figures are of all the cycles that the program made, to the last
            return collections > 0 or worked - self._last_end > _LEAST_WORK * (worked - self.ends.first_worked)
        return collections >= 3 or worked - self._last_end > 0.5 * (worked - self.ends.first_worked)

    def _forked(self) -> None:
        """A forked child is another program: it is left alone, and nothing of the probe slows it."""
        self.recorder.silent = True
        self.collections.remove()
        self.windows.close()
        if self.traces is not None and "tracemalloc" not in sys.modules:
            self.traces.stop()


def start(options: Mapping[str, str]) -> None:
    """Start the probe. Raises nothing: where it cannot start, the program runs without it."""
    try:
        if options["command"] == "check":
            sys.modules[_ROUNDS] = Rounds(options)  # type: ignore[assignment]
        else:
            Probe(options)
    except Exception as error:
        try:
            Recorder(options["directory"], float(options["started"])).fault("start", error)
        except Exception:
            return
