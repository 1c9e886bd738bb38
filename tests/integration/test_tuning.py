"""``memdiag cycles --tune``, and what a program's collections cost: real programs, exact where counts are."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from memdiag.capture import spool
from memdiag.capture.collector import cost_of
from memdiag.launch.record import Settings, record
from memdiag.launch.target import Target
from memdiag.model import CollectorCost
from tests.integration.cli import Cli, Report, Result, another_python, assert_refused
from tests.integration.programs import Setting

RUNS = 1 + 6 * 3  # as the program is, and three under each setting

SERVICE = """
import heap

def main():
    kept = []
    for number in range(62_000):
        kept.append([number])
        if len(kept) > 30_000:
            kept = []
    print("served")

main()
"""
HEAP = "old = [[number, {'a': [number]}] for number in range(12_000)]\n"

PARTS = ("as it is", "tenfold", "(50000, 20, 20)", "freeze", "freeze, tenfold", "collector off")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def tuned(cli: Cli, program: str, *options: str) -> Result:
    cli.write("program.py", program)
    return cli.reported("cycles", "--tune", *options, "program.py")


def by_setting(report: Report) -> dict[str, dict[str, object]]:
    """The rows by ``PARTS``: what ten times the first threshold is depends on the Python."""
    assert len(report["tuning"]) == len(PARTS)
    return dict(zip(PARTS, report["tuning"], strict=True))


def collections(report: Report) -> dict[str, int]:
    return {name: int(str(row["collections"])) for name, row in by_setting(report).items()}


def assert_service(report: Report) -> None:
    """A large old heap and many young containers: fewer collections, and most objects out of their sight."""
    rows, counts = by_setting(report), collections(report)
    assert counts["as it is"] > 20
    assert 0 < counts["tenfold"] < counts["as it is"] / 4
    assert counts["(50000, 20, 20)"] <= counts["tenfold"]
    assert counts["collector off"] == 0
    assert abs(counts["freeze"] - counts["as it is"]) <= 2
    for name in ("freeze", "freeze, tenfold"):
        assert int(str(rows[name]["frozen"])) > 30_000
    assert rows["as it is"]["frozen"] == 0
    assert not [name for name, row in rows.items() if row["left_out"]]
    assert all(0 <= float(str(row["collector_share"])) <= 1 for row in rows.values())
    assert all(int(str(row["peak_rss_bytes"])) > 10_000_000 for row in rows.values())


def test_an_old_heap_and_many_young_containers(cli: Cli) -> None:
    cli.write("heap.py", HEAP)
    done = tuned(cli, SERVICE)
    assert (done.status, done.stdout) == (0, "served\n")
    assert_service(done.report)
    assert done.report["advice"]
    assert done.report["tuning"][1]["thresholds"][1:] == done.report["tuning"][4]["thresholds"][1:]
    assert "Settings of the collector, medians of 3 runs each, in turn" in done.said
    assert not cli.captures()


@pytest.mark.parametrize("version", ["3.10", "3.13", "3.14"])
def test_another_python(cli: Cli, version: str) -> None:
    cli.write("heap.py", HEAP)
    done = tuned(cli, SERVICE, "--python", another_python(version))
    assert (done.status, done.stdout) == (0, "served\n")
    assert_service(done.report)
    assert done.report["target"]["python"].startswith(version)


def test_collections_that_are_asked_for_are_counted_exactly(cli: Cli) -> None:
    """Without a collector of its own, a run's collections are those that the program performs."""
    done = tuned(cli, "import gc\n[gc.collect(0) for _ in range(30)]\n[gc.collect() for _ in range(12)]")
    counts = collections(done.report)
    assert counts["collector off"] == 42
    assert 42 <= counts["(50000, 20, 20)"] <= counts["as it is"]


def test_only_the_first_run_is_heard_and_has_input(cli: Cli) -> None:
    cli.write(
        "program.py",
        """
        import sys
        with open("runs.txt", "a") as log:
            print(len(sys.stdin.read()), sys.argv[1:], file=log)
        print("said")
        print("complained", file=sys.stderr)
        """,
    )
    done = cli("cycles", "--tune", "program.py", "--loud", setting=Setting(stdin=b"five!"))
    assert (done.status, done.stdout, done.stderr.count("complained")) == (0, "said\n", 1)
    lines = (cli.directory / "runs.txt").read_text().splitlines()
    assert lines == ["5 ['--loud']"] + ["0 ['--loud']"] * (RUNS - 1)


def test_thresholds_of_the_programs_own_are_noticed(cli: Cli) -> None:
    done = tuned(cli, "import gc\ngc.set_threshold(5000, 50, 50)\nkept = [[n] for n in range(30_000)]")
    left_out = [name for name, row in by_setting(done.report).items() if row["left_out"]]
    assert left_out == ["tenfold", "(50000, 20, 20)", "freeze, tenfold"]
    assert any("its thresholds are (5000, 50, 50)" in sentence for sentence in done.report["advice"])
    assert "left out: the program set the collector otherwise" in done.said


def test_callbacks_of_the_programs_own_and_a_program_that_needs_its_collector(cli: Cli) -> None:
    """They are called in their order; the runs without a collector fail, and that is said."""
    program = """
import gc, sys
enabled = gc.isenabled()
gc.disable()
calls = []
for name in "ab":
    gc.callbacks.append(lambda phase, info, name=name: calls.append((name, phase, info["generation"])))
gc.collect(1)
gc.collect()
print(calls, len(gc.garbage))
sys.exit(0 if enabled else 4)
"""
    done = tuned(cli, program)
    calls = [(name, phase, at) for at in (1, 2) for phase in ("start", "stop") for name in "ab"]
    assert (done.status, done.stdout) == (0, f"{calls} 0\n")
    assert done.report["tuning"][-1]["left_out"] == "3 of 3 runs ended with status 4"
    assert any("at the end it is off" in sentence for sentence in done.report["advice"])


def test_a_timeout_within_a_collection_is_not_lost(cli: Cli) -> None:
    """The probe's entry would swallow what a signal handler raises in it: it steps aside, and still counts."""
    program = """
import gc, signal

class Timeout(Exception):
    pass

def handler(*_):
    raise Timeout

signal.signal(signal.SIGALRM, handler)
gc.collect()
heard = 0
for _ in range(10):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.002)
        for _ in range(10_000):
            gc.collect(0)
    except Timeout:
        heard += 1
print(heard)
"""
    done = tuned(cli, program)
    assert (done.status, done.stdout) == (0, "10\n")
    assert "Exception ignored" not in done.stderr
    first = done.report["tuning"][0]
    assert first["collections"] > 10
    assert (first["collector_share"], first["longest_pause_s"]) == (None, None)


def test_a_program_that_fails_is_not_tuned(cli: Cli) -> None:
    cli.write("program.py", "print('once'); raise SystemExit(7)")
    done = cli.reported("cycles", "--tune", "program.py")
    assert (done.status, done.stdout, done.report) == (7, "once\n", {})
    assert done.stderr == "memdiag: no setting was tried on program.py: it ended with status 7\n"


def test_a_program_that_ends_well_but_once_is_not_tuned(cli: Cli) -> None:
    cli.write("program.py", "import os; os.mkdir('made')")
    done = cli("cycles", "--tune", "program.py")
    assert_refused(done, "ended well at first, and with status 1 when it was run again", status=3)


def test_a_program_whose_end_is_not_seen_is_not_tuned(cli: Cli) -> None:
    cli.write("program.py", "import os; os._exit(0)")
    assert_refused(cli("cycles", "--tune", "program.py"), "nothing was tried", "os._exit", status=3)


@pytest.mark.parametrize(
    "options",
    [("--graph", "a.dot"), ("--fail-on", "leak"), ("--repeat", "2")],
    ids=lambda options: str(options[0]),
)
def test_options_that_make_no_sense_together(cli: Cli, options: tuple[str, str]) -> None:
    cli.write("program.py", "raise SystemExit('ran')")
    assert_refused(cli("cycles", "--tune", *options, "program.py"), options[0])


# --- what collections cost in ``memdiag cycles`` itself ---------------------------------------------------------


def cost_in_cycles(cli: Cli, program: str, python: str = sys.executable) -> CollectorCost:
    """What the probe told of the collector at the program's exit, and at the last look, before its own passes."""
    spooled = cli.directory / "spool"
    spooled.mkdir()
    script = cli.write("program.py", program)
    record(Target("script", str(script)), Settings("cycles", "none", python=python), spooled)
    recording = spool.Recording()
    recording.add(spool.Stream(spooled / "stream").fresh())
    found, looked = cost_of(recording.first("pauses")), cost_of(recording.headers("look")[-1]["costs"])
    assert found.generations[1:] == looked.generations[1:]
    return found


def test_collections_during_the_run_count_and_memdiags_own_passes_do_not(cli: Cli) -> None:
    place = cli.directory / "stats.json"
    cost = cost_in_cycles(
        cli,
        f"""
        import gc, json
        gc.disable()
        before = [one["collections"] for one in gc.get_stats()]
        for generation, times in enumerate((4, 3, 2)):
            for _ in range(times):
                gc.collect(generation)
        after = [one["collections"] for one in gc.get_stats()]
        open({os.fspath(place)!r}, "w").write(json.dumps([before, after]))
        """,
    )
    before, after = json.loads(place.read_text())
    assert [late - early for early, late in zip(before, after, strict=True)] == [4, 3, 2]
    counted = [one.collections for one in cost.generations]
    assert counted[1:] == [3, 2]
    assert 4 <= counted[0] <= after[0]
    assert 0 < cost.share < 1
    assert max(one.longest_s for one in cost.generations) <= cost.seconds <= cost.active_s


def test_what_is_frozen_and_set_is_told(cli: Cli) -> None:
    cost = cost_in_cycles(cli, "import gc\ngc.set_threshold(900, 20, 30)\ngc.freeze()")
    assert cost.thresholds == (900, 20, 30)
    assert cost.frozen > 1_000


def test_what_an_interpreter_begins_with_is_not_the_programs_freezing(cli: Cli) -> None:
    assert cost_in_cycles(cli, "pass", another_python("3.12")).frozen == 0
