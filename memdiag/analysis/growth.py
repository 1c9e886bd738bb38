"""Which lines add memory over the whole run, and which of these go on adding to the end."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.fingerprint import fingerprint, place
from memdiag.analysis.hints import Addition, addition
from memdiag.analysis.lines import index_lines, shown_frame
from memdiag.analysis.origin import is_library
from memdiag.analysis.series import Trend, judge
from memdiag.model import Capture, Finding, Frame, Growing, Ints, Row, Site, Source, Stack, StackTable, Traces
from memdiag.units import format_bytes, format_count

LEAST_BYTES = 8 * 1024  # growth of a line below this is noise: interned names, resized tables
LEAST_SHARE = 0.002  # of all that is alive: the interpreter's own caches fill for a long time, by little
LEAST_BLOCKS = 12  # unless the blocks are large
LARGE_BYTES = 64 * 1024
_UNSURE = 2  # times the garbage that was not told apart exactly: its size is known without all of its buffers


@dataclass(frozen=True)
class Line:
    """One line of the program and what it has alive at each moment; shapes (moments)."""

    frame: Frame
    live_bytes: Ints
    live_blocks: Ints
    awaiting_bytes: int
    awaiting_blocks: int
    arena: bool
    stacks: tuple[Stack, ...]


def lines(traces: Traces) -> list[Line]:
    """Live memory by line: the innermost line of a stack that is the program's own, else its innermost at all."""
    if not traces.moments or not len(traces.stacks):
        return []
    stacks = StackTable.of(traces.stacks)
    index = index_lines(stacks)
    order = np.lexsort((-traces.live_bytes[-1], index.of_stacks))  # of each line the heaviest first
    begins = np.searchsorted(index.of_stacks[order], np.arange(len(index.frames)))
    groups = np.split(order, begins[1:])
    return [_line(traces, stacks, group) for group in sorted(groups, key=lambda group: int(group.min()))]


def _line(traces: Traces, stacks: StackTable, group: Ints) -> Line:
    heaviest = [stacks[at] for at in group[:3].tolist()]
    return Line(
        frame=shown_frame(heaviest[0]),
        live_bytes=traces.live_bytes[:, group].sum(axis=1),
        live_blocks=traces.live_blocks[:, group].sum(axis=1),
        awaiting_bytes=int(traces.awaiting_bytes[group].sum()),
        awaiting_blocks=int(traces.awaiting_blocks[group].sum()),
        arena=all(at in traces.arenas for at in group.tolist()),
        stacks=tuple(heaviest),
    )


@dataclass(frozen=True)
class Grown:
    """A line and how it went, once what awaits the collector is taken off its end."""

    line: Line
    kept_bytes: Ints  # the series, its last moment without garbage
    kept_blocks: Ints
    trend: Trend


def grown(traces: Traces, found: Sequence[Line]) -> list[Grown]:
    """Every line with its trend; the largest growth first, names in order where it is the same."""
    times = [moment.t_s for moment in traces.moments]
    work = [moment.worked_s for moment in traces.moments]
    least = max(LEAST_BYTES, round(LEAST_SHARE * int(traces.live_bytes[-1].sum())))
    result = [_grown(line, times, work, least) for line in found]
    return sorted(result, key=lambda one: (-one.trend.growth, one.line.frame.file, one.line.frame.line))


def _grown(line: Line, times: Sequence[float], work: Sequence[float], least: int) -> Grown:
    kept = line.live_bytes.copy()
    kept[-1] -= line.awaiting_bytes
    blocks = line.live_blocks.copy()
    blocks[-1] -= line.awaiting_blocks
    few = int(blocks[-1] - blocks[0]) < LEAST_BLOCKS
    return Grown(line, kept, blocks, judge(times, kept.tolist(), max(least, LARGE_BYTES) if few else least, work))


def rows(grown_lines: Sequence[Grown], capture: Capture) -> tuple[Row, ...]:
    """Every line as a row of the table; what it has alive at the first moment and at the last."""
    found = []
    for one in grown_lines:
        before, after = int(one.kept_bytes[0]), int(one.kept_bytes[-1])
        status = "worse" if after > before else "better" if after < before else "same"
        found.append(
            Row(
                site=_site(one, capture),
                before_bytes=before,
                after_bytes=after,
                before_blocks=int(one.kept_blocks[0]),
                after_blocks=int(one.kept_blocks[-1]),
                status="new" if before == 0 and after else status,  # type: ignore[arg-type]
                series_bytes=tuple(one.kept_bytes.tolist()),
                trend=one.trend.words,
                arena=one.line.arena,
            )
        )
    return tuple(sorted(found, key=lambda row: -row.growth_bytes))


def _site(one: Grown, capture: Capture) -> Site:
    frame = one.line.frame
    source = capture.sources.get((frame.file, frame.line))
    return Site(
        file=frame.file,
        line=frame.line,
        function=_qualified(frame, source),
        bytes=int(one.kept_bytes[-1] - one.kept_bytes[0]),
        count=int(one.kept_blocks[-1] - one.kept_blocks[0]),
        source=source.text if source else "",
    )


def _qualified(frame: Frame, source: Source | None) -> str:
    """The function's name with its class, from the source; memray records the bare name."""
    known = source.function if source is not None else ""
    return known if not frame.function or known.rpartition(".")[2] == frame.function else frame.function


def findings(grown_lines: Sequence[Grown], capture: Capture) -> list[Finding]:
    """One finding for each function whose lines go on growing to the end; the largest growth first.

    What grew by no more than the garbage whose lines are not known may be that garbage, and is no finding.
    """
    by_function: dict[tuple[str, str], list[Grown]] = defaultdict(list)
    for one in grown_lines:
        if one.trend.shape == "steady" and not one.line.arena:
            site = _site(one, capture)
            by_function[site.file, site.function].append(one)
    groups = sorted(by_function.items(), key=lambda item: -sum(one.trend.growth for one in item[1]))
    untold = capture.traces.untold_bytes if capture.traces is not None else 0
    folded = _folded(groups, capture)
    return [_finding(group, capture) for group in folded if sum(one.trend.growth for one in group) > _UNSURE * untold]


def _folded(groups: Sequence[tuple[tuple[str, str], list[Grown]]], capture: Capture) -> list[list[Grown]]:
    """Functions that call each other on the way to growing lines grow together: one finding, the largest first."""
    kept: list[tuple[set[tuple[str, str]], set[tuple[str, str]], list[Grown]]] = []
    for place_, group in groups:
        passed = {
            (frame.file, source.function)
            for one in group
            for stack in one.line.stacks
            for frame in stack
            if (source := capture.sources.get((frame.file, frame.line))) is not None
        }
        for heads, callers, members in kept:
            inside = is_library(place_[0]) and callers & passed  # a library at work for the same lines
            if place_ in callers or heads & passed or inside:
                heads.add(place_)
                callers |= passed
                members += group
                break
        else:
            kept.append(({place_}, passed, list(group)))
    return [members for _, _, members in kept]


def _finding(group: Sequence[Grown], capture: Capture) -> Finding:
    group = sorted(group, key=lambda one: -one.trend.growth)
    sites = tuple(_site(one, capture) for one in group)
    first = sites[0]
    series = np.sum([one.kept_bytes for one in group], axis=0)
    blocks = np.sum([one.kept_blocks for one in group], axis=0)
    rate = sum(one.trend.per_second for one in group)
    where = f"{os.path.basename(first.file)}:{first.line}"
    found = _addition(group, capture)
    what = f"what {first.function} makes" if first.function else where
    return Finding(
        id=fingerprint("growth", place(first.file), first.function, found[0].owner if found else ""),
        kind="growth",
        pattern="growth",
        rule="MEM-005",
        verdict="suspect",
        confidence=round(min(0.9, 0.4 + 0.05 * group[0].trend.intervals * group[0].trend.share), 2),
        title=f"{what} keeps growing: {where} adds {format_bytes(round(rate))}/s",
        why=_why(group, int(series[-1] - series[0]), int(blocks[-1] - blocks[0]), capture),
        fix=_fix(where, found),
        growing=Growing("", tuple(blocks.tolist()), tuple(series.tolist()), rate),
        sites=sites,
    )


def _addition(group: Sequence[Grown], capture: Capture) -> tuple[Addition, Frame] | None:
    """What the growing lines themselves visibly add to; a line that merely leads to them may add to something else."""
    for one in group:
        source = capture.sources.get((one.line.frame.file, one.line.frame.line))
        if (
            source is not None
            and not is_library(one.line.frame.file)
            and (adds := addition(source.text, source.function)) is not None
        ):
            return adds, one.line.frame
    return None


def _why(group: Sequence[Grown], size: int, blocks: int, capture: Capture) -> str:
    trend = group[0].trend
    last = capture.traces.moments[-1].label if capture.traces else "exit"
    when = f"at the {last}" if last.startswith("end") else "at the end"
    lead = f"It grew in each of the last {trend.intervals} intervals, {trend.share:.0%} of the run"
    return (
        f"{lead}, and never fell back: {format_bytes(size)} in {format_count(blocks)} blocks were still alive {when},"
        " not counting what awaits the collector."
    )


def _fix(where: str, found: tuple[Addition, Frame] | None) -> str:
    """What to look at: lines tell what was made there, not what keeps it, so a container is a guess and said as one."""
    look = f"Look for what keeps the objects made at {where}: something that lasts refers to each of them."
    if found is None:
        return look
    adds, frame = found
    return f"{look} {os.path.basename(frame.file)}:{frame.line} adds to {adds.owner}; if that is it, {adds.idiom}."
