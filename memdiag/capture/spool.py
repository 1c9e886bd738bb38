"""What the probe left in its spool, turned into the model: samples, traces, heaps. Reads only; thinks nothing."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from memdiag.capture.ends import Standing, settled
from memdiag.model import Frame, Ints, Moment, Sample, Stack, Traces
from memdiag.probe import wire
from memdiag.probe.wire import Record, unpack

_PROBE = str(Path(wire.__file__).parent)
_STILL_S = 1e-4
KEPT_SAMPLES = 256
KEPT_MOMENTS = 24


class Stream:
    """The probe's stream of records, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def fresh(self) -> list[Record]:
        """The records that came since the last call; one that is still being written stays for the next."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._at)
                data = stream.read()
        except OSError:
            return []
        records = list(unpack(data))
        if records:
            self._at += records[-1].end
        return records


@dataclass
class Recording:
    """All records of one run, by kind, in the order in which they were written."""

    by_kind: dict[str, list[Record]] = field(default_factory=dict)

    def add(self, records: Iterable[Record]) -> None:
        for record in records:
            self.by_kind.setdefault(record.kind, []).append(record)

    def headers(self, kind: str) -> list[dict[str, Any]]:
        return [record.header for record in self.by_kind.get(kind, [])]

    def first(self, kind: str) -> dict[str, Any]:
        found = self.headers(kind)
        return found[0] if found else {}


def samples(recording: Recording) -> list[Sample]:
    """The probe's own samples, in order of time."""
    return [
        Sample(
            t_s=float(header["t"]),
            worked_s=float(header["worked"]),
            rss_bytes=header["rss"],
            heap_blocks=header["blocks"],
            tracked_objects=header["tracked"],
            heap_bytes=header.get("traced"),
            tracer_bytes=header.get("tracer"),
            probe_bytes=header["own"],
            gc_collections=header["collections"],
            gc_collected=header["collected"],
            **_malloc(header.get("malloc")),
        )
        for header in sorted(recording.headers("sample"), key=lambda header: float(header["t"]))
    ]


def _malloc(figures: list[int] | None) -> dict[str, int]:
    names = ("malloc_used_bytes", "malloc_free_bytes", "malloc_mapped_bytes")
    return dict(zip(names, figures or (), strict=False))


def clocks(recording: Recording) -> tuple[list[float], list[float]]:
    """Seconds since the start by the wall, and the program's own at the same moments: increasing, as many."""
    pairs = sorted(
        (float(header["clock"]), float(header["t"]))
        for kind in ("sample", "moment")
        for header in recording.headers(kind)
    )
    return [wall for wall, _ in pairs], [own for _, own in pairs]


def on_own_clock(found: Traces, begun: float, recording: Recording) -> Traces:
    """memray's moments at the program's own time; while it stood still for the probe only the last state counts.

    ``begun`` are the seconds since the start, by the wall, at which memray began.
    """
    wall, own = clocks(recording)
    if not wall or not found.moments:
        return found
    times = np.interp([begun + moment.t_s for moment in found.moments], wall, own)
    kept = [at for at in range(len(times)) if at + 1 == len(times) or times[at + 1] - times[at] > _STILL_S]
    return dataclasses.replace(
        found,
        moments=tuple(dataclasses.replace(found.moments[at], t_s=float(times[at])) for at in kept),
        live_bytes=found.live_bytes[kept],
        live_blocks=found.live_blocks[kept],
    )


def end_of_work(recording: Recording) -> float | None:
    """When the program's work ended; ``None`` where it was cut short."""
    ends = recording.headers("moment")
    found = samples(recording)
    if not ends or not found:
        return None
    times = [sample.t_s for sample in found]
    standing = [
        Standing(float(end["worked"]), _blocks_at(float(end["t"]), times, found), bool(end.get("loop_over")))
        for end in ends
    ]
    return float(ends[settled(standing, Standing(found[0].worked_s or 0.0, found[0].heap_blocks or 0))]["t"])


def _blocks_at(t_s: float, times: Sequence[float], found: Sequence[Sample]) -> float:
    """By the last sample before: one is taken at each end."""
    return found[max(0, bisect_right(times, t_s) - 1)].heap_blocks or 0


def labels(recording: Recording) -> tuple[Moment, ...]:
    """The moments that the program has named."""
    told = recording.headers("label")
    return tuple(Moment(float(one["t"]), str(one["text"]), float(one["worked"])) for one in told)


def thin(count: int, kept: int) -> list[int]:
    """Indices of at most ``kept`` of ``count`` items, evenly spread, the first and the last among them."""
    if count <= kept:
        return list(range(count))
    return sorted({round(step * (count - 1) / (kept - 1)) for step in range(kept)})


def traces(recording: Recording, frames_limit: int) -> Traces | None:
    """Live memory by stack at the moments that were recorded, up to the last one that looked at the garbage too.

    Where no such moment was reached (the target was killed), the last moment there is stands as the end.
    """
    records = recording.by_kind.get("traces", [])
    if not records:
        return None
    told = [at for at, record in enumerate(records) if record.header.get("garbage_told")]
    standing = [_standing(record) for record in records]
    ends = [standing[at] for at in told]
    last = told[settled(ends, standing[0])] if told else _before_the_fall(standing, bool(recording.first("left")))
    stacks = _stacks(records)
    named = {moment.label for moment in labels(recording)}
    called = [at for at in range(last) if records[at].header["label"] in named]
    chosen = sorted({*thin(last + 1, KEPT_MOMENTS), *called[:KEPT_MOMENTS]})
    live_bytes, live_blocks = (_live(records, chosen, name, len(stacks)) for name in ("bytes", "blocks"))
    awaiting_bytes, awaiting_blocks = np.zeros(len(stacks), np.int64), np.zeros(len(stacks), np.int64)
    end = records[last].arrays
    awaiting_bytes[end["awaiting_index"]] = end["awaiting_bytes"]
    awaiting_blocks[end["awaiting_index"]] = end["awaiting_blocks"]
    found = Traces(
        tracer="tracemalloc",
        stacks=stacks,
        moments=tuple(_moment(records[at].header) for at in chosen),
        live_bytes=live_bytes,
        live_blocks=live_blocks,
        awaiting_bytes=np.minimum(awaiting_bytes, live_bytes[-1]),
        awaiting_blocks=np.minimum(awaiting_blocks, live_blocks[-1]),
        frames_limit=frames_limit,
        untold_bytes=int(records[last].header["untold"]),
    )
    return without_probe(found)


def _standing(record: Record) -> Standing:
    return Standing(float(record.header["worked"]), int(record.arrays["bytes"].sum()))


def _before_the_fall(records: Sequence[Standing], left: bool) -> int:
    """The last record, or, of a program that ``left`` by SystemExit, the last before it let go of what it held."""
    last = len(records) - 1
    while left and last and records[last].held < records[last - 1].held:
        last -= 1
    return last


def _live(records: Sequence[Record], chosen: Sequence[int], name: str, stacks: int) -> Ints:
    """One column of the chosen records, shape (chosen, stacks)."""
    table = np.zeros((len(chosen), stacks), np.int64)
    for row, at in enumerate(chosen):
        table[row, records[at].arrays["index"]] = records[at].arrays[name]
    return table


def without_probe(traces: Traces) -> Traces:
    """What the probe itself allocated is not the program's; nor are its frames at the bottom of memray's stacks."""
    kept = [at for at, stack in enumerate(traces.stacks) if not (stack and stack[0].file.startswith(_PROBE))]
    place = {old: new for new, old in enumerate(kept)}
    return dataclasses.replace(
        traces,
        stacks=tuple(tuple(frame for frame in traces.stacks[at] if not frame.file.startswith(_PROBE)) for at in kept),
        live_bytes=traces.live_bytes[:, kept],
        live_blocks=traces.live_blocks[:, kept],
        awaiting_bytes=traces.awaiting_bytes[kept],
        awaiting_blocks=traces.awaiting_blocks[kept],
        arenas=frozenset(place[at] for at in traces.arenas if at in place),
    )


def _moment(header: dict[str, Any]) -> Moment:
    return Moment(float(header["t"]), str(header["label"]), float(header["worked"]))


def _stacks(records: Sequence[Record]) -> tuple[Stack, ...]:
    found: dict[int, Stack] = {}
    size = 0
    for record in records:
        files, columns = record.header["files"], record.arrays
        frames = [Frame(files[at], int(line)) for at, line in zip(columns["places"], columns["lines"], strict=True)]
        ends = np.cumsum(columns["depths"]).tolist()
        for offset, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            found[record.header["first"] + offset] = tuple(frames[start:end])
        size = max(size, 1 + int(max(columns["index"], default=-1)))
        size = max(size, 1 + int(max(columns["awaiting_index"], default=-1)))
    return tuple(found.get(index, (Frame("<lost>", 0),)) for index in range(size))
