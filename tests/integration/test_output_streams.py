"""Streams that are full, closed, of another encoding, or that nobody reads any more."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.cli import Cli, Result, assert_refused, checked
from tests.integration.programs import AS_USUAL, Setting, clean_environment, memdiag_command


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = Cli(tmp_path)
    made.write("script.py", "print('ran')\n")
    return made


def piped(cli: Cli, words: str, rest: str, setting: Setting = AS_USUAL) -> Result:
    """A shell's view of it: the status is that of the first command that failed, or memdiag's."""
    command = " ".join(f"'{word}'" for word in memdiag_command()[:2]) + ' "$LAUNCHER" '
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} {words} {rest}"],
        cwd=cli.directory,
        env=clean_environment(LAUNCHER=memdiag_command()[2], **setting.env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("words", ["report out.memdiag", "report --json - out.memdiag", "diff out.memdiag out.memdiag"])
def test_a_full_disk_for_standard_output(cli: Cli, words: str) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    assert cli("run", "-o", "out.memdiag", "script.py").status == 0
    assert_refused(piped(cli, words, "> /dev/full"), "No space left", status=3)


def test_a_full_disk_for_standard_error(cli: Cli) -> None:
    """There is nowhere to complain, but what was recorded is there."""
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    ran = piped(cli, "run --json out.json script.py", "2> /dev/full")
    assert (ran.status, ran.stdout) == (3, "ran\n")
    assert len(cli.captures()) == 1
    assert checked((cli.directory / "out.json").read_text())["command"] == "run"


@pytest.mark.parametrize(
    "words", ["report --json - out.memdiag", "report out.memdiag", "diff out.memdiag out.memdiag", "report --help"]
)
def test_a_reader_that_has_gone(cli: Cli, words: str) -> None:
    assert cli("run", "-o", "out.memdiag", "script.py").status == 0
    for reader in ("| head -n 1", "| head -c 0"):
        ran = piped(cli, words, reader)
        assert (ran.status, ran.stderr) == (0, "")


@pytest.mark.parametrize("json", ["", "--json -"])
def test_a_gate_is_breached_whether_anybody_reads_it(cli: Cli, json: str) -> None:
    for name, size in (("small", 10), ("large", 5_000_000)):
        assert cli("run", "-o", f"{name}.memdiag", "-c", f"kept = bytes({size})").status == 0
    assert piped(cli, f"diff {json} small.memdiag large.memdiag", "| head -c 0").status == 1


def test_a_reader_of_the_report_that_has_gone(cli: Cli) -> None:
    ran = piped(cli, "run --tracer none script.py", "2>&1 >/dev/null | head -n 1")
    assert ran.status == 0
    assert len(ran.stdout.splitlines()) == 1
    assert len(cli.captures()) == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(cli: Cli, closed: str) -> None:
    ran = piped(cli, "run --tracer none --json out.json -c 'kept=1'", closed)
    assert ran.status == 0
    assert checked((cli.directory / "out.json").read_text())["target"]["exit_status"] == 0
    assert "Traceback" not in ran.stderr


def test_a_target_that_prints_what_is_no_text(cli: Cli) -> None:
    cli.write(
        "binary.py",
        "import sys\nfor stream in (sys.stdout, sys.stderr):\n    stream.buffer.write(bytes(range(256)) * 40)\n",
    )
    done = subprocess.run(
        memdiag_command("run", "--json", "out.json", "binary.py"),
        cwd=cli.directory,
        env=clean_environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout == bytes(range(256)) * 40
    assert done.stderr.startswith(bytes(range(256)) * 40)
    assert b"saved: " in done.stderr[256 * 40 :]
    assert checked((cli.directory / "out.json").read_text())["verdict"] == "inconclusive"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_streams_of_other_encodings(cli: Cli, encoding: str) -> None:
    """Names of files and lines of source come from anywhere; the report is printed as far as it can be."""
    cli.write("caf\u00e9 \u2192.py", "kept = ['\u00e9' * 1000 for _ in range(3000)]  # \u20ac\n")
    ran = cli.reported(
        "run", "caf\u00e9 \u2192.py", setting=Setting(env={"PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"})
    )
    assert ran.status == 0
    assert "saved: " in ran.stderr
    assert ran.report["target"]["argv"] == ["caf\u00e9 \u2192.py"]


def test_a_name_that_is_no_unicode(cli: Cli) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    try:
        (cli.directory / name).write_text("kept = [bytes(1000) for _ in range(500)]\n")
    except OSError:
        pytest.skip("this file system takes Unicode only")
    ran = cli.reported("run", "--tracer", "tracemalloc", name)
    assert ran.status == 0
    assert ran.report["target"]["argv"] == ["caf\\udce9.py"]
    assert "caf\\udce9.py" in [os.path.basename(row["site"]["file"]) for row in ran.report["rows"]]
    assert cli("report", *[str(path) for path in cli.captures()]).status == 0


def test_control_characters_are_not_passed_on_to_a_terminal(cli: Cli) -> None:
    name = "a\x1b[31m\nb.py"
    (cli.directory / name).write_text("kept = [bytes(1000) for _ in range(500)]\n")
    ran = cli("run", "--tracer", "tracemalloc", name)
    assert ran.status == 0
    assert "\x1b" not in ran.stderr
    refused = cli("run", "absent\x1b[31m\n.py")
    assert_refused(refused)
    assert "\x1b" not in refused.stderr
