"""Heap snapshots are taken from copies of the program, which neither it nor its peers may ever notice."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.integration.programs import AS_USUAL, read_report, run, run_command
from tests.integration.transparency.comparing import Compare

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="images are made on Linux only")

BUSY = """
import gc, os, signal, sys, threading, time
kept = []

def work(seconds=0.2):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        kept.append([{"n": n} for n in range(200)])
        gc.collect(0)
        del kept[:-20]

"""


@pytest.fixture(params=["auto"])
def tracer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_program_has_no_child_to_wait_for(compare: Compare) -> None:
    compare.script(
        BUSY
        + """
seen = []
signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
work()
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("no child")
print(seen)
pid = os.fork()
if not pid:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    )


def test_a_pipe_ends_when_the_program_closes_it(compare: Compare) -> None:
    """A copy that kept it open would keep its reader waiting."""
    compare.script(
        BUSY
        + """
reading, writing = os.pipe()
threading.Thread(target=lambda: (work(), os.close(writing))).start()
work(0.1)
print(os.read(reading, 10), "at once")
"""
    )


def test_nothing_is_registered_or_run_for_a_fork(compare: Compare) -> None:
    compare.script(
        BUSY
        + """
import warnings
warnings.simplefilter("error")
os.register_at_fork(before=lambda: print("before"), after_in_child=lambda: print("child"))

class Loud:
    def __del__(self):
        print("deleted by", os.getpid() == pid)

pid = os.getpid()
local = threading.local()
local.loud = Loud()
ring = [Loud()]
ring.append(ring)
del ring
work()
gc.collect()
print("end")
"""
    )


def test_threads_and_signals_go_on(compare: Compare) -> None:
    compare.script(
        BUSY
        + """
ticks = []
signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
counts = [0] * 4

def spin(at):
    for _ in range(200_000):
        counts[at] += 1

threads = [threading.Thread(target=spin, args=(at,)) for at in range(4)]
[thread.start() for thread in threads]
work(0.3)
[thread.join() for thread in threads]
signal.setitimer(signal.ITIMER_REAL, 0)
print(counts, len(ticks) > 5, signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    )


def test_the_snapshots_are_there_and_no_copy_is_left(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(BUSY + "work(0.4)\n")
    saved = tmp_path / "saved"
    saved.mkdir()
    done = run(run_command(saved, "auto", "script.py"), tmp_path, AS_USUAL)
    assert done.status == 0
    assert any(row["kind"] == "type" for row in read_report(saved)["rows"])
    assert not _running(str(tmp_path))


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), 9)", "os._exit(3)", "raise SystemExit(4)", "1 / 0"])
def test_no_copy_outlives_a_run_that_is_cut_short(ending: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(BUSY + f"work(0.3)\n{ending}\n")
    saved = tmp_path / "saved"
    saved.mkdir()
    run(run_command(saved, "auto", "script.py"), tmp_path, AS_USUAL)
    assert any(row["kind"] == "type" for row in read_report(saved)["rows"])
    assert not _running(str(tmp_path))


def _running(directory: str) -> list[str]:
    """Commands of the processes that work in a directory, once those that were killed are gone."""
    deadline = time.monotonic() + 10
    found = [directory]
    while found and time.monotonic() < deadline:
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and os.readlink(process / "cwd") == directory:
                    found.append((process / "cmdline").read_text())
            except OSError:
                continue
    return found
