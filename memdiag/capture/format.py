"""Our own capture file: a zip of JSON and plain arrays. Data, never code.

``capture.json`` holds everything that is small; each array is a member of its own, packed as ``columns`` tells. What
``--repeat`` recorded besides has the same parts, under names that begin with its number. The file is written beside its
place and moved there, so that it is whole or absent. Reading trusts nothing: sizes are bounded before anything is
inflated, and every value is checked against the model. Version 1 had its stacks in the JSON, and is read as ever.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from memdiag.capture import columns
from memdiag.capture.codec import _decode as _rows
from memdiag.capture.codec import decode, encode
from memdiag.capture.columns import Column, Content
from memdiag.capture.evidence import checked
from memdiag.errors import CannotDo, UnreadableInput
from memdiag.model import Capture, Frame, Ints, Moment, Source, StackTable, Traces

FORMAT = "memdiag.capture"
VERSION = 2
MAGIC = b"PK\x03\x04"
MAX_BYTES = 1 << 30  # of everything in a capture, inflated
MAX_RATIO = 300
MOST_REPEATS = 1000
_LEVEL = 4  # of deflate: the next ones take twice as long for a hundredth
_DAMAGED = "record it again; a capture is whole once memdiag has printed where it was saved"
_ARRAYS = ("live_bytes", "live_blocks", "awaiting_bytes", "awaiting_blocks")
_APART = ("traces", "sources", "repeats")  # fields that are written in their own way


def write_capture(capture: Capture, path: Path) -> None:
    """Write the capture, whole or not at all. Raises CannotDo where the place cannot be written."""
    partial = path.with_name(path.name + ".part")
    runs = (capture, *capture.repeats)
    packed = [list(_columns(one.traces)) for one in runs]
    heads = [_head(one, arrays) for one, arrays in zip(runs, packed, strict=True)]
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            whole = {"format": FORMAT, "version": VERSION, **heads[0], "repeats": heads[1:]}
            archive.writestr("capture.json", json.dumps(whole))
            for number, arrays in enumerate(packed):
                for name, _, content in arrays:
                    archive.writestr(_member_name(name, number), content)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise CannotDo(f"cannot write the capture {path}: {reason}", "name another place with -o FILE") from error


def _member_name(name: str, number: int) -> str:
    return f"{number}/{name}" if number else name


def _head(capture: Capture, packed: list[Column]) -> dict[str, Any]:
    head = encode(dataclasses.replace(capture, traces=None, sources={}, repeats=()))
    for name in _APART:
        del head[name]
    sources = [[file, line, source.function, source.text] for (file, line), source in capture.sources.items()]
    return {**head, "sources": sources, "traces": _traces_head(capture.traces, packed)}


def _traces_head(traces: Traces | None, packed: list[Column]) -> dict[str, Any] | None:
    if traces is None:
        return None
    stacks = StackTable.of(traces.stacks)
    files, functions = columns.names(stacks)
    return {
        "tracer": traces.tracer,
        "frames_limit": traces.frames_limit,
        "untold_bytes": traces.untold_bytes,
        "moments": encode(traces.moments),
        "arenas": sorted(traces.arenas),
        "files": files,
        "functions": functions,
        "sizes": {"frames": len(stacks.frames), "stacks": len(stacks), "places": len(stacks.places)},
        "widths": {name: width for name, width, _ in packed},
    }


def _columns(traces: Traces | None) -> Iterator[Column]:
    if traces is not None:
        yield from columns.stack_columns(StackTable.of(traces.stacks))
        for name in _ARRAYS:
            yield columns.pack(name, getattr(traces, name))


def read_capture(path: Path) -> Capture:
    """Read a capture back. Raises UnreadableInput with the reason, whatever the file holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise UnreadableInput(f"{path} would inflate to more than {MAX_BYTES >> 20} MiB", "it was not read")
            head = json.loads(_member(archive, "capture.json").decode("utf-8"))  # in no other: json would guess
            _check_version(path, head)
            return _whole(archive, head)
    except UnreadableInput:
        raise
    except zipfile.BadZipFile as error:
        raise UnreadableInput(f"{path} is not a whole capture: {str(error)[:160]}", _DAMAGED) from error
    except OSError as error:
        if error.filename is None:  # the file itself sends its reader to where nothing is
            raise UnreadableInput(f"{path} is not a whole capture: {error.strerror or error}", _DAMAGED) from error
        raise UnreadableInput(f"cannot read {path}: {error.strerror or error}", "check the path") from error
    except Exception as error:  # each compression has errors of its own, and so has every lie a file can tell
        raise UnreadableInput(f"{path} is damaged: {str(error)[:160]}", _DAMAGED) from error


def _member(archive: zipfile.ZipFile, name: str, size: int | None = None) -> bytes:
    info = archive.getinfo(name)
    if size is not None and info.file_size != size:
        raise ValueError(f"{name} is not as long as it should be")
    if size is None and info.file_size > MAX_RATIO * max(info.compress_size, 1000):
        raise ValueError(f"{name} would inflate too much")  # an array may well be nothing but noughts
    with archive.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise ValueError(f"{name} is not as long as it says")
    return data


def _check_version(path: Path, head: Any) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise UnreadableInput(f"{path} is a zip file, but not a memdiag capture", "give a .memdiag file")
    if type(head.get("version")) is not int or not 1 <= head["version"] <= VERSION:
        problem = f"{path} has capture format {head.get('version')!r:.20}, this memdiag reads {VERSION}"
        raise UnreadableInput(problem, "read it with the memdiag that wrote it, or update this one")


def _whole(archive: zipfile.ZipFile, head: dict[str, Any]) -> Capture:
    """The run in the head, and what was recorded besides."""
    repeats = head.pop("repeats", [])
    version = head.pop("version")
    del head["format"]
    if type(repeats) is not list or len(repeats) > MOST_REPEATS:
        raise ValueError("repeats: a list of runs was expected")
    runs = []
    for number, one in enumerate([head, *repeats]):
        if not isinstance(one, dict) or "repeats" in one:
            raise ValueError("repeats: a run was expected")
        runs.append(_run(one, version, _content_of(archive, number)))
    return dataclasses.replace(runs[0], repeats=tuple(runs[1:]))


def _content_of(archive: zipfile.ZipFile, number: int) -> Content:
    return lambda name, size: _member(archive, _member_name(name, number), size)


def _run(head: dict[str, Any], version: int, content: Content) -> Capture:
    plain = decode(Capture, {key: value for key, value in head.items() if key not in ("traces", "sources")})
    found = _rows(tuple[tuple[str, int, str, str], ...], head["sources"], "sources")
    sources = {(file, line): Source(name, text) for file, line, name, text in found}
    traces = None if head["traces"] is None else _READERS[version](head["traces"], content)
    heap = None if plain.heap is None else checked(plain.heap)
    return dataclasses.replace(plain, sources=sources, traces=traces, heap=heap)


def _read_traces(head: dict[str, Any], content: Content) -> Traces:
    stacks = columns.read_stacks(head, content)
    return _traces(head, stacks, lambda name, shape: columns.unpack(content, name, head["widths"][name], shape))


def _read_traces_1(head: dict[str, Any], content: Content) -> Traces:
    """Of version 1: stacks in the JSON, arrays as they are."""
    drawn = _rows(tuple[tuple[tuple[str, int, str], ...], ...], head["stacks"], "stacks")
    stacks = StackTable.of(tuple(Frame(*frame) for frame in stack) for stack in drawn)

    def array(name: str, shape: tuple[int, ...]) -> Ints:
        flat = np.frombuffer(content(name + ".i8", 8 * math.prod(shape)), dtype="<i8")
        return flat.astype(np.int64).reshape(shape)

    return _traces(head, stacks, array)


def _traces(head: dict[str, Any], stacks: StackTable, array: Callable[[str, tuple[int, ...]], Ints]) -> Traces:
    moments = tuple(decode(Moment, moment) for moment in head["moments"])
    shapes = {"live": (len(moments), len(stacks)), "awaiting": (len(stacks),)}
    return Traces(
        tracer=_rows(str, head["tracer"], "tracer"),
        stacks=stacks,
        moments=moments,
        **{name: array(name, shapes[name.split("_")[0]]) for name in _ARRAYS},
        arenas=frozenset(at for at in _rows(tuple[int, ...], head["arenas"], "arenas") if 0 <= at < len(stacks)),
        frames_limit=_rows(int, head["frames_limit"], "frames_limit"),
        untold_bytes=_rows(int, head["untold_bytes"], "untold_bytes"),
    )


_READERS = {1: _read_traces_1, 2: _read_traces}
