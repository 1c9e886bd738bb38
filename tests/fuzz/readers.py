"""What is read, and the files that the changes begin with."""

from __future__ import annotations

import io
import json
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from memdiag.analysis.diff import compare
from memdiag.analysis.moments import at_moment
from memdiag.capture import memray_file
from memdiag.capture.baseline import read_baseline
from memdiag.capture.format import write_capture
from memdiag.capture.load import load
from memdiag.commands import configuration
from memdiag.errors import MemdiagError
from memdiag.model import (
    Capture,
    HeapEvidence,
    Moment,
    OwnerFacts,
    Population,
    Sample,
    Site,
    TargetInfo,
    Touch,
    TypeSeries,
)
from tests.captures import FULL, REPEATED, of_version_1
from tests.fuzz import mutations

ANSWER: dict[str, Any] = {
    "frames": [["app.py", 3, "main"], ["lib.c", 0, "alloc"]],
    "moments": [[0.0, "start"], [1.5, "end"]],
    "stacks": [[0], [1, 0]],
    "live_bytes": [[1, 2], [30, 40]],
    "live_blocks": [[1, 1], [2, 2]],
    "arenas": [1],
}


BASELINE: dict[str, Any] = {
    "format": "memdiag.baseline",
    "version": 1,
    "findings": [
        {
            "id": f"{at:012x}",
            "kind": "growth",
            "rule": "MEM-005",
            "holder": "app.cache",
            "title": "x",
            "found_by": "run",
        }
        for at in range(2)
    ],
}
CONFIGURATION = b"""[tool.memdiag]
target = "script.py --option"
fail-on = ["leak", "growth > 20MB"]
max-peak = 5e8
baseline = "known.json"
keep = 20

[tool.memdiag.budgets]
"shop.cache" = "30MB"
shop = {growth = "5MB"}

[[tool.memdiag.ignore]]
path = "app.cache*"
reason = "it is one"
expires = 2030-12-31
"""


ADDS = Touch("/app/app.py", 7, "keep", "cache[key] = order", "subscript")
COUNTS = tuple(range(1000, 9000, 1000))
HEAP = Capture(
    command="run",
    target=TargetInfo(("app.py",), "3.11.7", "/usr/bin/python3", "linux", "/app", 0, 3.0),
    tracer="auto",
    samples=tuple(Sample(at / 4, at / 4, (10 + at) << 20, fds=5 + at, threads=1) for at in range(12)),
    heap=HeapEvidence(
        moments=tuple(Moment(at / 3, "sample", at / 3) for at in range(len(COUNTS))),
        populations=(
            Population(
                *("container", "app.cache", "dict", "app.cache", "Order", COUNTS, tuple(100 * at for at in COUNTS)),
                retained_bytes=900_000,
                sites=(Site("/app/app.py", 7, "keep"),),
                owner_module="app",
                owner_file="/app/app.py",
                source=OwnerFacts(adds=(ADDS,), read=True),
            ),
        ),
        objects=COUNTS,
        heap_bytes=tuple(100 * at for at in COUNTS),
        garbage_objects=3,
        garbage_bytes=300,
        garbage_types=(("Order", 3),),
        types=(TypeSeries("app.Order", COUNTS, tuple(100 * at for at in COUNTS), own=True),),
    ),
    end_s=2.9,
)
CALLS = tuple(Moment(100.0 * at, "sample") for at in range(len(COUNTS)))
CHECK = replace(
    HEAP,
    command="check",
    target=replace(HEAP.target, argv=("shop:handle",)),
    samples=(),
    heap=replace(HEAP.heap, moments=CALLS) if HEAP.heap else None,
    end_s=None,
)


@dataclass(frozen=True)
class Reader:
    """One way into memdiag: ``make`` an input, and ``read`` it, which raises nothing but MemdiagError."""

    name: str
    make: Callable[[Random], bytes]
    read: Callable[[Path], object]
    often: int
    file: str = "given"  # what the input is called


def readers() -> list[Reader]:
    captures, dumps = _captures(), _dumps()
    members = [_members(one) for one in captures]

    def whole_archive(chance: Random) -> bytes:
        return mutations.capture(chance.choice(members), captures, chance)

    def damaged_archive(chance: Random) -> bytes:
        return mutations.changed(chance.choice(captures), [*captures, *dumps], chance)

    def dump(chance: Random) -> bytes:
        return mutations.changed(chance.choice(dumps), dumps, chance)

    def answer(chance: Random) -> bytes:
        return json.dumps(mutations.document(ANSWER, chance)).encode()

    def baseline(chance: Random) -> bytes:
        document = json.dumps(mutations.document(BASELINE, chance)).encode()
        return mutations.changed(document, dumps, chance) if chance.random() < 0.3 else document

    def settings(chance: Random) -> bytes:
        return mutations.changed(CONFIGURATION, [CONFIGURATION, *dumps], chance)

    def head(chance: Random) -> bytes:
        return mutations.changed(chance.choice((b"memray\0", b"PK\3\4", dumps[0][:60])), [b"\0" * 60, *dumps], chance)

    return [
        Reader("capture", whole_archive, _load_and_use, 3),
        Reader("archive", damaged_archive, _load_and_use, 2),
        Reader("dump", dump, load, 6),
        Reader("memray", answer, _memray_answer, 3),
        Reader("head", head, _load_but_memray, 1),
        Reader("baseline", baseline, read_baseline, 2),
        Reader("configuration", settings, lambda path: configuration.read(path.parent), 1, "pyproject.toml"),
    ]


def _load_and_use(path: Path) -> object:
    """A capture that is read is compared, too, with itself and with one of its moments."""
    found = load(path)
    return compare(at_moment(found, "0", "given"), found, ("one", "other"))


def _load_but_memray(path: Path) -> object:
    """memray's own reader runs in a process of its own, which takes too long to be started a million times."""
    return None if memray_file.is_memray_file(path.read_bytes()[:64]) else load(path)


def _memray_answer(path: Path) -> object:
    """What memray's reader tells us of a file, whatever that held."""
    try:
        return memray_file._to_model(json.loads(path.read_bytes()))
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise MemdiagError(str(error)) from error  # as read_memray_file has it


def _captures() -> list[bytes]:
    plain = Capture("run", TargetInfo(("app.py",)))
    several = replace(HEAP, repeats=(HEAP, HEAP))
    return [*(_written(one) for one in (FULL, HEAP, CHECK, several, REPEATED, plain)), of_version_1()]


def _written(capture: Capture) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "run.memdiag"
        write_capture(capture, path)
        return path.read_bytes()


def _members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _dumps() -> list[bytes]:
    traces: list[Any] = [(0, size, (("a.py", size % 1000), ("b.py", 70_000)), 2) for size in (1, 300, 2**33)]
    found = []
    for made in (traces, traces[:1], []):
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "given"
            tracemalloc.Snapshot(made, 2).dump(str(path))
            found.append(path.read_bytes())
    return found
