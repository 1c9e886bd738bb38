"""Runs a target under the probe and packs what it recorded into a capture, however the run ended."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memdiag import env
from memdiag.analysis.origin import is_library
from memdiag.capture import memray_file, sources, spool
from memdiag.errors import MemdiagError
from memdiag.launch import process
from memdiag.launch.books import BookKeeper
from memdiag.launch.image import failures
from memdiag.launch.images import ImageDesk
from memdiag.launch.looks import LookDesk
from memdiag.launch.openings import with_openings
from memdiag.launch.outside import Outside, merge, on_own_clock
from memdiag.launch.owners import with_owners
from memdiag.launch.target import Target
from memdiag.model import Capture, CycleEvidence, Sample, StackTable, TargetInfo, Traces

_PROBE_FDS = 2  # the stream of records, and the resident set
_PROBE_THREADS = 1
_SOURCES = 120  # stacks whose source lines are kept
_OWN_SOURCES = 4000  # lines of the program's own


@dataclass(frozen=True)
class Settings:
    """How to record."""

    command: str = "run"
    tracer: str = "tracemalloc"
    frames: int = 2
    native: bool = False
    python_allocators: bool = True
    python: str = sys.executable
    passes: int = 5
    every_s: float = 0.0
    snapshots: str = "auto"
    trim: bool = False
    native_auto: bool = False  # a second run under memray, where native memory grows


def record(target: Target, settings: Settings, directory: Path) -> Capture:
    """Run the target to its end with a spool in ``directory``; the capture of all that was recorded."""
    started = time.monotonic()
    outside = Outside(started)
    stream = spool.Stream(directory / "stream")
    recording = spool.Recording()
    looks = LookDesk(recording, directory) if settings.command == "cycles" else None
    images = ImageDesk(recording, directory) if looks is None else None

    keeper = BookKeeper(started, directory)

    def watch(pid: int) -> None:
        outside.look(pid)
        keeper.look(pid)
        recording.add(stream.fresh())
        for desk in (looks, images):
            if desk is not None:
                desk.tend(outside.samples[-1].rss_bytes if outside.samples else None)

    command = [settings.python, *target.argv]
    status, duration = process.run(command, process.environment(_options(settings, directory, started)), watch)
    recording.add(stream.fresh())
    heap = images.conclude() if images is not None else None
    capture = _pack(target, settings, directory, recording, outside, status, duration)
    cycles = looks.conclude() if looks is not None else []
    heap = heap and with_owners(heap)
    return dataclasses.replace(
        capture,
        heap=heap,
        cycles=tuple(under_load(one, capture.samples) for one in cycles),
        books=with_openings(keeper.books(recording), target, heap, capture.samples),
    )


def under_load(evidence: CycleEvidence, samples: Sequence[Sample]) -> CycleEvidence:
    """The evidence with how much the resident set grew until then, at its highest, without the probe's own."""
    found = [
        sample.rss_bytes - (sample.probe_bytes or 0)
        for sample in samples
        if sample.rss_bytes is not None and sample.t_s <= evidence.moment.t_s
    ]
    return dataclasses.replace(evidence, growth_under_load_bytes=max(found) - found[0]) if found else evidence


def _options(settings: Settings, directory: Path, started: float) -> dict[str, str]:
    return {
        "directory": str(directory),
        "started": repr(started),
        "command": settings.command,
        "tracer": settings.tracer,
        "frames": str(settings.frames),
        "native": str(int(settings.native)),
        "allocators": str(int(settings.python_allocators)),
        "passes": str(settings.passes),
        "every": repr(settings.every_s),
        "snapshots": settings.snapshots,
        "trim": str(int(settings.trim)),
    }


def _pack(
    target: Target,
    settings: Settings,
    directory: Path,
    recording: spool.Recording,
    outside: Outside,
    status: int,
    duration: float,
) -> Capture:
    notes = [*_notes(recording, settings, status), *failures(directory)]
    traces = _traces(recording, settings, directory, notes)
    threads = _PROBE_THREADS if recording.first("hello") else 0
    seen = on_own_clock(outside.samples, *spool.clocks(recording))
    samples = merge(spool.samples(recording), seen, _PROBE_FDS if threads else 0, threads)
    hello = recording.first("hello")
    return Capture(
        command=settings.command,
        target=TargetInfo(
            argv=target.argv,
            python=str(hello.get("python", "")),
            executable=str(hello.get("executable", settings.python)),
            platform=str(hello.get("platform", sys.platform)),
            directory=os.getcwd(),
            exit_status=status,
            duration_s=duration,
        ),
        tracer=settings.tracer,
        samples=tuple(samples[at] for at in spool.thin(len(samples), spool.KEPT_SAMPLES)),
        traces=traces,
        sources=sources.read_sources(_sites(traces)),
        notes=tuple(notes),
        end_s=spool.end_of_work(recording),
        labels=spool.labels(recording),
    )


def _traces(recording: spool.Recording, settings: Settings, directory: Path, notes: list[str]) -> Traces | None:
    if settings.tracer == "tracemalloc":
        return spool.traces(recording, settings.frames)
    file = directory / "memray.bin"
    if settings.tracer != "memray" or not file.exists():
        return None
    ends = [moment for moment in recording.headers("moment") if str(moment["label"]).startswith("end of")]
    begun = float(recording.first("tracing").get("clock", 0.0))
    try:
        until = float(ends[-1]["clock"]) - begun if ends else None
        found = spool.without_probe(memray_file.read_memray_file(file, until_s=until))
        return spool.on_own_clock(found, begun, recording)
    except MemdiagError as error:
        notes.append(f"memray's file could not be read: {error.problem}")
        return None


def _sites(traces: Traces | None) -> list[tuple[str, int]]:
    """The lines of the stacks that grew most, and the program's own: a comparison knows them by their text."""
    if traces is None or not len(traces.moments):
        return []
    stacks = StackTable.of(traces.stacks)
    weight = traces.live_bytes[-1] - traces.live_bytes[0]
    largest = weight.argsort()[::-1][:_SOURCES]
    own = [frame for frame in stacks.frames if not is_library(frame.file)][:_OWN_SOURCES]
    return [(frame.file, frame.line) for frame in (*(frame for at in largest for frame in stacks[at]), *own)]


def _notes(recording: spool.Recording, settings: Settings, status: int) -> list[str]:
    notes = []
    if not recording.first("hello"):
        notes.append("the probe did not start in the target: only what is seen from outside was recorded")
    elif not recording.first("exit"):
        how = f"signal {-status} ended it" if status < 0 else f"it left with status {status}"
        notes.append(f"the run was cut short ({how}), or its end could not be written: this was recorded until then")
    for fault in recording.headers("fault"):
        what = f"{fault['type']}, line {fault['line']}"
        notes.append(f"memdiag's probe failed at {fault['where']} ({what}): please report it")
    python = str(recording.first("hello").get("python", ""))
    if settings.command == "cycles" and env.collects_incrementally(python):
        notes.append(f"Python {python} collects incrementally: what one pass leaves, the next may still free")
    if any(note.get("text") == "tracing-stopped" for note in recording.headers("note")):
        notes.append("the program stopped tracemalloc itself: allocations after that are not in this report")
    left = [moment["left_waiting"] for moment in recording.headers("moment")][-1:]
    if left and left[0]:
        notes.append(f"{left[0]:,} objects awaited the collector at the end: memray's rows count them as well")
    lost = recording.first("exit").get("lost", 0)
    if lost:
        notes.append(
            f"{lost} pieces could not be written (disk full, or a limit of the program's): figures are partial"
        )
    if settings.tracer == "memray" and not settings.python_allocators:
        notes.append("without python allocators, memray's arena rows name who made the allocator grow, not the leak")
    return notes


def discard(directory: Path) -> None:
    """Remove a spool once its capture is written."""
    shutil.rmtree(directory, ignore_errors=True)
