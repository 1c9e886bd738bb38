"""A capture with something in every part of it, and ways to change and to read its file."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memdiag.capture.codec import encode
from memdiag.capture.format import FORMAT, read_capture
from memdiag.errors import UnreadableInput
from memdiag.model import (
    Capture,
    CycleCluster,
    CycleEvidence,
    Moment,
    PassResult,
    Sample,
    Source,
    TargetInfo,
    TypeSurvival,
)
from tests.heaps import stack, traces

LINE = stack("/app/app.py:10 add", "/app/main.py:3")

FULL = Capture(
    command="cycles",
    target=TargetInfo(("app.py", "--flag"), "3.11.7", "/usr/bin/python3", "linux", "/app", -9, 2.5),
    tracer="tracemalloc",
    samples=(Sample(0.1, rss_bytes=10, fds=3), Sample(0.2, rss_bytes=None, threads=1)),
    traces=traces({LINE: [100, 200], stack("b.py:1"): [0, 2**40]}, awaiting={LINE: 100}, arenas=[LINE]),
    cycles=(
        CycleEvidence(
            Moment(1.5, "end of main()", 1.2),
            20,
            (PassResult(1, 18, 2, 30),),
            (TypeSurvival("Node", 20, 2),),
            (CycleCluster(("Node",), (".me",), 2, 2, 112, "reachable", "app.kept[*]"),),
            uncollectable_types=(("Node", 1),),
        ),
    ),
    sources={("/app/app.py", 10): Source("Manager.add", "self.items.append(item)")},
    notes=("the run was cut short",),
    labels=(Moment(0.4, "after warm-up", 0.3),),
)
REPEATED = dataclasses.replace(FULL, repeats=(FULL, dataclasses.replace(FULL, traces=None)))


def same(one: Capture, other: Capture) -> bool:
    """Equality of captures; arrays compare element by element."""
    if (one.traces is None) != (other.traces is None) or len(one.repeats) != len(other.repeats):
        return False
    if one.traces is not None and other.traces is not None:
        for field in dataclasses.fields(one.traces):
            left, right = getattr(one.traces, field.name), getattr(other.traces, field.name)
            if not (np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right):
                return False
    plain = [dataclasses.replace(capture, traces=None, repeats=()) for capture in (one, other)]
    return plain[0] == plain[1] and all(map(same, one.repeats, other.repeats))


def refused(path: Path) -> UnreadableInput:
    """The error that reading the file must raise; nothing else happens, and nothing is written."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(UnreadableInput) as caught:
        read_capture(path)
    error = caught.value
    assert sorted(path.parent.rglob("*")) == before
    for text in (error.problem, error.next_step):
        assert text
        assert text.isprintable()
        assert len(text) < 400 + len(str(path))
    assert error.exit_status == 2
    return error


def attempt(path: Path) -> Capture | None:
    """The capture, or ``None`` where it is refused as it should be."""
    error = None
    try:
        return read_capture(path)
    except UnreadableInput as caught:
        error = caught
    assert error.problem.isprintable()
    assert len(error.problem) < 400 + len(str(path))
    return None


def parts(whole: bytes) -> tuple[Any, dict[str, bytes]]:
    """The document of a capture, and its other members."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop("capture.json")), members


def rewritten(whole: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The same capture with another ``capture.json``."""
    head, arrays = parts(whole)
    change(head)
    return zipped({**arrays, "capture.json": json.dumps(head).encode()})


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


def of_version_1() -> bytes:
    """``FULL`` as memdiag wrote it first: stacks in the document, arrays as they are; labels and repeats unheard of."""
    traces = FULL.traces
    assert traces is not None
    head = encode(dataclasses.replace(FULL, traces=None, sources={}))
    del head["labels"], head["repeats"]
    sources = [[file, line, one.function, one.text] for (file, line), one in FULL.sources.items()]
    told = {
        "tracer": traces.tracer,
        "frames_limit": traces.frames_limit,
        "untold_bytes": traces.untold_bytes,
        "moments": encode(traces.moments),
        "arenas": sorted(traces.arenas),
        "stacks": [[[frame.file, frame.line, frame.function] for frame in stack] for stack in traces.stacks],
    }
    document = {"format": FORMAT, "version": 1, **head, "sources": sources, "traces": told}
    names = ("live_bytes", "live_blocks", "awaiting_bytes", "awaiting_blocks")
    arrays = {name + ".i8": getattr(traces, name).astype("<i8").tobytes() for name in names}
    return zipped({"capture.json": json.dumps(document).encode(), **arrays})
