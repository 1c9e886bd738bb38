"""``memdiag run --tracer memray``: the leaking line by memray's own tracker, with its allocators and native frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdiag.capture.load import load
from tests.integration.cli import Cli, Result, assert_refused, grown, line_of, row_at

pytest.importorskip("memray")

LEAKY = """
import sys

class Store:
    def __init__(self):
        self.kept = []
        self.latest = {}

    def add(self, number):
        self.kept.append(bytes(1000))  # leaks

    def see(self, number):
        self.latest[number % 50] = bytes(2000)  # bounded

def main():
    store, zeros = Store(), [0] * 3000
    for number in range(4000):
        store.add(number)
        store.see(number)
        zeros.count(1)
    print(len(store.kept), "stored")

main()
"""

# Objects of up to 512 bytes come from arenas, whole or not at all, where Python's allocators are not traced.
SMALL = """
def main():
    kept, zeros = [], [0] * 3000
    for number in range(30_000):
        kept.append(str(number) * 10)  # leaks
        number % 10 or zeros.count(1)

main()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    cli = Cli(tmp_path_factory.mktemp("memray"))
    cli.write("leaky.py", LEAKY)
    cli.write("small.py", SMALL)
    return cli


@pytest.fixture(scope="module")
def leaky(home: Cli) -> Result:
    return home.reported("run", "--tracer", "memray", "-o", "leaky.memdiag", "leaky.py")


def test_the_leaking_line_comes_first(home: Cli, leaky: Result) -> None:
    assert (leaky.status, leaky.stdout, leaky.report["tracer"]) == (0, "4000 stored\n", "memray")
    line = line_of(home.directory / "leaky.py", "# leaks")
    assert grown(leaky.report)[0] == ("leaky.py", line)
    row = leaky.report["rows"][0]
    assert row["after_blocks"] in range(4000, 4004)
    assert row["after_bytes"] >= 4000 * 1033
    assert row["site"]["function"] == "Store.add"
    assert not row["arena"]
    assert leaky.report["verdict"] in ("leak", "suspect")
    assert leaky.report["findings"][0]["sites"][0]["line"] == line


def test_what_is_bounded_does_not_grow(home: Cli, leaky: Result) -> None:
    row = row_at(leaky.report, line_of(home.directory / "leaky.py", "# bounded"))
    assert row["after_bytes"] < 150_000
    assert row["trend"] != "grows to the end"


def test_the_series_comes_from_the_same_run(leaky: Result) -> None:
    assert len(leaky.report["rows"][0]["series_bytes"]) >= 5
    assert len(leaky.report["samples"]) >= 5
    assert {sample["heap_bytes"] for sample in leaky.report["samples"]} == {None}  # which are tracemalloc's to tell


def test_no_row_is_the_probes_own(leaky: Result) -> None:
    assert not [row for row in leaky.report["rows"] if "/memdiag/probe/" in row["site"]["file"]]


def test_nothing_is_left_behind(home: Cli, leaky: Result) -> None:
    assert not [path.name for path in home.directory.iterdir() if path.name.endswith((".bin", ".spool"))]
    again = home("report", "leaky.memdiag")
    assert f"leaky.py:{leaky.report['rows'][0]['site']['line']}" in again.stdout


def test_small_objects_are_seen_one_by_one(home: Cli) -> None:
    ran = home.reported("run", "--tracer", "memray", "small.py")
    line = line_of(home.directory / "small.py", "# leaks")
    assert grown(ran.report)[0] == ("small.py", line)
    assert ran.report["rows"][0]["after_blocks"] in range(30_000, 30_004)
    assert not any(row["arena"] for row in ran.report["rows"])


def test_without_pythons_allocators_arenas_are_told(home: Cli) -> None:
    ran = home.reported("run", "--tracer", "memray", "--no-python-allocators", "small.py")
    assert ran.status == 0
    arenas = [row for row in ran.report["rows"] if row["arena"]]
    assert arenas
    assert all(row["after_bytes"] % 4096 == 0 or row["after_bytes"] >= 1 << 18 for row in arenas)
    assert "need not be a leak's own line" in ran.said
    assert not [finding for finding in ran.report["findings"] if finding["kind"] == "growth" and finding["sites"] == []]
    arena_lines = {row["site"]["line"] for row in arenas}
    blamed = {site["line"] for finding in ran.report["findings"] for site in finding["sites"]}
    assert not arena_lines & blamed


def test_native_frames(home: Cli) -> None:
    ran = home.reported("run", "--tracer", "memray", "--native", "-o", "native.memdiag", "leaky.py")
    assert (ran.status, ran.stdout) == (0, "4000 stored\n")
    line = line_of(home.directory / "leaky.py", "# leaks")
    assert grown(ran.report)[0] == ("leaky.py", line)  # a person looks for the line of the program, not of CPython
    traces = load(home.directory / "native.memdiag").traces
    assert traces is not None
    files = {frame.file for stack in traces.stacks for frame in stack}
    assert any(not file.endswith(".py") for file in files)
    assert any(file.endswith("leaky.py") for file in files)


def test_native_frames_are_memrays_alone(home: Cli) -> None:
    assert_refused(home("run", "--native", "leaky.py"), "--native", "memray")


def test_a_killed_run(home: Cli) -> None:
    home.write("killed.py", LEAKY.replace('print(len(store.kept), "stored")', "import os; os.kill(os.getpid(), 9)"))
    ran = home.reported("run", "--tracer", "memray", "killed.py")
    assert ran.status == -9
    assert grown(ran.report)[0] == ("killed.py", line_of(home.directory / "killed.py", "# leaks"))
    assert "cut short" in ran.said


def test_a_module_and_its_arguments(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.write("package/__main__.py", "import sys\nprint(sys.argv[1:])\n")
    assert cli("run", "--tracer", "memray", "-m", "package", "--native", "x").stdout == "['--native', 'x']\n"
