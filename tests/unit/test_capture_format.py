"""Our own file: what is written comes back, and what is damaged or of another kind is refused in one line."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memdiag.capture import columns
from memdiag.capture.format import read_capture, write_capture
from memdiag.capture.load import load
from memdiag.errors import CannotDo, UnreadableInput
from memdiag.model import Capture, Frame, Moment, StackTable, TargetInfo, Traces
from tests.captures import FULL, REPEATED, attempt, of_version_1, parts, refused, rewritten, same, zipped

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.memdiag"


@pytest.fixture
def whole(path: Path) -> bytes:
    write_capture(FULL, path)
    return path.read_bytes()


# --- there and back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capture", [FULL, Capture("run", TargetInfo(())), dataclasses.replace(FULL, traces=None)])
def test_round_trip(path: Path, capture: Capture) -> None:
    write_capture(capture, path)
    assert same(read_capture(path), capture)
    assert same(load(path), capture)


def test_the_same_capture_twice_is_the_same_but_for_the_clock(path: Path) -> None:
    write_capture(FULL, path)
    one = read_capture(path)
    write_capture(one, path)
    assert same(read_capture(path), FULL)


def test_nothing_but_the_capture_is_left(path: Path) -> None:
    write_capture(FULL, path)
    assert list(path.parent.iterdir()) == [path]


def test_arrays_are_the_programs_to_change(path: Path) -> None:
    write_capture(FULL, path)
    found = read_capture(path).traces
    assert found is not None
    assert found.live_bytes.dtype == np.int64
    assert found.live_bytes.flags.writeable


# --- writing where it cannot be written -----------------------------------------------------------------------


@pytest.mark.parametrize("place", ["missing/run.memdiag", "directory"])
def test_a_place_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(CannotDo) as caught:
        write_capture(FULL, tmp_path / place)
    assert caught.value.exit_status == 3
    assert [item.name for item in tmp_path.iterdir()] == ["directory"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """No half capture, no leftover, and the older capture of that name untouched."""
    code = f"""
import resource, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from memdiag.capture.format import write_capture
from memdiag.errors import CannotDo
from memdiag.model import Capture, TargetInfo
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
capture = Capture("run", TargetInfo(()), notes=tuple(str(n * 7919) for n in range(5000)))
try:
    write_capture(capture, Path(sys.argv[1]))
except CannotDo as error:
    print(error.problem)
"""
    path = tmp_path / "run.memdiag"
    path.write_bytes(b"an older one")
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "File too large" in done.stdout
    assert path.read_bytes() == b"an older one"
    assert list(tmp_path.iterdir()) == [path]


# --- reading what is damaged ----------------------------------------------------------------------------------


def test_every_truncation_is_refused(path: Path, whole: bytes) -> None:
    for length in [*range(0, len(whole), 50), len(whole) - 1]:
        path.write_bytes(whole[:length])
        refused(path)


def test_every_flipped_byte_is_refused_or_harmless(path: Path, whole: bytes) -> None:
    """A checksum guards what is read; the rest (times, attributes, comments) changes nothing."""
    for at in range(len(whole)):
        for mask in (0x01, 0x04, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[at] ^= mask
            path.write_bytes(damaged)
            found = attempt(path)
            assert found is None or same(found, FULL)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"text", b"\0" * 10_000])
def test_other_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path)


def test_a_capture_inside_other_bytes_is_the_capture(path: Path, whole: bytes) -> None:
    """A zip is read from its end; what comes before is not ours, and is not believed either."""
    path.write_bytes(b"#!/bin/sh\n" + whole)
    with pytest.raises(UnreadableInput):
        load(path)


@pytest.mark.parametrize("encoding", ["utf-32-be", "utf-16-le", "utf-8-sig"])
def test_a_document_in_another_encoding_is_not_guessed_at(path: Path, whole: bytes, encoding: str) -> None:
    """json would look for the encoding by itself, and load a module for it; found by the fuzzer."""
    head, arrays = parts(whole)
    path.write_bytes(zipped({**arrays, "capture.json": json.dumps(head).encode(encoding)}))
    refused(path)


@pytest.mark.parametrize("place", ["missing", "."])
def test_no_file(tmp_path: Path, place: str) -> None:
    for reader in (read_capture, load):
        with pytest.raises(UnreadableInput) as caught:
            reader(tmp_path / place)
        assert caught.value.problem.isprintable()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableInput):
        load(tmp_path / "pipe")


# --- reading what is of another kind --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"readme.txt": b"text"},
        {"capture.json": b""},
        {"capture.json": b"null"},
        {"capture.json": b"[]"},
        {"capture.json": b"{}"},
        {"capture.json": b'"memdiag.capture"'},
        {"capture.json": b'{"format": "memdiag.capture"}'},
        {"capture.json": b'{"format": "memdiag.capture", "version": 1}'},
        {"capture.json": b'{"format": "memdiag.capture", "version": 1'},
        {"capture.json": b"\xff\xfe\x00"},
        {"capture.json": b"[" * 200_000},
        {"capture.json": b'{"a":' * 100_000},
        {"capture.json": b'{"format": "memdiag.capture", "version": 1, "n": 1' + b"0" * 5000 + b"}"},
        {"CAPTURE.JSON": b"{}"},
        {"capture.json/": b""},
    ],
    ids=range(16),
)
def test_another_zip(path: Path, members: dict[str, bytes]) -> None:
    path.write_bytes(zipped(members))
    refused(path)


@pytest.mark.parametrize("version", [3, 99, 0, -1, "1", None, [], {}, 1.5, "9" * 100_000])
def test_another_version_is_named(path: Path, whole: bytes, version: Any) -> None:
    path.write_bytes(rewritten(whole, lambda head: head.update(version=version)))
    error = refused(path)
    assert "version" in error.problem or "format" in error.problem
    assert "update" in error.next_step


def test_very_many_stacks_of_which_none_awaits_anything(path: Path) -> None:
    """Columns of noughts deflate a thousandfold: that is no bomb."""
    stacks = StackTable([Frame("a.py", at) for at in range(100)], np.ones(80_000, np.int64), np.zeros(80_000, np.int32))
    live, nothing = np.ones((3, 80_000), np.int64), np.zeros(80_000, np.int64)
    moments = tuple(Moment(float(at), "sample") for at in range(3))
    found = Traces("tracemalloc", stacks, moments, live, live, nothing, nothing)
    write_capture(dataclasses.replace(FULL, traces=found), path)
    assert path.stat().st_size < 10_000
    read = read_capture(path).traces
    assert read is not None
    assert np.array_equal(read.live_bytes, live)


def test_more_numbers_than_memory_should_hold_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_capture(FULL, path)
    monkeypatch.setattr(columns, "MOST_NUMBERS", 3)
    assert "more numbers" in refused(path).problem


def test_several_runs_come_back_as_they_were(path: Path) -> None:
    write_capture(REPEATED, path)
    assert same(read_capture(path), REPEATED)
    assert [run.traces is None for run in read_capture(path).runs] == [False, False, True]


def test_the_first_version_is_read_as_ever(path: Path) -> None:
    path.write_bytes(of_version_1())
    assert same(read_capture(path), dataclasses.replace(FULL, labels=()))


@pytest.mark.parametrize("repeats", [{}, [1], [None], [{"repeats": []}], [[]] * 2000])
def test_runs_that_are_none(path: Path, whole: bytes, repeats: Any) -> None:
    path.write_bytes(rewritten(whole, lambda head: head.update(repeats=repeats)))
    refused(path)
