"""Snapshots of this very process by the probe's means, and the process beside it that reads them.

The probe was made to be loaded into a program by path, with memdiag as the parent. Here it is an ordinary import, and
the copies are this process's own children, without a signal at their end, so that no ``wait`` of a test's ever meets
one. They live between repetitions only.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from memdiag.errors import CannotDo
from memdiag.probe.counted import Counted, Looks
from memdiag.probe.image import Images
from memdiag.probe.native import Native
from memdiag.pytest_plugin.screen import thawed

_PACKAGE = "memdiag."
_WALL = 0x40000000  # waitpid: children without a signal too
_PATIENCE_S = 120.0
_JUDGE = (
    "import sys; sys.path[:1] = []; sys.path.append({place!r}); from memdiag.pytest_plugin.judge import main; main()"
)
_NOT_FOR_THE_JUDGE = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "COV_CORE_SOURCE", "PYTHONWARNINGS")


class _Native(Native):
    """Its copies are children of this process."""

    def __init__(self) -> None:
        super().__init__()
        self.ties = 0
        self.pids: list[int] = []

    def copy(self, resident_bytes: int, held_since: float = 0.0) -> int:
        pid = super().copy(resident_bytes, held_since)
        if pid:
            self.pids.append(pid)
        return pid


class _Images(Images):
    def __init__(self, recorder: Counted, modules: list[Any]) -> None:
        super().__init__(recorder, modules, "auto")
        if self.copies:
            self._parent = os.getpid()


class Heaps:
    """One a process: its descriptors stay open. Raises CannotDo where the heap cannot be walked."""

    def __init__(self) -> None:
        try:
            self._native = _Native()
        except Exception as error:
            raise CannotDo(f"the heap of this Python cannot be walked ({type(error).__name__})") from error
        self._pid = os.getpid()
        self.directory = Path(tempfile.mkdtemp(prefix="memdiag-pytest-"))
        self.recorder = Counted(str(self.directory), time.monotonic(), self._native)
        ours = [module for name, module in sys.modules.copy().items() if name.startswith(_PACKAGE)]
        self.looks = Looks(self.recorder, _Images(self.recorder, ours))

    def begin(self, case: Mapping[str, Any]) -> Trial:
        """Start the process that will read what the looks write; ``case`` is what it is told of the test."""
        os.truncate(self.directory / "stream", 0)
        self.recorder.judged = 0
        return Trial(self, case)

    def clear(self) -> None:
        """End the copies, and remove what they wrote."""
        for pid in self._native.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, _WALL)
        self._native.pids.clear()
        self.looks.forget()
        for place in self.directory.glob("*-*"):
            place.unlink(missing_ok=True)

    def close(self) -> None:
        """Not for a child that a test has forked, and that ends as pytest does."""
        self.recorder.silent = True
        if os.getpid() == self._pid:
            shutil.rmtree(self.directory, ignore_errors=True)


class Trial:
    """One test's looks at the heap, and the verdict on them."""

    def __init__(self, heaps: Heaps, case: Mapping[str, Any]) -> None:
        self._heaps = heaps
        env = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_THE_JUDGE}
        place = str(Path(__file__).resolve().parents[2])
        with (heaps.directory / "judge").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _JUDGE.format(place=place)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=env,
            )
        told = {"directory": str(heaps.directory), "parent": os.getpid(), **case}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        self._process.stdin.flush()

    def look(self, label: str = "sample") -> None:
        with thawed():
            self._heaps.looks.take(label)

    def count(self, calls: int) -> None:
        self._heaps.recorder.judged += calls

    def verdict(self) -> dict[str, Any]:
        """What the judge says. Raises CannotDo where it says nothing."""
        self._heaps.recorder.write("done", {"calls": self._heaps.recorder.judged})
        try:
            said, _ = self._process.communicate(timeout=_PATIENCE_S)
            found: dict[str, Any] = json.loads(said)
        except (subprocess.TimeoutExpired, ValueError):
            raise CannotDo(f"its snapshots could not be read ({self._last_words()})") from None
        finally:
            self.end()
        return found

    def end(self) -> None:
        """Also without a verdict: nothing is left of it."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._heaps.clear()

    def _last_words(self) -> str:
        text = (self._heaps.directory / "judge").read_text(errors="replace").strip()
        return text.splitlines()[-1] if text else "the process that reads them did not answer"
