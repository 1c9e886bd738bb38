"""``memdiag report``: a capture says later what it said when it was recorded; other files say what they can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli import Cli, Report, Result, assert_refused, checked, line_of
from tests.integration.programs import clean_environment

LEAKY = """
class Store:
    def __init__(self):
        self.kept, self.zeros = [], [0] * 15_000

    def add(self):
        self.kept.append(bytes(1000))  # leaks

def ring():
    around = []
    around.append(around)

def main():
    store = Store()
    for _ in range(3000):
        store.add()
        ring()
        store.zeros.count(1)

main()
"""

DUMPED = """
import sys, tracemalloc
tracemalloc.start(3)
kept = [bytes(1000) for _ in range(500)]  # kept
tracemalloc.take_snapshot().dump("taken.dump")
"""

# What is said where a run is recorded, and cannot be said later: where it was put just now, and what to do next.
RECORDING_ONLY = ("saved", "next_steps", "gate")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    cli = Cli(tmp_path_factory.mktemp("report"))
    cli.write("leaky.py", LEAKY)
    return cli


@pytest.fixture(scope="module", params=["run", "run --tracer tracemalloc", "run --tracer none", "cycles"])
def recorded(home: Cli, request: pytest.FixtureRequest) -> Result:
    ran = home.reported(*request.param.split(), "-o", "recorded.memdiag", "leaky.py")
    assert ran.report["findings"]  # else there would be little to repeat
    return ran


def body(text: str) -> list[str]:
    """The lines of a page without those about the recording."""
    lines = text.splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("saved: ", "next: "))]


def lasting(report: Report) -> Report:
    return {key: value for key, value in report.items() if key not in RECORDING_ONLY}


def test_it_prints_what_was_printed(home: Cli, recorded: Result) -> None:
    again = home("report", "recorded.memdiag")
    assert again.status == 0
    assert body(again.stdout) == body(recorded.stderr)
    assert again.stderr == ""


def test_it_says_the_same_in_json(home: Cli, recorded: Result) -> None:
    printed = checked(home("report", "--format", "json", "recorded.memdiag").stdout)
    assert lasting(printed) == lasting(recorded.report)
    written = home.reported("report", "recorded.memdiag")
    assert written.report == printed
    assert "recorded.memdiag" in written.stdout


@pytest.mark.parametrize("asked", [["--json", "-"], ["--format", "json", "--json", "-"]])
def test_json_alone_on_standard_output(home: Cli, recorded: Result, asked: list[str]) -> None:
    assert lasting(checked(home("report", *asked, "recorded.memdiag").stdout)) == lasting(recorded.report)


def test_a_tracemalloc_dump(home: Cli) -> None:
    program = home.write("dumped.py", DUMPED)
    subprocess.run([sys.executable, "dumped.py"], cwd=home.directory, env=clean_environment(), check=True)
    ran = home.reported("report", "taken.dump")
    assert (ran.status, ran.report["tracer"]) == (0, "tracemalloc")
    assert ran.report["verdict"] == "inconclusive"  # one snapshot shows what is alive, not what grows
    row = next(row for row in ran.report["rows"] if row["site"]["line"] == line_of(program, "# kept"))
    assert row["after_blocks"] in (501, 502)
    assert row["after_bytes"] >= 500 * 1033


def test_a_memray_file(home: Cli) -> None:
    pytest.importorskip("memray")
    program = home.write(
        "tracked.py",
        """
        import memray
        with memray.Tracker("taken.bin", trace_python_allocators=True):
            kept = [bytes(1000) for _ in range(500)]  # kept
        """,
    )
    subprocess.run([sys.executable, "tracked.py"], cwd=home.directory, env=clean_environment(), check=True)
    ran = home.reported("report", "taken.bin")
    assert (ran.status, ran.report["tracer"]) == (0, "memray")
    row = next(row for row in ran.report["rows"] if row["site"]["line"] == line_of(program, "# kept"))
    assert row["after_blocks"] in range(500, 504)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + bytes(50), b"\x80\x05\x95" + bytes(50)])
def test_what_is_no_capture(home: Cli, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "given").write_bytes(content)
    assert_refused(home("report", str(tmp_path / "given")), "given")


def test_a_format_that_there_is_not(home: Cli) -> None:
    assert_refused(home("report", "--format", "yaml", "leaky.py"), "--format", "yaml")


def test_no_capture_at_all(home: Cli) -> None:
    assert_refused(home("report"), "capture")
    assert_refused(home("report", "absent.memdiag"), "absent.memdiag")
