"""One child process that owns the terminal: started like plain ``python``, waited for through every signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from memdiag.errors import CannotDo

PROBE_SITE = Path(__file__).resolve().parent.parent / "probe" / "site"
_TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
_SHORTEST_PAUSE = 0.002
_LONGEST_PAUSE = 0.1
_GRACE_S = 1.0


def environment(options: Mapping[str, str]) -> dict[str, str]:
    """The environment that makes the target's interpreter start the probe, which then puts it back as it was."""
    env = dict(os.environ)
    if sys.flags.utf8_mode and "PYTHONUTF8" not in env and env.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8"):
        del env["LC_CTYPE"]  # our own interpreter has set it (PEP 538), as the target's will for itself
    given = env.get("PYTHONPATH")
    words = dict(options) if given is None else {**options, "pythonpath": given}
    env["PYTHONPATH"] = os.pathsep.join([str(PROBE_SITE), given]) if given else str(PROBE_SITE)
    env["MEMDIAG_PROBE"] = "\x1f".join(f"{name}={value}" for name, value in words.items())
    return env


def run(
    command: Sequence[str], env: Mapping[str, str], watch: Callable[[int], None], *, silent: bool = False
) -> tuple[int, float]:
    """Run the command to its end; ``watch`` is called with its pid, often at first and then less so.

    Returns the status as ``subprocess`` gives it (negative for a signal) and the seconds it took. Inherited
    descriptors are passed on, as a shell would; ``silent`` puts the null device in place of its three streams. Raises
    CannotDo where it cannot be started.
    """
    started = time.monotonic()
    with _signals() as arrived:
        try:
            streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL if silent else None)
            child = subprocess.Popen(list(command), env=dict(env), close_fds=False, **streams)
        except OSError as error:
            raise CannotDo(f"cannot start {command[0]}: {error.strerror}", "check --python") from error
        ended = threading.Event()
        ends: list[float] = []
        threading.Thread(target=_wait, args=(child, ended, ends), daemon=True).start()
        pause = _SHORTEST_PAUSE
        while not ended.wait(pause):
            watch(child.pid)
            _pass_on(arrived, child)
            pause = min(pause * 1.05, _LONGEST_PAUSE)
    for when, number in arrived:
        # The target was gone already: this one is for us. What ended the target we may merely have heard of late.
        if when > ends[0] and number != -child.returncode:
            os.kill(os.getpid(), number)
    return child.returncode, time.monotonic() - started


def _wait(child: subprocess.Popen[bytes], ended: threading.Event, ends: list[float]) -> None:
    child.wait()
    ends.append(time.monotonic())
    ended.set()


Arrived = list[tuple[float, int]]  # when, and the signal's number


@contextmanager
def _signals() -> Iterator[Arrived]:
    """While the target runs, signals are its own: we outlive them, and note those that it may not have heard of."""
    arrived: Arrived = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if number not in _TERMINAL_SIGNALS or not _in_foreground():  # else the terminal has sent it to the target too
            arrived.append((time.monotonic(), number))

    before = {}
    for number in (*_TERMINAL_SIGNALS, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        present = signal.getsignal(number)
        if present is not signal.SIG_IGN:  # under nohup the target must inherit that it is ignored
            before[number] = signal.signal(number, handle)
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pass_on(arrived: Arrived, child: subprocess.Popen[bytes]) -> None:
    """Send the target what reached us alone; an interrupt only if it goes on: it may have gone to the whole group."""
    now = time.monotonic()
    for when, number in list(arrived):
        if number not in _TERMINAL_SIGNALS or now - when > _GRACE_S:
            arrived.remove((when, number))
            child.send_signal(number)


def _in_foreground() -> bool:
    try:
        with open("/dev/tty") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def end_as(status: int) -> int:
    """The status for ``sys.exit``; a target that a signal ended ends us by the same signal, as a shell expects."""
    if status >= 0:
        return status
    sys.stdout.flush()
    sys.stderr.flush()
    number = -status
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the target has dumped its core, ours is of no use
        signal.signal(number, signal.SIG_DFL)
    except (OSError, ValueError, ImportError):
        pass  # SIGKILL and SIGSTOP take no handler
    os.kill(os.getpid(), number)
    return 128 + number
