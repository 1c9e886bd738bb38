"""However a run ends, it is reported from what was recorded until then, and memdiag ends as its target did."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli import Cli, Report, Result, checked, grown, held, line_of
from tests.integration.programs import clean_environment, memdiag_command

LEAKY = """
import ctypes, faulthandler, os, resource, signal, sys, time
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

class Store:
    def __init__(self):
        self.kept = []

    def add(self):
        self.kept.append(bytes(1000))  # leaks

def main():
    store, zeros = Store(), [0] * 20_000
    for _ in range(4000):
        store.add()
        zeros.count(1)
    {ending}

main()
"""

WAITING = "print(os.getpid(), flush=True); time.sleep(60)"

# name: (the last line of main, the status, what the note must hold: how the run was cut short, if it was)
ENDINGS = {
    "an exception": ("raise RuntimeError('done for')", 1, ""),
    "sys.exit": ("sys.exit(3)", 3, ""),
    "os._exit": ("os._exit(7)", 7, "status 7"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL); time.sleep(60)", -signal.SIGKILL, "signal 9"),
    "terminated": ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -signal.SIGTERM, "signal 15"),
    "interrupted": ("signal.raise_signal(signal.SIGINT)", -signal.SIGINT, ""),
    "a segmentation fault": ("ctypes.string_at(0)", -signal.SIGSEGV, "signal 11"),
    "aborted": ("os.abort()", -signal.SIGABRT, "signal 6"),
    "replaced by another program": ("os.execv('/bin/sh', ['sh', '-c', 'exit 4'])", 4, "status 4"),
    "out of memory": (
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29)); store.kept.append(bytearray(1 << 30))",
        1,
        "",
    ),
}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def assert_recorded(cli: Cli, ran: Result, note: str, by_exit: bool = False) -> None:
    """Samples until the end, the holder named by the last snapshots, and a note where the end was not seen."""
    report = ran.report
    assert held(report) == [("leak", "Store.kept", "bytes")], ran.stderr
    assert report["findings"][0]["growing"]["counts"][-1] > 500  # of 4000: the last snapshot may be of some time before
    if report["tracer"] == "tracemalloc":
        assert_rows(cli, report, by_exit)
    cut_short = [one for one in report["notes"] if "cut short" in one]
    assert bool(cut_short) == bool(note), report["notes"]
    assert note in "".join(cut_short)
    assert not [one for one in report["notes"] if "probe" in one], report["notes"]
    assert all(one in ran.said for one in report["notes"])
    assert len(cli.captures()) == 1
    assert len(list((cli.directory / ".memdiag").iterdir())) == 2  # the capture, and .gitignore


def assert_rows(cli: Cli, report: Report, by_exit: bool) -> None:
    """Rows until the end, the leaking line before all others."""
    assert len([sample for sample in report["samples"] if sample["heap_bytes"]]) >= 3
    if not by_exit:  # SystemExit takes main()'s locals with it, and what is left is the last sample before
        line = line_of(cli.directory / "leaky.py", "# leaks")
        assert grown(report)[0] == ("leaky.py", line)
        assert report["rows"][0]["after_blocks"] > 1000


@pytest.mark.parametrize("tracer", ["auto", "tracemalloc"])
@pytest.mark.parametrize("name", ENDINGS)
def test_an_ending_from_within(cli: Cli, name: str, tracer: str) -> None:
    ending, status, note = ENDINGS[name]
    cli.write("leaky.py", LEAKY.format(ending=ending))
    ran = cli.reported("run", "--tracer", tracer, "leaky.py")
    assert ran.status == ran.report["target"]["exit_status"] == status
    assert_recorded(cli, ran, note, by_exit=name == "sys.exit")


def test_a_traceback_is_the_programs_own(cli: Cli) -> None:
    cli.write("leaky.py", LEAKY.format(ending="raise RuntimeError('done for')"))
    said = cli.reported("run", "leaky.py").stderr
    assert said.startswith("Traceback (most recent call last):\n")
    assert said.count("Traceback") == 1
    assert "RuntimeError: done for\n" in said
    assert said.index("RuntimeError") < said.index("leaky.py:")  # the report comes after the target's own words


@pytest.mark.parametrize("verb", ["run", "cycles"])
def test_the_kernel_kills_at_the_limit_of_processor_time(cli: Cli, verb: str) -> None:
    """As the killer of processes that take too much memory does: from outside, and without any warning."""
    limit = "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))"
    cli.write("leaky.py", LEAKY.format(ending=f"{limit}\n    while True: store.add(); zeros.count(1)"))
    ran = cli.reported(verb, "leaky.py")
    assert ran.status == ran.report["target"]["exit_status"] == -signal.SIGKILL
    if verb == "run":
        assert_recorded(cli, ran, "signal 9")
    else:
        assert ran.report["verdict"] == "inconclusive"
        assert ran.report["survival"] is None
        assert "cut short" in ran.said


# --- signals from outside -------------------------------------------------------------------------------------


def test_control_c_is_sent_to_all_of_the_group(cli: Cli) -> None:
    """As a terminal or a CI system sends it: memdiag hears it too, lets the target end, and reports."""
    ran = ended_from_outside(cli, lambda process, _target: os.killpg(process, signal.SIGINT))
    assert ran.status == ran.report["target"]["exit_status"] == -signal.SIGINT
    assert "KeyboardInterrupt" in ran.stderr
    assert_recorded(cli, ran, "")


def test_a_program_that_cleans_up_is_interrupted_once(cli: Cli) -> None:
    tidy = (
        "try:\n        print(os.getpid(), flush=True); time.sleep(60)\n"
        "    except KeyboardInterrupt:\n        time.sleep(0.3); print('tidy'); sys.exit(5)"
    )
    ran = ended_from_outside(cli, lambda process, _target: os.killpg(process, signal.SIGINT), ending=tidy)
    assert (ran.status, ran.stdout) == (5, "tidy\n")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_memdiag_is_passed_on(cli: Cli, number: signal.Signals) -> None:
    ran = ended_from_outside(cli, lambda process, _target: os.kill(process, number))
    assert ran.status == ran.report["target"]["exit_status"] == -number
    assert_recorded(cli, ran, "" if number == signal.SIGINT else f"signal {number.value}")


def test_the_target_alone_is_killed(cli: Cli) -> None:
    ran = ended_from_outside(cli, lambda _process, target: os.kill(target, signal.SIGKILL))
    assert ran.status == -signal.SIGKILL
    assert_recorded(cli, ran, "signal 9")


def ended_from_outside(cli: Cli, send: Callable[[int, int], None], ending: str = WAITING) -> Result:
    """The outcome of a run to which ``send(memdiag's process id, the target's)`` does something once it waits."""
    cli.write("leaky.py", LEAKY.format(ending=ending))
    with subprocess.Popen(
        memdiag_command("run", "--json", "report.json", "leaky.py"),
        cwd=cli.directory,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        assert process.stdout is not None
        send(process.pid, int(process.stdout.readline()))
        stdout, stderr = process.communicate(timeout=60)
    place = cli.directory / "report.json"
    report: Report = checked(place.read_text()) if place.exists() else {}
    return Result(process.returncode, stdout, stderr, report)


# --- what was recorded in part --------------------------------------------------------------------------------


def test_a_limit_on_the_size_of_files(cli: Cli) -> None:
    """The target may not write more than 3 kB to any file, and so neither may the probe: the report says so."""
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, resource.RLIM_INFINITY))\n"
    cli.write(
        "leaky.py", limit.join(LEAKY.format(ending="pass").split("resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"))
    )
    ran = cli.reported("run", "leaky.py")
    assert ran.status == 0
    assert ran.report["samples"]
    assert "could not be written" in ran.said


def test_a_program_that_ends_in_a_child(cli: Cli) -> None:
    """A forked child is another program: its end is not the run's."""
    fork = "pid = os.fork()\n    if pid == 0: os.kill(os.getpid(), signal.SIGKILL)\n    os.waitpid(pid, 0)"
    cli.write("leaky.py", LEAKY.format(ending=fork))
    ran = cli.reported("run", "leaky.py")
    assert ran.status == 0
    assert_recorded(cli, ran, "")


def test_no_core_and_no_spool_is_left(cli: Cli) -> None:
    cli.write("leaky.py", LEAKY.format(ending="os.kill(os.getpid(), signal.SIGKILL)"))
    assert resource.getrlimit(resource.RLIMIT_CORE) is not None
    assert cli("run", "-o", "out.memdiag", "leaky.py").status == -signal.SIGKILL
    assert sorted(path.name for path in cli.directory.iterdir()) == ["leaky.py", "out.memdiag"]
