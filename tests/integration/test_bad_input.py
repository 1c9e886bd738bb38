"""Whatever is wrong: the right status, one or two lines that say what and what to do, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli import Cli, Result, assert_refused
from tests.integration.programs import clean_environment

SCRIPT = "print('ran')\n"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = Cli(tmp_path)
    made.write("script.py", SCRIPT)
    return made


def assert_nothing_ran(cli: Cli, result: Result, *words: str, status: int = 2) -> None:
    assert_refused(result, *words, status=status)
    assert cli.captures() == []


# --- the target -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["run", "cycles"])
def test_a_script_that_there_is_not(cli: Cli, verb: str) -> None:
    assert_nothing_ran(cli, cli(verb, "absent.py"), "absent.py")


def test_a_directory(cli: Cli) -> None:
    (cli.directory / "package").mkdir()
    assert_nothing_ran(cli, cli("run", "package"), "package", "__main__.py")


@pytest.mark.parametrize("content", [b"\x7fELF\x02\x01\x01\0\0\0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_what_is_no_python(cli: Cli, content: bytes) -> None:
    (cli.directory / "program").write_bytes(content)
    assert_nothing_ran(cli, cli("run", "program"), "program", "not a Python script")


def test_a_pipe_as_a_script(cli: Cli) -> None:
    """A shell's <(...) is such a pipe; a pipe that nobody writes to must not be waited for by memdiag itself."""
    os.mkfifo(cli.directory / "pipe")
    writer = subprocess.Popen(["sh", "-c", "echo 'print(40 + 2)' > pipe"], cwd=cli.directory)
    ran = cli("run", "--tracer", "none", "pipe")
    writer.wait(timeout=10)
    assert (ran.status, ran.stdout) == (0, "42\n")


@pytest.mark.parametrize("module", ["absent_module", "absent.inner", "json.absent", "", "a b", "../script"])
def test_a_module_that_there_is_not(cli: Cli, module: str) -> None:
    ran = cli("run", "--tracer", "none", "-m", module)
    if module == "json.absent":  # its parent is there: Python itself says what is not
        assert ran.status == 1
        assert "No module named json.absent" in ran.stderr
    else:
        assert_nothing_ran(cli, ran, "module")


@pytest.mark.parametrize("target", [["broken.py"], ["-m", "broken"], ["-c", "def f(:\n"]])
def test_a_syntax_error_is_shown_as_python_shows_it(cli: Cli, target: list[str]) -> None:
    cli.write("broken.py", "import sys\nif True:\n    print('never'\n")
    plain = subprocess.run(
        [sys.executable, *target],
        cwd=cli.directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    ran = cli.reported("run", *target)
    assert ran.status == plain.returncode == 1
    assert ran.stderr.startswith(plain.stderr)
    assert ran.report["target"]["exit_status"] == 1


def test_an_unreadable_script(cli: Cli) -> None:
    """A loop of links: nobody can read that, whoever asks."""
    (cli.directory / "loop.py").symlink_to("loop.py")
    assert_nothing_ran(cli, cli("run", "loop.py"), "loop.py")
    if os.geteuid():
        (cli.directory / "script.py").chmod(0)
        assert_nothing_ran(cli, cli("run", "script.py"), "script.py", "permission")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "no program"),
        (["run", "--tracer", "none"], "no program"),
        (["run", "-m", "json", "-c", "pass"], ""),
        (["run", ""], ""),
        (["cycles"], "[tool.memdiag]"),
    ],
)
def test_no_target(cli: Cli, words: list[str], said: str) -> None:
    ran = cli(*words)
    if "-c" in words:  # behind a module, everything is the module's
        assert "-c" not in ran.stderr or ran.status != 2
    else:
        assert_nothing_ran(cli, ran, said)


@pytest.mark.parametrize(
    "settings",
    [
        "target = 5",
        "target = ''",
        "target = []",
        "target = [1]",
        "target = ",
        "target = 'absent.py'",
        'target = "\'open"',
    ],
)
def test_a_configured_target_that_is_none(cli: Cli, settings: str) -> None:
    cli.write("pyproject.toml", f"[tool.memdiag]\n{settings}\n")
    assert_nothing_ran(cli, cli("cycles"))


# --- options --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cycles", "--passes", "0", "script.py"], "--passes"),
        (["cycles", "--passes", "many", "script.py"], "--passes"),
        (["cycles", "--passes", "1001", "script.py"], "--passes"),
        (["cycles", "--every", "-1", "script.py"], "--every"),
        (["cycles", "--every", "nan", "script.py"], "--every"),
        (["cycles", "--graph", "cycles.gif", "script.py"], "cycles.gif"),
        (["run", "--tracer", "valgrind", "script.py"], "valgrind"),
        (["run", "--frames", "0", "script.py"], "--frames"),
        (["run", "--limit", "0", "script.py"], "--limit"),
        (["run", "--fail-on", "anything", "script.py"], "--fail-on"),
        (["run", "--max-growth", "lots", "script.py"], "--max-growth"),
        (["run", "--native", "script.py"], "--native"),
        (["run", "--python", "absent-python", "script.py"], "absent-python"),
        (["run", "--python", "/bin/sh", "script.py"], "/bin/sh"),
        (["run", "--python", ".", "script.py"], "interpreter"),
        (["run", "--no-such-option", "script.py"], "--no-such-option"),
        (["run", "-o"], "-o"),
        (["walk"], "walk"),
    ],
)
def test_an_option_that_cannot_be(cli: Cli, words: list[str], said: str) -> None:
    assert_nothing_ran(cli, cli(*words), said)


def test_a_python_that_is_too_old_or_another(cli: Cli) -> None:
    for answer, said in (
        ("3 8 cpython False", "cpython 3.8"),
        ("3 10 pypy False", "pypy 3.10"),
        ("what?", "does not run as a Python"),
    ):
        fake = cli.write("fake-python", f"#!/bin/sh\necho {answer}\n")
        fake.chmod(0o755)
        assert_nothing_ran(cli, cli("run", "--python", str(fake), "script.py"), said)


def test_a_python_that_never_answers(cli: Cli) -> None:
    fake = cli.write("fake-python", "#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    assert_nothing_ran(cli, cli("run", "--python", str(fake), "script.py"), "fake-python")


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter of an environment of its own, where nothing is installed."""
    place = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    return str(place / "bin" / "python")


def test_memray_where_it_is_absent(cli: Cli, bare_python: str) -> None:
    ran = cli("run", "--tracer", "memray", "--python", bare_python, "script.py")
    assert_nothing_ran(cli, ran, "memray is not installed", "--tracer")


def test_a_bare_python_will_do_for_all_else(cli: Cli, bare_python: str) -> None:
    ran = cli.reported("run", "--python", bare_python, "script.py")
    assert (ran.status, ran.stdout) == (0, "ran\n")
    assert ran.report["target"]["executable"] == bare_python


# --- places that cannot be written ----------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["script.py/out.dot", "absent/out.dot", ".", "out.dot/"])
@pytest.mark.parametrize("option", ["-o", "--json", "--graph"])
def test_a_place_that_cannot_be_written(cli: Cli, option: str, place: str) -> None:
    """Said before anything is run: an hour's run must not end in this."""
    (cli.directory / "out.dot").mkdir()
    assert_nothing_ran(cli, cli("cycles", option, place, "script.py"))


def test_a_place_that_turns_out_not_to_be_writable(cli: Cli) -> None:
    """Root may write anywhere, but not there: what was recorded is kept, and the report is printed."""
    if not os.path.isdir("/proc") or os.geteuid():
        pytest.skip("needs /proc, and root's trust in being allowed to write")
    assert_refused(cli("run", "-o", "/proc/out", "script.py"), "/proc/out", "-o FILE", status=3)
    ran = cli("run", "--tracer", "none", "--json", "/proc/out", "script.py")
    assert (ran.status, ran.stdout) == (3, "ran\n")
    assert "memdiag: cannot write JSON to /proc/out" in ran.stderr.splitlines()[-2]
    assert len(cli.captures()) == 1


def test_a_working_directory_that_cannot_be_written(cli: Cli) -> None:
    cli.write(".memdiag", "a file stands where the directory should\n")
    assert_refused(cli("run", "script.py"), ".memdiag", "-o FILE")


def test_a_full_disk_for_the_json(cli: Cli) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    (cli.directory / "full.json").symlink_to("/dev/full")
    ran = cli("run", "--tracer", "none", "--json", "full.json", "script.py")
    assert ran.status == 3
    assert "memdiag: cannot write JSON to full.json: No space left on device" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(cli.captures()) == 1  # what was recorded is not lost


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB; only root may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "memdiag-test", str(place)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            yield place
            subprocess.run(["umount", str(place)], check=True)
            return
    pytest.skip("no file system can be mounted here")


LONG = """
import time
kept = []
for number in range(300):
    exec(f"def f{number}():\\n    kept.append([bytes(300) for _ in range(20)])\\nf{number}()")
    time.sleep(0.001)
print("ran")
"""


def test_a_full_disk_while_recording(cli: Cli, small_disk: Path) -> None:
    """The target does not notice, and the report says that it is not all."""
    (small_disk / "ballast").write_bytes(bytes(48 << 10))
    cli.write("long.py", LONG)
    ran = cli.reported("run", "-o", str(small_disk / "out.memdiag"), "long.py")
    assert ran.stdout == "ran\n"
    assert ran.status in (0, 3)
    assert "could not be written" in ran.said or "No space left" in ran.said
    assert ran.report["samples"]
    assert "Traceback" not in ran.stderr
    assert sorted(path.name for path in small_disk.iterdir()) in (["ballast"], ["ballast", "out.memdiag"])


def test_a_full_disk_for_the_capture(cli: Cli, small_disk: Path) -> None:
    """The report is printed all the same, and says where it did not go; memdiag has not done its job."""
    (small_disk / "ballast").write_bytes(bytes(64 << 10))
    cli.write("long.py", LONG)
    ran = cli("run", "-o", str(small_disk / "out.memdiag"), "long.py")
    assert ran.status == 3
    assert "No space left" in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


# --- what cannot be read --------------------------------------------------------------------------------------


def test_a_capture_of_another_version(cli: Cli) -> None:
    import json
    import zipfile

    with zipfile.ZipFile(cli.directory / "later.memdiag", "w") as archive:
        archive.writestr("capture.json", json.dumps({"format": "memdiag.capture", "version": 99}))
    for words in (["report", "later.memdiag"], ["diff", "later.memdiag", "later.memdiag"]):
        assert_refused(cli(*words), "later.memdiag", "99")


def test_captures_that_cannot_be_read_are_no_latest_run(cli: Cli) -> None:
    (cli.directory / ".memdiag").mkdir()
    (cli.directory / ".memdiag" / "broken.memdiag").write_bytes(b"PK\x03\x04")
    (cli.directory / ".memdiag" / "text.memdiag").write_text("text")
    assert_refused(cli("cycles"), "no program")
