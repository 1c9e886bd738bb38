"""One heap snapshot of a run, as the parent has it: a file to come, and a process that answers questions.

An image is a copy of the target and a child of ours. It must not outlive its use, since while it lives the pages that
the program writes to are there twice. Where the target stands still itself there is no process, but it waits for the
questions just the same.
"""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from memdiag.capture import heap_file
from memdiag.model import Answers, Questions

_STUCK_S = 10.0  # an image that has written nothing for so long is not going to
_UNBORN_S = 1.0  # nor one that has not even begun, and sleeps
_ANSWER_S = 30.0
_POLL_S = 0.005

One = TypeVar("One", bound="Image")


@dataclass
class Image:
    """``pid`` is 0 where there is no copy: the target itself stands still."""

    directory: Path
    number: int
    pid: int
    label: str
    worked: float
    gone: bool = False
    _bytes: int = 0
    _dying: bool = False

    @classmethod
    def noted(cls: type[One], directory: Path, header: dict[str, Any]) -> One:
        """As the target's ``image`` record has it."""
        return cls(directory, int(header["number"]), int(header["pid"]), str(header["label"]), float(header["worked"]))

    @property
    def file(self) -> Path:
        return self.directory / f"heap-{self.number}"

    @property
    def is_there(self) -> bool:
        """Whether the heap has been written down, and not been removed since."""
        return self.file.exists()

    @property
    def bytes(self) -> int:
        """Of its file, once that has been there; before, 0."""
        self._bytes = self._bytes or max(0, _size(self.file))
        return self._bytes

    def wait_for_file(self) -> None:
        """Until it has written its file, or is gone, or is stuck."""
        size, since = -1, time.monotonic()
        while not self.gone and not self.is_there:
            with suppress(ChildProcessError):
                self.gone = os.waitpid(self.pid, os.WNOHANG)[0] != 0
            now = _size(self.file.with_suffix(".part"))
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > (_STUCK_S if now >= 0 or _runs(self.pid) else _UNBORN_S):
                self.end()
            time.sleep(_POLL_S)

    def ask(self, questions: Questions) -> Answers:
        """What it knows of single objects; nothing where it is gone, or does not answer."""
        place = self.directory / f"questions-{self.number}"
        partial = place.with_suffix(".part")
        partial.write_text(heap_file.questions_text(questions))
        os.replace(partial, place)
        answers = self.directory / f"answers-{self.number}"
        deadline = time.monotonic() + _ANSWER_S
        while not self.gone and time.monotonic() < deadline:
            if answers.exists():
                return heap_file.read_answers(answers) or Answers()
            time.sleep(_POLL_S)
        return Answers()

    def end(self) -> None:
        """Kill it. To go may take it a second on a busy machine: whoever watches the target cannot wait for that."""
        if self.pid and not self.gone:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._dying = True
        self.gone = True

    def bury(self) -> None:
        """End it, and wait until nothing of it is left: it may have been about to write a file."""
        self.end()
        if self._dying:
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        self._dying = False


def failures(directory: Path) -> list[str]:
    """What is to be said of copies that failed in their walks: each of the ways once."""
    told = []
    for file in sorted(directory.glob("failed-*")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            fault = json.loads(file.read_text(encoding="ascii"))
            told.append(f"a heap snapshot failed ({fault['type']}, line {int(fault['line'])}): please report it")
    return list(dict.fromkeys(told))


def _size(file: Path) -> int:
    """In bytes; -1 where there is none, or none any more: it may be renamed at any time."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return -1


def _runs(pid: int) -> bool:
    """Whether a process has, or waits for, a processor: it may merely be slow."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_SLEEPING
    except psutil.Error:
        return False
