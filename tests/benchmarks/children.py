"""Runs the processes in which things are measured, so that no figure is coloured by another's leavings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def program(name: str, *words: object) -> list[str]:
    """How one of the programs is started, behind ``python`` or ``memdiag run``."""
    return ["-m", f"tests.benchmarks.programs.{name}", *map(str, words)]


class Failed(Exception):
    """A process that did not do what it should; says what its last line was."""


@dataclass(frozen=True)
class Done:
    """How long a process took (seconds, and of a processor), and the most memory it had resident at once (bytes)."""

    seconds: float
    peak_bytes: int
    cpu_seconds: float


def run(command: Sequence[str], allowed: Sequence[int] = (0,)) -> Done:
    """Run to the end, unheard. Raises Failed."""
    begun = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in allowed:
        raise Failed(_last_line(said.decode(errors="replace")))
    return Done(took, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime)


def asked(module: str, *words: object, patience: float = 600.0) -> dict[str, Any]:
    """What a module of this package prints as JSON when it is run. Raises Failed."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, words)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"did not finish in {patience:.0f} s") from error
    if done.returncode != 0:
        raise Failed(_last_line(done.stderr))
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it ended without a word"


def reap() -> None:
    """Forget the images that have ended: they are children of ours, made by the programs that were measured."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def peak_bytes() -> int:
    """The most that this process has had resident, since it began or since ``forget_peak``."""
    return _status("VmHWM")


def resident_bytes() -> int:
    return _status("VmRSS")


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
