"""``memdiag run`` on real programs: what it says of them, and with which status it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memdiag.capture.load import load
from memdiag.units import format_bytes, format_count
from tests.integration.cli import Cli, Result, another_python, grown, line_of, row_at

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
    store, zeros = Store(), [0] * 15_000
    for number in range(4000):
        store.add(number)
        store.see(number)
        zeros.count(1)  # works, and allocates nothing
    print(len(store.kept), "stored")

main()
sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
"""

CLEAN = """
def main():
    latest, zeros = {}, [0] * 15_000
    for number in range(4000):
        latest[number % 50] = bytes(2000)
        zeros.count(1)

main()
"""

KEPT = range(4001, 4004)  # 4000 objects and the list they are in; before 3.11, a frame that is kept for the next call


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    cli = Cli(tmp_path_factory.mktemp("run"))
    cli.write("leaky.py", LEAKY)
    cli.write("clean.py", CLEAN)
    return cli


@pytest.fixture(scope="module")
def leaky(home: Cli) -> Result:
    """With all of its lines traced, over the whole run."""
    return home.reported("run", "--tracer", "tracemalloc", "--limit", "1", "--fail-on", "suspect", "leaky.py")


@pytest.fixture(scope="module")
def untraced(home: Cli) -> Result:
    return home.reported("run", "--tracer", "none", "leaky.py")


@pytest.fixture(scope="module")
def clean(home: Cli) -> Result:
    return home.reported("run", "--fail-on", "suspect", "clean.py")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


# --- what it says ---------------------------------------------------------------------------------------------


def test_the_holder_and_the_leaking_line_come_first(home: Cli, leaky: Result) -> None:
    """The line is not a finding of its own beside what holds all that it makes."""
    line = line_of(home.directory / "leaky.py", "# leaks")
    assert leaky.report["verdict"] == "leak"
    assert grown(leaky.report)[0] == ("leaky.py", line)
    accused = [finding for finding in leaky.report["findings"] if finding["verdict"] != "bounded"]
    assert [finding["holder"]["owner"] for finding in accused] == ["Store.kept"]
    site = leaky.report["findings"][0]["sites"][0]
    assert (site["line"], site["function"], site["count"]) == (line, "Store.add", 4000)
    assert site["source"] == "self.kept.append(bytes(1000))  # leaks"
    assert leaky.report["findings"][0]["retained_bytes"] == 4000 * 1033


def test_what_main_keeps_is_still_counted_at_its_end(home: Cli, leaky: Result) -> None:
    """Its locals are gone when the process exits: 4000 objects and the list they are in are alive before that."""
    row = row_at(leaky.report, line_of(home.directory / "leaky.py", "# leaks"))
    assert row["after_blocks"] in KEPT
    assert row["after_bytes"] >= 4000 * 1033
    assert row["series_bytes"] == sorted(row["series_bytes"])
    assert len(row["series_bytes"]) >= 5


def test_what_is_bounded_does_not_grow(home: Cli, leaky: Result) -> None:
    row = row_at(leaky.report, line_of(home.directory / "leaky.py", "# bounded"))
    assert row["after_bytes"] <= 52 * 2033 + 5000
    assert row["trend"] != "grows to the end"


def test_a_program_that_keeps_nothing_is_clean(clean: Result) -> None:
    assert (clean.status, clean.report["verdict"], clean.report["findings"]) == (0, "clean", [])
    assert "NO LEAK FOUND" in clean.stderr


def test_the_terminal_and_the_json_say_the_same(leaky: Result) -> None:
    report, row = leaky.report, leaky.report["rows"][0]
    assert report["headline"] in leaky.said
    assert f"{len(report['samples'])} samples" in leaky.said
    figures = [
        format_bytes(row["growth_bytes"], signed=True),
        format_bytes(row["after_bytes"]),
        f"{format_count(row['after_blocks'])} ({format_count(row['growth_blocks'], signed=True)})",
    ]
    assert not [figure for figure in figures if figure not in leaky.said], leaky.stderr
    for finding in report["findings"][:1]:  # as many as --limit lets through
        assert finding["title"] in leaky.said
        assert " ".join(finding["why"].split()) in leaky.said
    assert f"saved: {report['saved']}" in leaky.said
    assert all(step in leaky.stderr for step in report["next_steps"])
    peak = max(sample["rss_bytes"] for sample in report["samples"])
    assert format_bytes(peak) in leaky.stderr


def test_the_tracers_memory_is_shown_apart(leaky: Result) -> None:
    told = [sample for sample in leaky.report["samples"] if sample["heap_bytes"] is not None]
    assert all(sample["tracer_bytes"] > 0 for sample in told)
    peak = max(sample["heap_bytes"] for sample in told)
    assert 4000 * 1033 < peak < 1.2 * 4000 * 1033  # tracemalloc's own part of the memory is not in it
    assert "tracemalloc itself used" in leaky.said


def test_samples_are_a_series(leaky: Result) -> None:
    times = [sample["t_s"] for sample in leaky.report["samples"]]
    assert times == sorted(times)
    assert len(times) >= 10
    assert 0 <= times[0] <= times[-1] <= leaky.report["target"]["duration_s"] + 0.01
    assert {sample["threads"] for sample in leaky.report["samples"]} <= {1, None}  # the probe's own is not counted
    assert {sample["children"] for sample in leaky.report["samples"]} <= {0, None}


def test_no_row_is_the_probes_own(leaky: Result) -> None:
    assert not [row for row in leaky.report["rows"] if os.sep + "probe" + os.sep in row["site"]["file"]]


def test_an_untraced_run_names_the_holder_and_infers_the_line(home: Cli, untraced: Result) -> None:
    report = untraced.report
    assert (untraced.status, report["tracer"], report["verdict"]) == (0, "none", "leak")
    assert report["findings"][0]["holder"]["owner"] == "Store.kept"
    site = report["findings"][0]["sites"][0]
    assert (site["line"], site["bytes"]) == (line_of(home.directory / "leaky.py", "# leaks"), 0)
    blocks = [sample["heap_objects"] for sample in report["samples"] if sample["heap_objects"] is not None]
    assert max(blocks) - blocks[0] >= 4000
    assert {sample["heap_bytes"] for sample in report["samples"]} == {None}


def test_what_is_not_traced_has_rows_by_type(untraced: Result) -> None:
    first = untraced.report["rows"][0]
    assert (first["kind"], first["type"], first["site"]["file"]) == ("type", "bytes", "")
    assert 4000 <= first["after_blocks"] < 4500  # a program's own constants are bytes as well
    assert first["growth_bytes"] == first["after_bytes"] - first["before_bytes"] > 1_000_000
    table = untraced.stderr.partition("Heap growth by type over the run")[2].partition("saved:")[0]
    assert format_bytes(first["growth_bytes"], signed=True) in table


def test_neither_tracing_nor_snapshots(home: Cli) -> None:
    ran = home.reported("run", "--tracer", "none", "--snapshots", "none", "leaky.py")
    assert (ran.status, ran.report["rows"], ran.report["findings"]) == (0, [], [])
    assert ran.report["verdict"] == "inconclusive"
    assert "no snapshot of the heap could be taken" in ran.said


@pytest.mark.parametrize("tracer", ["tracemalloc", "none"])
def test_a_script_of_thirty_milliseconds_has_a_series(cli: Cli, tracer: str) -> None:
    cli.write("short.py", "kept = [[str(number)] for number in range(20_000)]\nprint(len(kept))\n")
    ran = cli.reported("run", "--tracer", tracer, "short.py")
    told = [sample for sample in ran.report["samples"] if sample["heap_objects"] is not None]
    assert len(told) >= 3
    assert told[-1]["heap_objects"] > told[0]["heap_objects"] + 15_000


LATE = """
import gc
{prepare}

def make():
    ring = [bytes(1000)]
    ring.append(ring)

def main():
    zeros = [0] * 15_000
    for _ in range(3000):
        make()
        zeros.count(1)

main()
"""


@pytest.mark.parametrize("tracer", ["auto", "tracemalloc"])
def test_what_awaits_the_collector_is_not_growth(cli: Cli, tracer: str) -> None:
    cli.write("late.py", LATE.format(prepare="gc.set_threshold(1_000_000)"))
    ran = cli.reported("run", "--tracer", tracer, "late.py")
    assert ran.report["verdict"] == "clean"
    assert [(one["kind"], one["verdict"], one["holder"]) for one in ran.report["findings"]] == [("cycle", "info", None)]
    assert ran.report["awaiting_bytes"] >= 2900 * 1033  # what no trace is found for is not in it
    assert "awaiting the collector: late, not leaked" in ran.said
    assert "memdiag cycles late.py" in ran.said


@pytest.mark.parametrize("tracer", ["auto", "tracemalloc"])
def test_garbage_that_no_collector_will_come_for(cli: Cli, tracer: str) -> None:
    cli.write("late.py", LATE.format(prepare="gc.disable()"))
    ran = cli.reported("run", "--tracer", tracer, "late.py")
    assert ran.report["verdict"] == "suspect"
    assert [(one["kind"], one["verdict"]) for one in ran.report["findings"]] == [("cycle", "suspect")]
    assert ran.report["findings"][0]["growing"]["counts"] == [3000]
    assert "the collector is off" in ran.said


def test_rows_are_ranked_by_growth_and_printed_to_a_limit(cli: Cli) -> None:
    program = cli.write(
        "three.py",
        """
        def main():
            small, large, middle, zeros = [], [], [], [0] * 3000
            for number in range(2000):
                small.append(bytes(300))  # third
                large.append(bytes(900))  # first
                middle.append(bytes(600))  # second
                zeros.count(1)

        main()
        """,
    )
    ran = cli.reported("run", "--tracer", "tracemalloc", "--limit", "2", "three.py")
    first, second, third = (("three.py", line_of(program, mark)) for mark in ("# first", "# second", "# third"))
    assert grown(ran.report)[:3] == [first, second, third]
    table = ran.stderr.partition("Allocation growth")[2].partition("saved:")[0]
    assert f"three.py:{second[1]} in main" in table
    assert f"three.py:{third[1]} in main" not in table
    assert f"... and {len(grown(ran.report)) - 2} more line" in table


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_another_interpreter(home: Cli, version: str) -> None:
    python = another_python(version)
    ran = home.reported("run", "--python", python, "--tracer", "tracemalloc", "leaky.py")
    assert ran.status == 0
    assert ran.report["target"]["python"].startswith(version + ".")
    assert os.path.samefile(ran.report["target"]["executable"], python)
    if version == "3.10":
        return  # its frames let go of their locals first, and the end of main() may be missed
    line = line_of(home.directory / "leaky.py", "# leaks")
    assert grown(ran.report)[0] == ("leaky.py", line)
    assert row_at(ran.report, line)["after_blocks"] in KEPT


@pytest.mark.parametrize("frames", [1, 3])
def test_frames(cli: Cli, frames: int) -> None:
    calls = "".join(f"def f{n}(): return f{n - 1}()\n" for n in range(1, 6))
    cli.write("deep.py", f"def f0(): return [bytes(9000) for _ in range(50)]\n{calls}kept = f5()\n")
    asked = ("--tracer", "tracemalloc", "--frames", str(frames))
    assert cli("run", *asked, "-o", "out", "deep.py").status == 0
    traces = load(cli.directory / "out").traces
    assert traces is not None
    assert max(len(stack) for stack in traces.stacks) == frames


# --- statuses and gates ---------------------------------------------------------------------------------------


def test_a_gate_that_is_breached(leaky: Result) -> None:
    assert leaky.status == 1
    assert [breach["limit"] for breach in leaky.report["gate"]["breaches"]] == ["--fail-on suspect"]
    assert not leaky.report["gate"]["passed"]
    assert "breached: --fail-on suspect" in leaky.said


def test_a_gate_that_holds(clean: Result) -> None:
    assert clean.status == 0
    assert (clean.report["gate"]["passed"], clean.report["gate"]["breaches"]) == (True, [])


def test_without_a_gate_a_leak_fails_nothing(home: Cli) -> None:
    assert home("run", "--tracer", "none", "leaky.py").status == 0


def test_the_targets_failure_wins_over_the_gates(home: Cli) -> None:
    ran = home.reported("run", "--fail-on", "suspect", "--max-growth", "1kB", "leaky.py", "3")
    assert ran.status == 3
    assert ran.report["target"]["exit_status"] == 3
    assert len(ran.report["gate"]["breaches"]) == 2


@pytest.mark.parametrize(("limit", "status"), [("100 kB", 1), ("1GiB", 0), ("0.5%", 1)])
@pytest.mark.parametrize("tracer", ["auto", "tracemalloc"])
def test_a_limit_on_growth(home: Cli, tracer: str, limit: str, status: int) -> None:
    program = home.directory / "leaky.py"
    ran = home.reported("run", "--tracer", tracer, "--max-growth", limit, program.name)
    assert ran.status == status
    assert ran.report["gate"]["passed"] == (status == 0)
    where = "bytes" if tracer == "auto" else f"{program}:{line_of(program, '# leaks')}"
    assert [breach["where"] for breach in ran.report["gate"]["breaches"]] == [where] * status


def test_a_limit_that_could_not_be_measured_is_breached(home: Cli) -> None:
    unseen = ("--tracer", "none", "--snapshots", "none")
    ran = home.reported("run", *unseen, "--max-growth", "1GiB", "leaky.py")
    assert ran.status == 1
    assert "not measured" in ran.said


def test_the_end_of_a_comprehension_is_not_the_programs(cli: Cli) -> None:
    """Until 3.12 it is a function that the script calls; what is made after it counts as well."""
    program = cli.write(
        "two.py", "kept = [bytes(1000) for _ in range(4000)]\nother = [bytes(500) for _ in range(900)]\n"
    )
    ran = cli.reported("run", "--tracer", "tracemalloc", "-o", "out", program.name)
    # The list's items are a block of their own; the list and the comprehension's frame are too, or from free lists.
    assert row_at(ran.report, 2)["after_blocks"] in (901, 902, 903)
    traces = load(cli.directory / "out").traces
    assert traces is not None
    assert traces.moments[-1].label == "exit"
