"""Our own capture file: a zip of JSON and plain arrays. Data, never code.

``capture.json`` holds everything that is small; each array is a member of raw little-endian int64, its shape in the
JSON. The file is written beside its place and moved there, so that it is whole or absent. Reading trusts nothing:
sizes are bounded before anything is inflated, and every value is checked against the model.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from memdiag.capture.codec import _decode as _rows
from memdiag.capture.codec import decode, encode
from memdiag.errors import CannotDo, UnreadableInput
from memdiag.model import Capture, Frame, Ints, Moment, Source, Traces

FORMAT = "memdiag.capture"
VERSION = 1
MAGIC = b"PK\x03\x04"
MAX_BYTES = 1 << 30  # of everything in a capture, inflated
MAX_RATIO = 300
_DAMAGED = "record it again; a capture is whole once memdiag has printed where it was saved"
_ARRAYS = ("live_bytes", "live_blocks", "awaiting_bytes", "awaiting_blocks")


def write_capture(capture: Capture, path: Path) -> None:
    """Write the capture, whole or not at all. Raises CannotDo where the place cannot be written."""
    partial = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("capture.json", json.dumps(_head(capture)))
            for name, array in _arrays(capture.traces):
                archive.writestr(name + ".i8", np.ascontiguousarray(array, dtype="<i8").tobytes())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise CannotDo(f"cannot write the capture {path}: {reason}", "name another place with -o FILE") from error


def _head(capture: Capture) -> dict[str, Any]:
    plain = dataclasses.replace(capture, traces=None, sources={})
    head = encode(plain)
    del head["traces"], head["sources"]
    sources = [[file, line, source.function, source.text] for (file, line), source in capture.sources.items()]
    return {"format": FORMAT, "version": VERSION, **head, "sources": sources, "traces": _traces_head(capture.traces)}


def _traces_head(traces: Traces | None) -> dict[str, Any] | None:
    if traces is None:
        return None
    return {
        "tracer": traces.tracer,
        "frames_limit": traces.frames_limit,
        "untold_bytes": traces.untold_bytes,
        "moments": encode(traces.moments),
        "arenas": sorted(traces.arenas),
        "stacks": [[[frame.file, frame.line, frame.function] for frame in stack] for stack in traces.stacks],
    }


def _arrays(traces: Traces | None) -> list[tuple[str, Ints]]:
    return [] if traces is None else [(name, getattr(traces, name)) for name in _ARRAYS]


def read_capture(path: Path) -> Capture:
    """Read a capture back. Raises UnreadableInput with the reason, whatever the file holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise UnreadableInput(f"{path} would inflate to more than {MAX_BYTES >> 20} MiB", "it was not read")
            head = json.loads(_member(archive, "capture.json"))
            _check_version(path, head)
            return _capture(archive, head)
    except UnreadableInput:
        raise
    except zipfile.BadZipFile as error:
        raise UnreadableInput(f"{path} is not a whole capture: {str(error)[:160]}", _DAMAGED) from error
    except OSError as error:
        raise UnreadableInput(f"cannot read {path}: {error.strerror or error}", "check the path") from error
    except Exception as error:  # each compression has errors of its own, and so has every lie a file can tell
        raise UnreadableInput(f"{path} is damaged: {str(error)[:160]}", _DAMAGED) from error


def _member(archive: zipfile.ZipFile, name: str, size: int | None = None) -> bytes:
    info = archive.getinfo(name)
    if size is not None and info.file_size != size:
        raise ValueError(f"{name} is not as long as it should be")
    if info.file_size > MAX_RATIO * max(info.compress_size, 1000):
        raise ValueError(f"{name} would inflate too much")
    with archive.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise ValueError(f"{name} is not as long as it says")
    return data


def _check_version(path: Path, head: Any) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise UnreadableInput(f"{path} is a zip file, but not a memdiag capture", "give a .memdiag file")
    if head.get("version") != VERSION or type(head["version"]) is not int:
        problem = f"{path} has capture format {head.get('version')!r:.20}, this memdiag reads {VERSION}"
        raise UnreadableInput(problem, "read it with the memdiag that wrote it, or update this one")


def _capture(archive: zipfile.ZipFile, head: dict[str, Any]) -> Capture:
    fields = {key: value for key, value in head.items() if key not in ("format", "version", "traces", "sources")}
    plain = decode(Capture, fields)
    found = _rows(tuple[tuple[str, int, str, str], ...], head["sources"], "sources")
    sources = {(file, line): Source(name, text) for file, line, name, text in found}
    traces = None if head["traces"] is None else _read_traces(archive, head["traces"])
    return dataclasses.replace(plain, sources=sources, traces=traces)


def _read_traces(archive: zipfile.ZipFile, head: dict[str, Any]) -> Traces:
    drawn = _rows(tuple[tuple[tuple[str, int, str], ...], ...], head["stacks"], "stacks")
    stacks = tuple(tuple(Frame(*frame) for frame in stack) for stack in drawn)
    moments = tuple(decode(Moment, moment) for moment in head["moments"])
    shapes = {"live": (len(moments), len(stacks)), "awaiting": (len(stacks),)}
    arrays = {}
    for name in _ARRAYS:
        flat = np.frombuffer(_member(archive, name + ".i8", 8 * math.prod(shapes[name.split("_")[0]])), dtype="<i8")
        arrays[name] = flat.astype(np.int64).reshape(shapes[name.split("_")[0]])
    arenas = frozenset(at for at in _rows(tuple[int, ...], head["arenas"], "arenas") if 0 <= at < len(stacks))
    return Traces(
        tracer=_rows(str, head["tracer"], "tracer"),
        stacks=stacks,
        moments=moments,
        **arrays,
        arenas=arenas,
        frames_limit=_rows(int, head["frames_limit"], "frames_limit"),
        untold_bytes=_rows(int, head["untold_bytes"], "untold_bytes"),
    )
