"""What grew between two captures: by line, however the lines were reached."""

from __future__ import annotations

from collections.abc import Mapping

from memdiag.analysis import growth, types
from memdiag.analysis.growth import Line
from memdiag.errors import UnreadableInput
from memdiag.model import Capture, Report, Row, RowStatus, Site
from memdiag.units import format_bytes

_SAME_BYTES = 512  # a line that moved by less is the same

Lines = Mapping[tuple[str, int], Line]


def compare(before: Capture, after: Capture, names: tuple[str, str]) -> Report:
    """Rows ranked by growth. Raises UnreadableInput where the two have nothing to compare."""
    rows = _by_type(before, after, names) or _by_line(before, after, names)
    total = sum(row.growth_bytes for row in rows)
    return Report(
        command="diff",
        verdict="suspect" if any(row.status in ("new", "worse") for row in rows) and total > 0 else "clean",
        headline=f"{names[1]} holds {format_bytes(abs(total))} {'more' if total > 0 else 'less'} than {names[0]}",
        target=after.target,
        rows=tuple(rows),
        tracer=after.tracer,
        notes=tuple(dict.fromkeys((*before.notes, *after.notes))),
        before=names[0],
        after=names[1],
    )


def _by_type(before: Capture, after: Capture, names: tuple[str, str]) -> list[Row]:
    """Where a side has heap snapshots and no traces; none where neither is so."""
    sides = [(side, name) for side, name in zip((before, after), names, strict=True)]
    bare = [(side, name) for side, name in sides if side.traces is None and side.heap is not None and side.heap.types]
    if not bare:
        return []
    for side, name in sides:
        if side.heap is None or not side.heap.types:
            problem = f"{name} holds no heap snapshot, and {bare[0][1]} nothing else: they do not compare"
            raise UnreadableInput(problem, "record both with the same --tracer")
    assert before.heap is not None
    assert after.heap is not None
    return types.compared(before.heap, after.heap)


def _by_line(before: Capture, after: Capture, names: tuple[str, str]) -> list[Row]:
    for side, name in zip((before, after), names, strict=True):
        if side.traces is None or (side.traces.stacks and not side.traces.moments):
            raise UnreadableInput(f"{name} holds no allocations", "record it with --tracer tracemalloc or memray")
    _check_tracers(before, after, names)
    old, new = _lines(before), _lines(after)
    rows = [_row(old.get(key), new.get(key), before, after) for key in old.keys() | new.keys()]
    return sorted(rows, key=lambda row: (-row.growth_bytes, row.site.file, row.site.line))


def _check_tracers(before: Capture, after: Capture, names: tuple[str, str]) -> None:
    """memray sees every allocator, tracemalloc Python's alone: their bytes do not compare."""
    tracers = [capture.traces.tracer for capture in (before, after) if capture.traces is not None]
    if tracers[0] != tracers[1]:
        problem = f"{names[0]} was traced by {tracers[0]}, {names[1]} by {tracers[1]}: their figures do not compare"
        raise UnreadableInput(problem, "record both with the same --tracer")


def _lines(capture: Capture) -> Lines:
    """Lines by file, function and line; what awaits the collector is not counted."""
    if capture.traces is None:
        return {}
    return {(line.frame.file, line.frame.line): line for line in growth.lines(capture.traces)}


def _row(old: Line | None, new: Line | None, before: Capture, after: Capture) -> Row:
    line = new or old
    assert line is not None
    place = line.frame.file, line.frame.line
    source = after.sources.get(place) or before.sources.get(place)
    sizes = [_kept(one) for one in (old, new)]
    blocks = [0 if one is None else int(one.live_blocks[-1]) - one.awaiting_blocks for one in (old, new)]
    site = Site(
        file=line.frame.file,
        line=line.frame.line,
        function=line.frame.function or (source.function if source else ""),
        bytes=sizes[1] - sizes[0],
        count=blocks[1] - blocks[0],
        source=source.text if source else "",
    )
    return Row(
        site=site,
        before_bytes=sizes[0],
        after_bytes=sizes[1],
        before_blocks=blocks[0],
        after_blocks=blocks[1],
        status=_status(*sizes),
        arena=line.arena,
    )


def _kept(line: Line | None) -> int:
    return 0 if line is None else int(line.live_bytes[-1]) - line.awaiting_bytes


def _status(before: int, after: int) -> RowStatus:
    if abs(after - before) < _SAME_BYTES:
        return "same"
    if before == 0:
        return "new"
    if after == 0:
        return "gone"
    return "worse" if after > before else "better"
