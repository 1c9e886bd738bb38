"""``memdiag diff``: captures, tracemalloc dumps and memray files, the gate, and files that mean harm."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memdiag.capture import format as capture_format
from memdiag.units import format_bytes
from tests.integration.cli import Cli, assert_refused, checked, grown, line_of, rows_by
from tests.integration.programs import SAMPLES, clean_environment

GROWING = """
import sys
kept = [bytes(1000) for _ in range(int(sys.argv[1]))]  # grows
other = [bytes(500) for _ in range(2000 - int(sys.argv[1]) // 4)]  # shrinks
"""
DUMPED = "import tracemalloc\ntracemalloc.start()\n" + GROWING + "tracemalloc.take_snapshot().dump(sys.argv[2])\n"
TRACKED = """
import sys
import memray
with memray.Tracker(sys.argv[2], trace_python_allocators=True):
    kept = [bytes(1000) for _ in range(int(sys.argv[1]))]  # grows
"""
SMALL, LARGE = 1000, 4000
GROWTH = 3000 * 1033  # bytes objects have 33 bytes beside their content


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A directory with a small and a large capture of each kind."""
    cli = Cli(tmp_path_factory.mktemp("diff"))
    cli.write("growing.py", GROWING)
    cli.write("dumped.py", DUMPED)
    for name, count in (("small", SMALL), ("large", LARGE)):
        for tracer, kind in (("tracemalloc", "memdiag"), ("auto", "heap")):
            assert cli("run", "--tracer", tracer, "-o", f"{name}.{kind}", "growing.py", str(count)).status == 0
        plainly(cli, "dumped.py", str(count), f"{name}.dump")
    assert cli("cycles", "-o", "cycles.memdiag", "growing.py", "10").status == 0
    return cli


@pytest.fixture(scope="module")
def memray_home(home: Cli) -> Cli:
    pytest.importorskip("memray")
    home.write("tracked.py", TRACKED)
    for name, count in (("small", SMALL), ("large", LARGE)):
        plainly(home, "tracked.py", str(count), f"{name}.bin")
    return home


def plainly(cli: Cli, *words: str) -> None:
    subprocess.run([sys.executable, *words], cwd=cli.directory, env=clean_environment(), check=True)


def about(items: int) -> range:
    """By how many blocks a line may have grown that made so many items more.

    Each side has a block for the list besides, and may have one for a frame. Either may come from the interpreter's
    free lists, as it happens to have freed one before: what comes from there stays with the line that it was first
    made for. So each side has up to two blocks more than items, independently of the other.
    """
    return range(items - 2, items + 3)


def site(report: dict[str, Any], mark: str) -> int:
    """The number of the marked line of the program behind the report's rows."""
    program = Path(report["rows"][0]["site"]["file"])
    return line_of(program, mark)


# --- what grew ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memdiag", "dump"])
def test_two_files_of_a_kind(home: Cli, kind: str) -> None:
    ran = home.reported("diff", f"small.{kind}", f"large.{kind}")
    assert ran.status == 1
    first = ran.report["rows"][0]
    assert first["site"]["line"] == site(ran.report, "# grows")
    assert first["growth_blocks"] in about(LARGE - SMALL)
    assert GROWTH <= first["growth_bytes"] <= GROWTH + 40_000  # the list of them has grown as well
    assert first["growth_bytes"] == first["after_bytes"] - first["before_bytes"]
    assert first["status"] == "worse"
    assert [breach["limit"] for breach in ran.report["gate"]["breaches"]] == ["default limits of 1 MiB and 5 %"]
    rows = rows_by(ran.report, "site")
    assert rows[-1]["site"]["line"] == site(ran.report, "# shrinks")
    assert rows[-1]["growth_blocks"] in range(-760, -740)  # a frame or a number in use may be among them
    growths = [row["growth_bytes"] for row in rows]
    assert growths == sorted(growths, reverse=True)


def test_two_memray_files(memray_home: Cli) -> None:
    ran = memray_home.reported("diff", "small.bin", "large.bin")
    assert ran.status == 1
    assert grown(ran.report)[0] == ("tracked.py", line_of(memray_home.directory / "tracked.py", "# grows"))
    assert ran.report["rows"][0]["growth_blocks"] in about(3000)


def test_a_capture_and_a_dump_of_the_same_tracer(home: Cli) -> None:
    ran = home.reported("diff", "small.dump", "large.memdiag")
    assert ran.status in (0, 1)
    assert {row["status"] for row in ran.report["rows"]} <= {"new", "gone", "same", "worse", "better"}


def test_the_terminal_and_the_json_say_the_same(home: Cli) -> None:
    ran = home.reported("diff", "small.memdiag", "large.memdiag")
    shown = " ".join(ran.stdout.split())
    first = ran.report["rows"][0]
    figures = [first["growth_bytes"], sum(row["growth_bytes"] for row in rows_by(ran.report, "site"))]
    assert all(format_bytes(figure, signed=True) in shown for figure in figures)
    assert ran.report["headline"] in shown
    assert f"growing.py:{first['site']['line']}" in shown
    assert "kept = [bytes(1000) for _ in range(int(sys.argv[1]))] # grows" in shown
    assert (ran.report["before"], ran.report["after"]) == ("small.memdiag", "large.memdiag")
    assert "LIMIT BREACHED" in shown
    assert ran.stderr == ""


def test_what_is_new_and_what_is_gone(home: Cli) -> None:
    home.write("old.py", "first = [bytes(1000) for _ in range(500)]\n")
    home.write("new.py", "second = [bytes(1000) for _ in range(700)]\n")
    for name in ("old", "new"):
        assert home("run", "--tracer", "tracemalloc", "-o", f"{name}.memdiag", f"{name}.py").status == 0
    ran = home.reported("diff", "old.memdiag", "new.memdiag")
    changed = {
        os.path.basename(row["site"]["file"]): row for row in rows_by(ran.report, "site") if row["status"] != "same"
    }
    assert (changed["new.py"]["status"], changed["old.py"]["status"]) == ("new", "gone")
    # The list's items are a block of their own; the list itself is one too, unless it comes from the free list.
    assert changed["new.py"]["growth_blocks"] in (700 + 1, 700 + 2)
    assert changed["old.py"]["growth_blocks"] in (-500 - 1, -500 - 2)


def test_two_captures_of_the_heap(home: Cli) -> None:
    """By type, since lines were not traced over the whole run."""
    ran = home.reported("diff", "small.heap", "large.heap")
    assert ran.status == 1
    first = ran.report["rows"][0]
    assert (first["kind"], first["type"], first["status"]) == ("type", "bytes", "worse")
    assert first["growth_blocks"] in range(LARGE - SMALL - 750, LARGE - SMALL - 747)  # what shrinks are bytes as well
    assert abs(first["growth_bytes"] - (GROWTH - 750 * 533)) < 2000
    assert "Growth between the two, by type" in ran.stdout
    assert [breach["where"] for breach in ran.report["gate"]["breaches"]] == ["bytes"]
    back = home.reported("diff", "large.heap", "small.heap")
    last = rows_by(back.report, "type")[-1]
    assert (back.status, last["growth_bytes"]) == (0, -first["growth_bytes"])


def test_a_capture_with_both_is_compared_by_what_the_other_has(home: Cli) -> None:
    by_type = home.reported("diff", "small.memdiag", "large.heap")
    assert {row["kind"] for row in rows_by(by_type.report, "site", "type")} == {"type"}
    assert by_type.report["rows"][0]["type"] == "bytes"
    by_line = home.reported("diff", "small.memdiag", "large.dump")
    assert {row["kind"] for row in by_line.report["rows"]} == {"site"}


# --- several runs a side ----------------------------------------------------------------------------------------

NOISY = """
import random, sys
kept = [bytes(random.randrange(900, 1100)) for _ in range(random.randrange(900, 1100))]
more = [bytearray(1000) for _ in range(int(sys.argv[1]))]  # more
"""


@pytest.fixture(scope="module")
def noisy(home: Cli) -> Cli:
    home.write("noisy.py", NOISY)
    for name, count in (("main", 10), ("same", 10), ("more", 3000)):
        ran = home("run", "--repeat", "4", "-o", f"{name}.memdiag", "noisy.py", str(count))
        assert ran.status == 0
        assert "of 4; the verdicts" in ran.said
    return home


def test_what_runs_of_one_program_differ_by_is_no_change(noisy: Cli) -> None:
    ran = noisy.reported("diff", "--max-growth", "0", "main.memdiag", "same.memdiag")
    assert (ran.report["before_runs"], ran.report["after_runs"]) == (4, 4)
    (row,) = [row for row in rows_by(ran.report, "type") if row["type"] == "bytes"]
    assert (row["status"], row["noise"]) == ("same", True)
    assert "within the spread" in row["evidence"]
    assert "4 runs" in ran.stdout


def test_what_lies_beyond_their_spread_is(noisy: Cli) -> None:
    ran = noisy.reported("diff", "--max-growth", "1MB", "main.memdiag", "more.memdiag")
    assert ran.status == 1
    first = ran.report["rows"][0]
    assert (first["type"], first["status"]) == ("bytearray", "worse")
    assert first["growth_blocks"] == 2990
    assert "clear of the spread" in first["evidence"]


def test_several_files_a_side(noisy: Cli) -> None:
    files = ["small.heap", "small.heap", "small.heap"]
    ran = noisy.reported("diff", *files, "--", "small.heap", "large.heap", "large.heap", "--max-growth", "1MB")
    assert ran.status == 1
    first = ran.report["rows"][0]
    assert (first["type"], first["evidence"].split(",")[0]) == ("bytes", "2 of 3 workers grow")
    assert ran.report["before"] == "small.heap and 2 more"


def test_a_run_that_fails_is_not_repeated(home: Cli) -> None:
    home.write("fails.py", "import sys; print('ran'); sys.exit(7)")
    ran = home("run", "--repeat", "3", "fails.py")
    assert (ran.status, ran.stdout) == (7, "ran\n")


@pytest.mark.parametrize(
    "words", [("small.dump",), ("a", "b", "c"), ("--", "b"), ("a", "--"), ("a", "--", "b", "--", "c"), ()]
)
def test_sides_that_are_not_clear(home: Cli, words: tuple[str, ...]) -> None:
    assert_refused(home("diff", *words), "memdiag diff")


def test_two_looks_at_cycles_are_compared_by_their_findings(home: Cli) -> None:
    for name in ("fixed", "leaky"):
        home("cycles", "-o", f"{name}.cycles", str(SAMPLES / f"delegation_{name}.py"))
    ran = home.reported("diff", "fixed.cycles", "leaky.cycles")
    worse = [one for one in ran.report["findings"] if one["status"] == "new"]
    assert "AgentContext" in worse[0]["cycle"]["shape"]
    assert {row["by"] for row in ran.report["rows"]} <= {"finding", "resource"}
    assert "finding new" in ran.report["headline"]
    assert "NEW " in ran.stdout


DESK = """
import sys

label = getattr(sys.modules.get("_memdiag"), "label", len)

class Turn:
    def __init__(self, number):
        self.text = f"turn {number} " + "x" * 200

class Desk:
    def __init__(self):
        self.history = []

    def ask(self, number):
        self.history.append(Turn(number))
        del self.history[:-50]

def main():
    desk = Desk()
    for part in range(int(sys.argv[1])):
        for number in range(2000):
            desk.ask(number)
        label(f"part {part}")

main()
"""
# Of each part of the work there is a snapshot, however busy the machine: ten are enough to judge by, one is not.
LONG, SHORT = "10", "1"


@pytest.fixture(scope="module")
def desks(home: Cli) -> Cli:
    home.write("fixed.py", DESK)
    home.write("leaky.py", DESK.replace("        del self.history[:-50]\n", ""))
    for name, length in (("fixed", LONG), ("leaky", LONG), ("fixed", SHORT)):
        capture = f"{name}.desk" if length == LONG else "short.desk"
        assert home("run", "--repeat", "2", "-o", capture, f"{name}.py", length).status == 0
    return home


def test_the_gate_on_new_findings(desks: Cli) -> None:
    new = desks.reported("diff", "--fail-on", "new_findings > 0", "fixed.desk", "leaky.desk")
    assert new.status == 1
    found = [one for one in new.report["findings"] if one["status"] == "new"]
    assert [one["holder"]["owner"] for one in found] == ["Desk.history"]
    assert "1 finding not in fixed.desk" in new.stdout
    same = desks.reported("diff", "--fail-on", "new_findings > 0", "leaky.desk", "leaky.desk")
    assert (same.status, [one["status"] for one in same.report["findings"]]) == (0, ["same"])


@pytest.mark.parametrize("files", [("short.desk", "leaky.desk"), ("fixed.desk", "short.desk")])
def test_what_could_not_be_judged_passes_no_gate_on_new_findings(desks: Cli, files: tuple[str, str]) -> None:
    ran = desks.reported("diff", "--fail-on", "new_findings > 0", *files)
    (breach,) = ran.report["gate"]["breaches"]
    words = "short.desk is inconclusive in 2 of 2 runs: let it run longer, or do more of the same work"
    assert (ran.status, breach["measured"]) == (1, f"new_findings was not measured: {words}")
    assert f"findings may be missing: {words}" in ran.report["notes"]
    assert desks("diff", "--max-growth", "1GB", *files).status == 0


def test_files_of_tracers_have_no_findings_to_be_new(home: Cli) -> None:
    ran = home.reported("diff", "--fail-on", "new_findings > 0", "small.dump", "small.dump")
    assert ran.status == 1
    assert "new_findings was not measured: small.dump is no capture" in ran.report["gate"]["breaches"][0]["measured"]


# --- two checkouts ----------------------------------------------------------------------------------------------


def test_a_program_that_moved_and_whose_lines_moved(home: Cli) -> None:
    program = "kept = []\ndef add(count):\n    kept.extend(bytes(1000) for _ in range(count))\nadd({})\n"
    for name, head, count in (("main", "", 500), ("request", "# a comment\n\n", 3000)):
        home.write(f"{name}/app.py", head + program.format(count))
        there = Cli(home.directory / name)
        assert there("run", "--tracer", "tracemalloc", "-o", "../moved-" + name, "app.py").status == 0
    ran = home.reported("diff", "moved-main", "moved-request")
    rows = [row for row in rows_by(ran.report, "site") if row["site"]["function"].startswith("add")]
    (row,) = [row for row in rows if "bytes(1000)" in row["site"]["source"]]
    assert (row["status"], row["site"]["line"]) == ("worse", 5)
    assert row["growth_blocks"] in about(2500)
    assert "it was line 3" in row["evidence"]


# --- the gate -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "limit", "status"),
    [
        ("small", "large", "20MB", 0),
        ("small", "large", "1%", 1),
        ("small", "large", "1000%", 0),
        ("small", "large", "1 MiB", 1),
        ("large", "small", "0", 0),
        ("large", "small", None, 0),
        ("small", "small", None, 0),
        ("small", "small", "0%", 0),
    ],
)
def test_the_gate(home: Cli, before: str, after: str, limit: str | None, status: int) -> None:
    asked = [] if limit is None else ["--max-growth", limit]
    ran = home.reported("diff", *asked, f"{before}.dump", f"{after}.dump")
    assert ran.status == status
    assert ran.report["gate"]["passed"] == (status == 0)
    assert ("LIMIT BREACHED" in ran.stdout) == (status == 1)


def test_json_alone_on_standard_output(home: Cli) -> None:
    ran = home("diff", "--json", "-", "small.dump", "large.dump")
    assert checked(ran.stdout)["command"] == "diff"
    assert ran.status == 1


def test_how_many_rows_are_printed(home: Cli) -> None:
    ran = home.reported("diff", "--limit", "1", "small.dump", "large.dump")
    assert "more line" in ran.stdout
    assert len(ran.report["rows"]) >= 2


@pytest.mark.parametrize("limit", ["twenty", "-5MB", "5 %%", "1e99GB", ""])
def test_a_limit_that_is_none(home: Cli, limit: str) -> None:
    assert_refused(home("diff", f"--max-growth={limit}", "small.dump", "large.dump"), "--max-growth")


# --- what cannot be compared ----------------------------------------------------------------------------------


def test_what_was_not_traced(home: Cli) -> None:
    assert_refused(home("diff", "cycles.memdiag", "large.memdiag"), "cycles.memdiag", "no allocations")
    assert_refused(home("diff", "large.memdiag", "cycles.memdiag"), "cycles.memdiag")
    assert_refused(home("diff", "small.heap", "cycles.memdiag"), "cycles.memdiag", "no heap snapshot")
    assert_refused(home("diff", "small.dump", "large.heap"), "small.dump", "no heap snapshot")


def test_two_tracers(memray_home: Cli) -> None:
    assert_refused(memray_home("diff", "small.memdiag", "large.bin"), "memray", "tracemalloc", "do not compare")


# --- files that are damaged, foreign, or mean harm ------------------------------------------------------------


class Harmful:
    """Unpickling it would write a file."""

    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


def pickled(value: object) -> bytes:
    return pickle.dumps(value, 5)


def harmful_dump() -> bytes:
    """A tracemalloc snapshot, as its head says, with something else in the place of a trace."""
    return pickled(tracemalloc.Snapshot([Harmful()], 1))  # type: ignore[list-item]


def zipped(head: object, **members: bytes) -> bytes:
    """A capture with this head; a member's bytes are as they are given."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("capture.json", json.dumps(head))
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def bomb() -> bytes:
    """A megabyte that inflates to a gigabyte and more."""
    data = io.BytesIO()
    archive = zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open("capture.json", "w", force_zip64=True) as member:
        for _ in range(40):
            member.write(bytes(32 << 20))
    return data.getvalue()


def liar() -> bytes:
    """A zip whose directory understates what a member inflates to."""
    data = bytearray(zipped({"format": "memdiag.capture", "padding": "x" * 1_000_000}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


def newer() -> bytes:
    return zipped({"format": capture_format.FORMAT, "version": capture_format.VERSION + 1})


# name: (the file's bytes, words of the complaint)
HARMFUL: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "a pickle that runs a command": (lambda: pickled(Harmful()), ()),
    "a dump that runs a command": (harmful_dump, ()),
    "another pickle": (lambda: pickled({"a": [1]}), ()),
    "empty": (lambda: b"", ("empty",)),
    "text": (lambda: b"before,after\n1,2\n", ("is not",)),
    "noise": (lambda: bytes(range(256)) * 40, ("is not",)),
    "another zip": (lambda: zipped({"format": "other"}), ("not a memdiag capture",)),
    "a zip without a head": (lambda: zipped({}, other=b"x")[:30], ()),
    "a newer version": (newer, (str(capture_format.VERSION + 1), str(capture_format.VERSION))),
    "a capture of the wrong shape": (lambda: zipped({"format": capture_format.FORMAT, "version": 1, "samples": 5}), ()),
    "nested without end": (lambda: zipped([]).replace(b"[]", b"[["), ()),
    "a bomb": (bomb, ("inflate",)),
    "a zip that lies": (liar, ()),
    "a memray file's head": (lambda: b"memray" + bytes(100), ()),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_file_that_is_refused(home: Cli, tmp_path: Path, name: str) -> None:
    made, words = HARMFUL[name]
    path = tmp_path / "given"
    path.write_bytes(made())
    assert_refused(home("diff", "small.memdiag", str(path)), "given", *words)
    assert not (home.directory / "executed").exists()


@pytest.mark.parametrize("kind", ["memdiag", "dump"])
def test_a_file_that_was_cut_off(home: Cli, tmp_path: Path, kind: str) -> None:
    data = (home.directory / f"large.{kind}").read_bytes()
    for share in (0.1, 0.5, 0.99):
        (tmp_path / "given").write_bytes(data[: int(len(data) * share)])
        assert_refused(home("diff", str(tmp_path / "given"), f"large.{kind}"), "given")


def test_a_memray_file_that_was_cut_off(memray_home: Cli, tmp_path: Path) -> None:
    """memray reads what there is of it; where it cannot, one clear line says so."""
    data = (memray_home.directory / "large.bin").read_bytes()
    (tmp_path / "given").write_bytes(data[: len(data) // 10])
    ran = memray_home("diff", str(tmp_path / "given"), "large.bin")
    if ran.status == 2:
        assert_refused(ran, "given")
    else:
        assert ran.status in (0, 1)
        assert "Traceback" not in ran.stderr


def test_a_directory_a_pipe_and_a_device(home: Cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        assert_refused(home("diff", "small.memdiag", str(place)), place.name)


def test_no_such_file(home: Cli) -> None:
    assert_refused(home("diff", "absent.memdiag", "large.memdiag"), "absent.memdiag", "No such file")


def test_too_few_files(home: Cli) -> None:
    assert_refused(home("diff", "small.memdiag"), "after")
