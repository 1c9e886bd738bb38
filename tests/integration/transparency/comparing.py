"""The one comparison that every test of transparency makes: plain ``python`` against ``memdiag run``."""

from __future__ import annotations

import contextlib
import json
import os
import pty
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.integration.programs import (
    AS_USUAL,
    Outcome,
    Setting,
    clean_environment,
    plain_command,
    read_report,
    run,
    run_command,
)

TRACERS = ("tracemalloc", "auto")
every_tracer = pytest.mark.parametrize("tracer", [*TRACERS, "memray"], indirect=True)
any_tracer = pytest.mark.parametrize("tracer", ["none"], indirect=True)  # where it does not matter which

# Whatever a program does, the probe must have had something to do meanwhile: both of its clocks tick in here.
WORK = """
import gc

def work(rounds=6):
    kept = []
    for number in range(rounds):
        kept.append([[n] for n in range(1000)])
        ring = []
        ring.append(ring)
        gc.collect()
    return len(kept)
"""

# What must not follow the target's own words on standard error: complaints of the interpreter about the probe.
COMPLAINTS = (b"Traceback (most", b"Exception ignored", b"Warning:", b"Fatal Python error", b"Error in")


@dataclass(frozen=True)
class Compare:
    """Runs a target twice, asserts that nothing differs, and returns what plain ``python`` made of it."""

    tracer: str
    directory: Path
    saved: Path

    def script(self, program: str, *arguments: str, setting: Setting = AS_USUAL) -> Outcome:
        self.write("script.py", program)
        return self.target("script.py", *arguments, setting=setting)

    def target(self, *target: str, setting: Setting = AS_USUAL) -> Outcome:
        plain, probed = self.both(*target, setting=setting)
        assert_same(plain, probed)
        return plain

    def both(self, *target: str, setting: Setting = AS_USUAL) -> tuple[Outcome, Outcome]:
        plain = run(plain_command(*target), self.directory, setting)
        probed = run(run_command(self.saved, self.tracer, *target), self.directory, setting)
        assert_probed(self.saved, probed)
        return plain, probed

    def on_a_terminal(self, *target: str, until: bytes, answer: bytes) -> tuple[Outcome, Outcome]:
        """Both outcomes where a terminal is all three streams and ``answer`` is typed once ``until`` has appeared."""
        plain = _on_a_terminal(plain_command(*target), self.directory, until, answer)
        probed = _on_a_terminal(run_command(self.saved, self.tracer, *target), self.directory, until, answer)
        assert_probed(self.saved, probed)
        return plain, probed

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip(), encoding="utf-8")
        return path


def assert_probed(saved: Path, probed: Outcome) -> None:
    """Transparency is easy for a probe that never started."""
    said = probed.stderr.decode(errors="replace")
    assert (saved / "report.json").exists(), said
    assert read_report(saved)["samples"], said


def assert_same(plain: Outcome, probed: Outcome) -> None:
    assert readable(probed.stdout) == readable(plain.stdout)
    assert probed.stderr[: len(plain.stderr)] == plain.stderr
    assert probed.status == plain.status
    report = probed.stderr[len(plain.stderr) :]
    assert report, "memdiag reported nothing"
    assert not [complaint for complaint in COMPLAINTS if complaint in report], report.decode(errors="replace")


def readable(stdout: bytes) -> list[object]:
    """Line by line, and observations as data, so that a failure shows what differs by its key."""
    return [_datum(line) for line in stdout.splitlines(keepends=True)]


def _datum(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _on_a_terminal(command: list[str], directory: Path, until: bytes, answer: bytes) -> Outcome:
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execvpe(command[0], command, clean_environment(TERM="dumb"))
    output = b""
    with contextlib.suppress(OSError):  # Linux says EIO where the other end is closed
        while piece := os.read(master, 4096):
            answered = until in output
            output += piece
            if until in output and not answered:
                os.write(master, answer)
    os.close(master)
    return Outcome(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output, b"")
