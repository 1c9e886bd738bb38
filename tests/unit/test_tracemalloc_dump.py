"""Dumps that tracemalloc really writes: every figure is compared with what tracemalloc itself reads from them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from memdiag.capture import tracemalloc_dump
from memdiag.capture.tracemalloc_dump import is_tracemalloc_dump, read_tracemalloc_dump
from memdiag.errors import BAD_INPUT, UnreadableInput
from memdiag.model import Traces

TARGET = """\
import json, sys, tracemalloc
tracemalloc.start(int(sys.argv[2]))
def inner():
    return bytes(5000)
def outer():
    return inner()
kept = [outer() for _ in range(7)]
tracemalloc.take_snapshot().dump(sys.argv[1])
"""

Amounts = dict[tuple[tuple[str, int], ...], tuple[int, int]]


def dump_of(tmp_path: Path, frames: int) -> Path:
    path, target = tmp_path / "real.dump", tmp_path / "target.py"
    target.write_text(TARGET)
    subprocess.run([sys.executable, str(target), str(path), str(frames)], check=True)
    return path


def write(tmp_path: Path, traces: list[tuple[Any, ...]], limit: int = 1, protocol: int = 5) -> Path:
    """A dump of given traces, made by tracemalloc's own classes."""
    path = tmp_path / "made.dump"
    path.write_bytes(pickle.dumps(snapshot(traces, limit), protocol))
    return path


def snapshot(traces: Any, limit: int) -> tracemalloc.Snapshot:
    return tracemalloc.Snapshot(traces, limit)


def amounts_of(traces: Traces) -> Amounts:
    stacks = [tuple((frame.file, frame.line) for frame in stack) for stack in traces.stacks]
    rows = zip(stacks, traces.live_bytes[0].tolist(), traces.live_blocks[0].tolist(), strict=True)
    return {stack: (size, count) for stack, size, count in rows}


def amounts_by_tracemalloc(path: Path) -> Amounts:
    sizes: Counter[tuple[tuple[str, int], ...]] = Counter()
    counts: Counter[tuple[tuple[str, int], ...]] = Counter()
    for trace in tracemalloc.Snapshot.load(str(path)).traces:
        stack = tuple((frame.filename, frame.lineno) for frame in reversed(trace.traceback))
        sizes[stack] += trace.size
        counts[stack] += 1
    return {stack: (sizes[stack], counts[stack]) for stack in counts}


@pytest.mark.parametrize("frames", [1, 3, 25])
def test_a_real_dump_reads_as_tracemalloc_reads_it(tmp_path: Path, frames: int) -> None:
    path = dump_of(tmp_path, frames)
    assert is_tracemalloc_dump(path.read_bytes()[:64])
    traces = read_tracemalloc_dump(path)
    assert amounts_of(traces) == amounts_by_tracemalloc(path)
    assert traces.frames_limit == frames
    assert traces.tracer == "tracemalloc"
    assert len(traces.moments) == 1
    assert traces.live_bytes.shape == traces.live_blocks.shape == (1, len(traces.stacks))
    assert traces.awaiting_bytes.shape == traces.awaiting_blocks.shape == (len(traces.stacks),)
    assert not traces.awaiting_bytes.any()
    assert not traces.awaiting_blocks.any()


def test_the_most_recent_call_comes_first(tmp_path: Path) -> None:
    path = dump_of(tmp_path, 25)
    target = str(tmp_path / "target.py")
    rows = amounts_of(read_tracemalloc_dump(path)).items()
    (amount,) = [amount for stack, amount in rows if stack[:3] == ((target, 4), (target, 6), (target, 7))]
    assert amount == (7 * (5000 + sys.getsizeof(b"")), 7)


STACK = (("a.py", 1), ("b.py", 2))


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("pickler", [pickle.Pickler, pickle._Pickler])
def test_every_form_that_tracemalloc_has_had(tmp_path: Path, protocol: int, pickler: Any) -> None:
    traces = [(0, 10, STACK), (0, 5, STACK, 9), (0, 1, (("a.py", 1),), 1)]
    path = tmp_path / "form.dump"
    with path.open("wb") as file:
        pickler(file, protocol).dump(snapshot(traces, 2))
    assert amounts_of(read_tracemalloc_dump(path)) == {STACK: (15, 2), (("a.py", 1),): (1, 1)}


def test_equal_stacks_are_one_whatever_their_domain_or_identity(tmp_path: Path) -> None:
    again = tuple((str(bytes(file, "ascii"), "ascii"), line) for file, line in STACK)
    path = write(tmp_path, [(0, 10, STACK, 2), (7, 20, again, 2), (2**31, 30, STACK, 40)])
    assert amounts_of(read_tracemalloc_dump(path)) == {STACK: (60, 3)}


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1000, 1001, 70_000])
def test_any_number_of_traces(tmp_path: Path, count: int) -> None:
    path = write(tmp_path, [(0, 8, ((f"{n % 300}.py", n),), 1) for n in range(count)])
    traces = read_tracemalloc_dump(path)
    assert traces.live_bytes.shape == (1, count)
    assert traces.live_bytes.sum() == 8 * count


@pytest.mark.parametrize("size", [0, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**40])
def test_any_size_of_a_block(tmp_path: Path, size: int) -> None:
    traces = read_tracemalloc_dump(write(tmp_path, [(0, size, STACK, 2)]))
    assert traces.live_bytes.tolist() == [[size]]


@pytest.mark.parametrize("name", ["", "x" * 300, "y" * 70_000, "é\u2028\n", "\udcff/lone\ud800.py", "<unknown>"])
def test_any_file_name(tmp_path: Path, name: str) -> None:
    traces = read_tracemalloc_dump(write(tmp_path, [(0, 1, ((name, 0),), 1)]))
    assert traces.stacks[0][0].file == name


def assert_unreadable(path: Path, says: str) -> None:
    with pytest.raises(UnreadableInput) as caught:
        read_tracemalloc_dump(path)
    assert says in caught.value.problem
    assert "\n" not in caught.value.problem + caught.value.next_step
    assert caught.value.next_step
    assert caught.value.exit_status == BAD_INPUT


def test_what_is_not_a_file_that_can_be_read(tmp_path: Path) -> None:
    assert_unreadable(tmp_path / "absent", "No such file")
    assert_unreadable(tmp_path, "not a regular file")
    assert_unreadable(Path("a\0b"), "cannot read")
    os.mkfifo(tmp_path / "fifo")
    assert_unreadable(tmp_path / "fifo", "not a regular file")


@pytest.mark.parametrize("content", [b"", b"\x80", b"text", b"\x80\x05.", pickle.dumps([1, 2]), b"\0" * 1000])
def test_what_is_no_dump(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    assert not is_tracemalloc_dump(content)
    assert_unreadable(tmp_path / "other", "is not a tracemalloc dump")


def test_a_file_too_large_is_not_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, [(0, 1, STACK, 2)])
    monkeypatch.setattr(tracemalloc_dump, "SIZE_LIMIT", path.stat().st_size - 1)
    assert_unreadable(path, "larger than")


@pytest.mark.parametrize(
    ("trace", "says"),
    [
        ((0, 1), "a trace is not"),
        ((0, 1, STACK, 2, 3), "a trace is not"),
        ((0, -1, STACK, 2), "a trace is not"),
        ((-1, 1, STACK, 2), "a trace is not"),
        ((0, 2**70, STACK, 2), "a trace is not"),
        ((0, 1, STACK, -1), "total"),
        ((0, 1, STACK, "2"), "total"),
        ((0, 1, ("a.py", 1), 2), "no stack"),
        ((0, 1, 1, 2), "no stack"),
        ((0, 1, (), 2), "no stack"),
        ((0, 1, (("a.py", -1),), 1), "a frame is not"),
        ((0, 1, (("a.py", "1"),), 1), "a frame is not"),
        ((0, 1, (("a.py", 1, 1),), 1), "a frame is not"),
        ((0, 1, ((1, "a.py"),), 1), "a trace is not"),
        ((0, 1, (STACK,), 1), "a stack holds"),
        ((0, 1, (("a.py", 1), 1), 1), "a stack holds"),
        ((0, 1, (("f", 1),) * 65536, 1), "too many frames"),
        ("not a tuple", "holds something else"),
        (("a.py", 1), "holds something else"),
        (0, "holds something else"),
        ((0, True, STACK, 2), "has no place"),
        ((0, 1.0, STACK, 2), "has no place"),
        (None, "has no place"),
    ],
)
def test_a_snapshot_of_the_wrong_build(tmp_path: Path, trace: Any, says: str) -> None:
    assert_unreadable(write(tmp_path, [trace, (0, 1, STACK, 2)]), says)


@pytest.mark.parametrize("limit", [0, -1, 65536, "1", (("a.py", 1),)])
def test_a_limit_of_frames_of_no_sense(tmp_path: Path, limit: Any) -> None:
    assert_unreadable(write(tmp_path, [(0, 1, STACK, 2)], limit), "limit of frames")


def test_sizes_that_add_up_to_more_than_any_memory(tmp_path: Path) -> None:
    path = write(tmp_path, [(0, 2**55, ((f"{n}.py", 1),), 1) for n in range(300)])
    assert_unreadable(path, "more than any memory")
