"""What grew between two captures, or two sets of runs: by line or type, and by holder, resource and finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from memdiag.analysis.diff import findings, lines, populations
from memdiag.analysis.diff.places import moved
from memdiag.analysis.diff.rows import rows, rows_of_pairs
from memdiag.analysis.diff.sides import Side
from memdiag.analysis.diff.ways import stack_growth
from memdiag.analysis.lines import shown_frame
from memdiag.analysis.origin import is_library
from memdiag.errors import UnreadableInput
from memdiag.model import Capture, Finding, Report, Row, RunVerdict
from memdiag.units import counted, format_bytes

_SAME_BYTES = 512  # a line or type that moved by less is the same
_MUCH = 0.05  # of what it was: a holder, or a resource, of a single run that moved by less is the same
_LEAST_HELD = 1024
_LEAST_RESIDENT = 1 << 20
_WAYS = 200  # stacks that grew most, among which the rows find their callers
_EXPLAINED = 40  # rows that are told by which way they were reached

Sides = tuple[Side, Side]


def compare(before: Capture, after: Capture, names: tuple[str, str]) -> Report:
    """Rows ranked by growth. Raises UnreadableInput where the two have nothing to compare."""
    return compare_sides(Side(names[0], (before,)), Side(names[1], (after,)))


def compare_sides(before: Side, after: Side) -> Report:
    """The same of several runs a side; the spread between those of one tells noise from change."""
    directory = after.captures[-1].target.directory
    placed = tuple(moved(capture, directory) for capture in before.captures)
    sides = replace(before, captures=placed), after
    found = _primary(sides)
    kinds = populations.Multitude(populations.by_type(sides[0].runs), populations.by_type(sides[1].runs))
    changes = _secondary(sides, found, kinds)
    one_run = bool(after.file) and before.file == after.file and after.whole is not None
    one_run = one_run and after.runs[-1].command != "file"
    told = findings.within(after, changes) if one_run else findings.compared(*sides, kinds)
    total = sum(row.growth_bytes for row in found if not row.noise)
    return Report(
        command="diff",
        verdict=_verdict(found, told.findings, total),
        headline=_headline(before.name, after.name, total if found else None, told.rows),
        target=after.runs[-1].target,
        findings=told.findings,
        rows=tuple(found),
        changes=(*changes, *told.rows),
        unjudged=told.unjudged,
        tracer=after.runs[-1].tracer,
        notes=_notes(sides, told.unjudged),
        before=before.name,
        after=after.name,
        before_runs=len(before.runs),
        after_runs=len(after.runs),
    )


def _headline(before: str, after: str, total: int | None, finding_rows: Sequence[Row]) -> str:
    """By the memory; where that was not looked at, as of cycles, by the findings."""
    if total is None and finding_rows:
        statuses = [row.status for row in finding_rows if row.status != "same"]
        told = [f"{counted(statuses.count(status), 'finding')} {status}" for status in dict.fromkeys(statuses)]
        return f"{after} against {before}: {', '.join(told) or 'the same findings'}"
    if not total:
        return f"{after} holds as much as {before}"
    return f"{after} holds {format_bytes(abs(total))} {'more' if total > 0 else 'less'} than {before}"


def _notes(sides: Sides, unjudged: str) -> tuple[str, ...]:
    notes = [note for side in sides for run in side.runs for note in run.notes]
    early = [side for side in sides if side.whole is not None and side.whole.heap is not None]
    if any(side.captures[0].heap != side.whole.heap for side in early if side.whole is not None):
        notes.append("before the last moment of a run, what a holder retains is reckoned from how many items it had")
    cut = [side.name for side in sides if any(map(_has_no_end, side.captures))]
    if cut:
        notes.append(f"the end of the work was not seen in {' and '.join(cut)}: growth may be how far each had come")
    if unjudged and not any(run.command == "file" for side in sides for run in side.runs):
        notes.append(f"findings may be missing: {unjudged}")
    return tuple(dict.fromkeys(notes))


def _has_no_end(run: Capture) -> bool:
    """Killed, or left by os._exit: its last snapshot is of any moment."""
    return run.command == "run" and run.heap is not None and run.end_s is None


def _verdict(found: Sequence[Row], changed: Sequence[Finding], total: int) -> RunVerdict:
    worse = [one for one in changed if one.status in ("new", "worse")]
    if any(one.verdict == "leak" for one in worse):
        return "leak"
    grown = total > 0 and any(row.status in ("new", "worse") for row in found)
    return "suspect" if worse or grown else "clean"


# --- the memory, once ---------------------------------------------------------------------------------------


def _primary(sides: Sides) -> list[Row]:
    """By type where a side has heap snapshots and no traces, else by line."""
    if all(_has_cycles_only(run) for side in sides for run in side.runs):
        return []
    bare = [side for side in sides if any(run.traces is None and _has_types(run) for run in side.runs)]
    if not bare:
        return _by_line(sides)
    for side in sides:
        if not all(map(_has_types, side.runs)):
            problem = f"{side.name} holds no heap snapshot, and {bare[0].name} nothing else: they do not compare"
            raise UnreadableInput(problem, "record both with the same --tracer")
    return _by_type(sides)


def _has_types(run: Capture) -> bool:
    return run.heap is not None and bool(run.heap.types)


def _has_cycles_only(run: Capture) -> bool:
    return run.command == "cycles" and run.traces is None and run.heap is None


def _by_type(sides: Sides) -> list[Row]:
    entries = populations.by_type(sides[0].runs), populations.by_type(sides[1].runs)
    return rows("type", sides, entries, lambda _: _SAME_BYTES)


def _by_line(sides: Sides) -> list[Row]:
    for side in sides:
        for run in side.runs:
            if run.traces is None or (len(run.traces.stacks) and not run.traces.moments):
                raise UnreadableInput(
                    f"{side.name} holds no allocations", "record it with --tracer tracemalloc or memray"
                )
    _check_tracers(sides)
    old, new = (lines.by_line(side.runs) for side in sides)
    found = rows_of_pairs("site", sides, (old, new), lines.matched(old, new), lambda _: _SAME_BYTES)
    return _with_ways(found, sides)


def _check_tracers(sides: Sides) -> None:
    """memray sees every allocator, tracemalloc Python's alone: their bytes do not compare."""
    tracers = [{run.traces.tracer for run in side.runs if run.traces is not None} for side in sides]
    if len(tracers[0] | tracers[1]) > 1:
        words = [
            f"{side.name} was traced by {' and '.join(sorted(of))}" for side, of in zip(sides, tracers, strict=True)
        ]
        raise UnreadableInput(
            f"{words[0]}, {words[1]}: their figures do not compare", "record both with the same --tracer"
        )


def _with_ways(found: list[Row], sides: Sides) -> list[Row]:
    """The rows that grew most say by which of their callers most of it came."""
    before, after = sides[0].runs[-1].traces, sides[1].runs[-1].traces
    if before is None or after is None or not before.moments or not after.moments:
        return found
    ways: dict[tuple[str, int], str] = {}
    for stack, size, _ in stack_growth(before, after).largest(_WAYS):
        line = shown_frame(stack)
        callers = [frame for frame in stack[stack.index(line) + 1 :] if not is_library(frame.file)] if stack else []
        if size > 0 and callers:
            ways.setdefault((line.file, line.line), f"{callers[0].file.rpartition('/')[2]}:{callers[0].line}")
    return [_with_way(row, ways) if at < _EXPLAINED else row for at, row in enumerate(found)]


def _with_way(row: Row, ways: dict[tuple[str, int], str]) -> Row:
    way = ways.get((row.site.file, row.site.line))
    if way is None or row.status not in ("new", "worse"):
        return row
    return replace(row, evidence=f"{row.evidence}; most of it by way of {way}")


# --- the same in other words, and what is not memory ----------------------------------------------------------


def _secondary(sides: Sides, primary: Sequence[Row], kinds: populations.Multitude) -> list[Row]:
    found: list[Row] = []
    if all(run.heap is not None for side in sides for run in side.runs):
        holders = populations.by_holder(sides[0].runs), populations.by_holder(sides[1].runs)
        held = rows("holder", sides, holders, lambda before: max(_LEAST_HELD, _MUCH * before))
        found += [_checked(row, kinds) for row in held]
        if primary and primary[0].kind == "site" and all(_has_types(run) for side in sides for run in side.runs):
            found += _by_type(sides)
    return found + _resources(sides)


def _checked(row: Row, kinds: populations.Multitude) -> Row:
    """A holder that one side alone tells of may have been there on the other, and full."""
    if row.status not in ("new", "gone") or not kinds.stayed(row.type, row.growth_blocks):
        return row
    words = f"there are about as many {row.type} on both sides: it merely did not grow on one of them"
    return replace(row, status="same", evidence=words, noise=True)


def _resources(sides: Sides) -> list[Row]:
    """Of what both sides have measured."""
    old, new = (populations.by_resource(side.runs) for side in sides)
    floors: dict[str, Callable[[int], float]] = {
        populations.RESIDENT: lambda before: max(_LEAST_RESIDENT, _MUCH * before)
    }
    found: list[Row] = []
    for key in old.keys() & new.keys():
        floor = floors.get(str(key[0]), lambda _: 1)
        found += rows("resource", sides, ({key: old[key]}, {key: new[key]}), floor)
    return sorted(found, key=lambda row: (row.status == "same", -row.growth_blocks, -row.growth_bytes, row.name))
