"""Reads files recorded by memray, through memray's own reader in a process of its own.

That reader is native code and trusts what it reads; :mod:`memdiag.capture.memray_extract` therefore runs apart, with
limits on time and memory, and whatever becomes of it, this process gets :class:`Traces` or raises one clear error.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from memdiag.errors import CannotDo, UnreadableInput
from memdiag.model import Frame, Ints, Moment, Traces

from . import memray_extract

TIME_LIMIT_S = 300
BYTES_LIMIT = 1 << 56  # more than any memory holds, and far from where sums of int64 wrap
HEAD_BYTES = 64

_MAGIC = b"memray\0"
_LZ4_MAGIC = b"\x04\x22\x4d\x18"  # memray packs a finished file into one LZ4 frame; its first bytes stay literal


def is_memray_file(head: bytes) -> bool:
    """Whether a file that begins with *head* (64 bytes are enough) was written by memray, packed or not."""
    return head.startswith(_MAGIC) or (head.startswith(_LZ4_MAGIC) and _MAGIC in head[:HEAD_BYTES])


def read_memray_file(path: Path, *, until_s: float | None = None) -> Traces:
    """The recording in *path*: live memory by stack (at most 50 frames, most recent call first) at up to 24 moments.

    The moments are spread evenly from the start to the end of the recording. With *until_s* what happened later
    than so many seconds after the start is left out, to the precision of memray's own snapshots (10 ms unless the
    recorder chose otherwise). An aggregated file has no history: it gives one moment, its end, whatever *until_s*.
    Stacks hold native frames where the file does. A file that was cut short gives what was written until then.

    Raises :class:`UnreadableInput` for what memray cannot read, :class:`CannotDo` where memray is not installed.
    """
    _check_kind(path)
    answer = _ask(path, until_s)
    if answer.get("missing"):
        raise CannotDo(
            f"reading {path} needs memray, which is not installed for this Python ({sys.executable}): "
            f"{answer.get('problem')}",
            "pip install memray",
        )
    if "problem" in answer:
        _unreadable(path, f"memray says: {answer['problem']}")
    try:
        return _to_model(answer)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        _unreadable(path, "what memray reads from it makes no sense")


def _unreadable(path: Path, reason: str) -> NoReturn:
    raise UnreadableInput(
        f"cannot read the memray file {path}: {reason}",
        "record it anew, or read it with the version of memray that recorded it",
    )


def _check_kind(path: Path) -> None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableInput(f"{path} is not a regular file", "give a file that memray recorded")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableInput(f"cannot read {path}: {reason}", "check the path and its permissions") from None
    if not is_memray_file(head):
        raise UnreadableInput(f"{path} is not a memray file", "give a file that memray recorded")


def _ask(path: Path, until_s: float | None) -> dict[str, Any]:
    """The extractor's answer. It is found by its path, so that it needs no memdiag in an isolated interpreter."""
    request = {
        "path": str(path.absolute()),
        "until_s": until_s,
        "cpu_s": TIME_LIMIT_S,
        "sys_path": [os.path.abspath(entry) for entry in sys.path if entry],
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", memray_extract.__file__, json.dumps(request)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT_S,
            # Symbols are looked up on this machine only: reading a file must not reach out to a network.
            env={name: value for name, value in os.environ.items() if name != "DEBUGINFOD_URLS"},
        )
    except subprocess.TimeoutExpired:
        _unreadable(path, f"memray's reader was still busy after {TIME_LIMIT_S} s")
    except OSError as error:
        raise CannotDo(f"cannot start {sys.executable} to read {path}: {error.strerror}") from None
    if done.returncode:
        _unreadable(path, f"memray's reader {_fate(done.returncode)}")
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else _unreadable(path, "memray's reader gave no answer")


def _fate(returncode: int) -> str:
    if returncode > 0:
        return f"ended with status {returncode}"
    if -returncode == signal.SIGXCPU:
        return f"was still busy after {TIME_LIMIT_S} s"
    try:
        return f"crashed on it ({signal.Signals(-returncode).name})"
    except ValueError:
        return f"crashed on it (signal {-returncode})"


def _to_model(answer: dict[str, Any]) -> Traces:
    frames = [Frame(str(file), int(line), str(function)) for file, line, function in answer["frames"]]
    moments = tuple(Moment(float(t_s), str(label)) for t_s, label in answer["moments"])
    stacks = tuple(tuple(frames[index] for index in stack) for stack in answer["stacks"])
    nothing = np.zeros(len(stacks), dtype=np.int64)
    return Traces(
        tracer="memray",
        stacks=stacks,
        moments=moments,
        live_bytes=_by_moment(answer["live_bytes"], len(moments)),
        live_blocks=_by_moment(answer["live_blocks"], len(moments)),
        awaiting_bytes=nothing,
        awaiting_blocks=nothing.copy(),
        arenas=frozenset(answer["arenas"]),
        frames_limit=memray_extract.FRAMES_LIMIT,
    )


def _by_moment(rows: list[list[int]], moments: int) -> Ints:
    """*rows* (stacks, moments) turned, if they are amounts that a memory can hold."""
    table = np.array(rows, dtype=np.int64).reshape(-1, moments).T
    if table.size and (table.min() < 0 or table.sum(axis=1, dtype=np.float64).max() >= BYTES_LIMIT):
        raise ValueError("amounts")
    return np.ascontiguousarray(table)
