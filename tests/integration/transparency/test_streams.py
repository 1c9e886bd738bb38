"""Standard streams: every byte arrives, in its order, and descriptors are the numbers a program expects."""

from __future__ import annotations

import os
import random
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.integration.programs import Setting, clean_environment, plain_command, run_command
from tests.integration.transparency.comparing import Compare, any_tracer, every_tracer

COPY = """
import os, sys, work
first = sys.stdin.buffer.read(1000)
work.work()
rest = sys.stdin.buffer.read()
os.write(2, b"\\xff\\x00raw")
sys.stderr.write("text \\u20ac\\n")
sys.stdout.buffer.write(first + rest)
sys.stdout.buffer.write(bytes(range(256)) * 20000)
os.write(1, b"written past the buffer")
"""


@every_tracer
def test_bytes_go_through_unchanged(compare: Compare) -> None:
    given = random.Random(5).randbytes(300_000)
    plain = compare.script(COPY, setting=Setting(stdin=given))
    assert given in plain.stdout
    assert len(plain.stdout) > 5_000_000


def test_standard_error_keeps_its_order(compare: Compare) -> None:
    """Both streams into one pipe: buffers, flushes and exit order decide who is first."""
    plain = compare.script(
        """
        import atexit, os, subprocess, sys, work
        os.dup2(1, 2)
        atexit.register(print, "exit handler", file=sys.stderr)
        print("buffered")
        print("line", file=sys.stderr)
        os.system("echo from a shell")
        work.work()
        print("flushed", flush=True)
        sys.stderr.write("no newline")
        print("last")
        raise SystemExit("text for standard error")
        """
    )
    assert plain.stdout.index(b"line") < plain.stdout.index(b"buffered")


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1], [0, 1, 2]], ids=lambda numbers: "".join(map(str, numbers)))
@any_tracer
def test_streams_closed_before_the_start(compare: Compare, closed: list[int]) -> None:
    program = """
    import json, os, sys, work
    seen = [[stream is None for stream in (sys.stdin, sys.stdout, sys.stderr)], work.work()]
    seen.append([os.open("/dev/null", os.O_RDWR) for _ in range(3)])
    with open("seen.json", "a") as file:
        json.dump(seen, file)
        file.write("\\n")
    print("printed")
    """
    compare.write("script.py", program)
    plain, probed = compare.both("script.py", setting=Setting(before=partial(_close, closed)))
    assert (probed.status, probed.stdout) == (plain.status, plain.stdout)
    assert probed.stderr.startswith(plain.stderr)
    first, second = (compare.directory / "seen.json").read_text().splitlines()
    assert second == first


def _close(numbers: list[int]) -> None:
    for number in numbers:
        os.close(number)


@pytest.mark.parametrize("reaction", ["", "signal.signal(signal.SIGPIPE, signal.SIG_DFL)"], ids=["error", "signal"])
def test_a_reader_that_goes_away(compare: Compare, reaction: str) -> None:
    """As with ``| head``: the program dies of it as ever, by an exception or by the signal."""
    compare.write(
        "script.py",
        f"""
        import signal, work
        {reaction}
        print("first line", flush=True)
        work.work()
        try:
            for number in range(100_000):
                print("line", number, "of many")
        finally:
            print("unwound", flush=True)
        """,
    )
    commands = [plain_command("script.py"), run_command(compare.saved, compare.tracer, "script.py")]
    (plain, heard), (probed, said) = (_read_one_line(command, compare.directory) for command in commands)
    assert probed == plain
    assert said.startswith(heard)
    assert (compare.saved / "report.json").exists()


def _read_one_line(command: list[str], directory: Path) -> tuple[int, bytes]:
    """Exit status and standard error of a process whose standard output is closed after the first line."""
    with subprocess.Popen(
        command, cwd=directory, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        return process.wait(120), process.stderr.read()


def test_streams_that_the_program_replaces(compare: Compare) -> None:
    compare.script(
        """
        import contextlib, io, os, sys, work
        caught = io.StringIO()
        with contextlib.redirect_stdout(caught), contextlib.redirect_stderr(caught):
            print("into a string")
            work.work()
        print(repr(caught.getvalue()))

        class Broken:
            def write(self, text):
                raise OSError("this stream is broken")
            flush = fileno = close = write

        real = sys.stdout, sys.stderr
        for replacement in (Broken(), None, io.StringIO(), open(os.devnull, "w")):
            sys.stdout = sys.stderr = replacement
            work.work(2)
        sys.stdout, sys.stderr = real
        os.write(1, f"{sys.stdout.fileno()} {sys.stderr.fileno()}\\n".encode())
        del sys.stdin
        print("detached", sys.stdout.detach().write(b"raw\\n"))
        """
    )


def test_streams_that_the_program_closes(compare: Compare) -> None:
    compare.script(
        """
        import os, sys, work
        print("before", flush=True)
        keep = os.dup(1)
        for number in (0, 1, 2):
            os.close(number)
            work.work(2)
            again = os.open("own.txt", os.O_CREAT | os.O_RDWR)
            os.write(keep, b"%d reopened as %d\\n" % (number, again))
            work.work(2)
        sys.stderr = sys.stdout = None
        os.write(keep, b"own file holds %d bytes\\n" % os.fstat(1).st_size)
        """
    )
    assert (compare.directory / "own.txt").read_bytes() == b""


@every_tracer
def test_the_lowest_descriptors_are_the_programs(compare: Compare) -> None:
    plain = compare.script(
        """
        import os, socket, tempfile, work
        numbers = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
        work.work()
        os.close(0)
        numbers.append(os.open("/dev/null", os.O_RDONLY))
        numbers += os.pipe()
        with socket.socket() as first, open("/dev/null") as second, tempfile.TemporaryFile() as third:
            numbers += [first.fileno(), second.fileno(), third.fileno()]
        print(numbers, [fd for fd in range(250) if os.path.exists(f"/dev/fd/{fd}")])
        """
    )
    assert plain.stdout.startswith(b"[3, 4, 5, 0, 6, 7, 8, 9, 10]")


@any_tracer
def test_a_terminal_stays_a_terminal(compare: Compare) -> None:
    compare.write(
        "script.py",
        """
        import os, sys, work
        work.work()
        name = input("your name? ")
        print([os.isatty(n) for n in range(3)], os.ttyname(0) == os.ttyname(1), sys.stdout.line_buffering, name)
        print(os.get_terminal_size(), os.tcgetpgrp(0) == os.getpgrp())
        sys.exit(4)
        """,
    )
    plain, probed = compare.on_a_terminal("script.py", until=b"? ", answer=b"ada\n")
    assert plain.status == probed.status == 4
    assert plain.stdout.startswith(b"your name? ")
    assert probed.stdout[: len(plain.stdout)] == plain.stdout
