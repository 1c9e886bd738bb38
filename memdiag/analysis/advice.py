"""Title, why and fix of a finding: the evidence first, and nothing that was not seen in the heap or in the source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from memdiag.analysis.case import Case
from memdiag.analysis.owner import ELSEWHERE, RESULT, SKIPPED, UNCALLED, limit_of
from memdiag.analysis.remedies import remedy
from memdiag.model import Population, Touch, Verdict
from memdiag.units import counted, format_bytes, format_count

TITLE = 100  # characters
_LONG_ENOUGH_S = 20.0  # of a run, for a rate by the hour to mean anything
_SOURCE = 60  # characters of a quoted line


@dataclass(frozen=True)
class Told:
    """What the texts are made from; ``reason`` is what decided the verdict."""

    case: Case
    verdict: Verdict
    reason: str
    pattern: str
    traced: bool = False  # whether a tracer saw allocations at any time
    duration_s: float = 0.0

    @property
    def population(self) -> Population:
        return self.case.population

    @property
    def name(self) -> str:
        """As its owner's source has it, else as it was reached."""
        if self.pattern == "default argument":
            return f"{self.population.owner}(), a default argument of it,"
        return self.population.owner or self.population.path

    @property
    def many(self) -> str:
        """``3,999 Message``: types are names, and have no plural."""
        return f"{format_count(self.case.counts[-1])} {self.population.item_type or 'items'}"

    @property
    def size(self) -> str:
        size = self.population.retained_bytes or self.case.bytes[-1]
        return format_bytes(size) if size > 0 else ""


def at(touch: Touch) -> str:
    return f"{os.path.basename(touch.file)}:{touch.line}"


def quoted(touch: Touch) -> str:
    """``app.py:44 `self.history.append(turn)` ``"""
    text = touch.text if len(touch.text) <= _SOURCE else touch.text[: _SOURCE - 3] + "..."
    return f"{at(touch)} `{text}`" if text else at(touch)


# --- title ----------------------------------------------------------------------------------------------------


def title(told: Told) -> str:
    """One line of at most 100 characters: what, how much, and what sets it apart."""
    swells = told.case.by_bytes and told.case.gained == 0  # its title has the sizes already
    sizes = [f", {told.size}" if told.size and not swells else "", ""]
    names = [told.name, told.name.rpartition(".<locals>.")[2], ".".join(told.name.split(".")[-2:])]
    names.append(told.name[: TITLE // 3])
    for name in names:
        for size in sizes:
            for text in (_headline(told, name), _short(told, name)):
                if len(text + size) <= TITLE:
                    return text + size
    return _short(told, names[-1])[: TITLE - 3] + "..."


def _headline(told: Told, name: str) -> str:
    one, kind = told.case, told.population.item_type or "item"
    count, first = format_count(one.counts[-1]), format_count(one.counts[0])
    if told.verdict == "bounded":
        return f"{name} is bounded{_limit_words(told)}: {told.many}"
    if told.population.kind == "class":
        return f"{name}: {count} classes named {kind}, {first} at first"
    if told.population.kind == "chain" and told.verdict != "info":
        return f"{name} is a chain that lengthens: from {first} to {count} {kind}"
    if one.by_bytes and one.gained == 0:
        return f"{name} swells: {format_bytes(one.bytes[0])} at first, {format_bytes(one.bytes[-1])} at the end"
    if told.verdict == "leak" and told.population.pattern == "exception":
        return f"{name} keeps exceptions with their frames: {told.many} so far"
    if told.reason == "never removed":
        return f"{name} only ever grows, nothing removes any: {count} {kind} so far"
    if told.reason == "uncalled":
        return f"{name} gains {kind} and what removes them is never called: {count} so far"
    if told.verdict == "info":
        return f"{name} grew to {told.many}{_INFO.get(told.reason, '')}"
    return _short(told, name)


def _short(told: Told, name: str) -> str:
    first = format_count(told.case.counts[0])
    if told.verdict == "bounded":
        return f"{name} is bounded: {told.many}"
    return f"{name} keeps growing: {first} to {told.many}"


_INFO = {
    "step": " at once",
    "result": ", the program's result",
    "library": ", a library's own",
    "short life": " in the last part of the run",
    "structure": ", in a tree",
}


def _limit_words(told: Told) -> str:
    limit = told.population.limit
    if limit is None:
        limit = next((found for touch in told.case.bounds if (found := limit_of(touch)) is not None), None)
    return f" by {format_count(limit)}" if limit is not None else ""


# --- why ------------------------------------------------------------------------------------------------------


def why(told: Told) -> str:
    """The evidence: what was counted, what holds it, what adds and what removes, what it costs."""
    return " ".join(filter(None, [_counted(told), grounds(told), _cost(told)]))


def grounds(told: Told) -> str:
    """What holds it, what adds and what removes, and why that makes the verdict."""
    return " ".join(filter(None, [_held(told), _source(told), _reason(told)]))


def _counted(told: Told) -> str:
    one = told.case
    over = f"over {counted(len(one.counts), 'heap snapshot')}"
    if one.by_bytes:
        what = f"Its size went from {format_bytes(one.bytes[0])} to {format_bytes(one.bytes[-1])} {over}"
    else:
        kind = told.population.item_type or "items"
        what = f"{kind}: from {format_count(one.counts[0])} to {format_count(one.counts[-1])} {over}"
    if one.is_steady:
        part = "the whole time" if one.trend.share > 0.99 else f"{one.trend.share:.0%} of the time"
        what += f", more in each of the last {one.trend.intervals} intervals ({part})"
    return f"{what}."


def _held(told: Told) -> str:
    population = told.population
    said = f"Held by {population.path}" if population.path != told.name else ""
    if told.population.pattern == "exception":  # as the heap has it, not as names suggest
        frames = "exception -> traceback -> frame -> locals"
        said = f"{said or 'They are held'}: {frames}, so each keeps what its functions had in hand"
    if not population.others:
        return f"{said}." if said else ""
    others = _listed(population.others)
    return f"{said}. " * bool(said) + f"Also held by {others}: cutting one of these references alone frees nothing."


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = list(names[:most]) + ([f"{len(names) - most} more"] if len(names) > most else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _source(told: Told) -> str:
    """What the source was seen to do; nothing is said of a source that was not read."""
    one, population = told.case, told.population
    parts = []
    if one.adds:
        parts.append(f"added at {' and '.join(quoted(add) for add in one.adds[:2])}")
    elif population.source.created:
        made = population.source.created[0]
        parts.append(f"made at {quoted(made)}")
    if one.adds and told.verdict in ("leak", "suspect"):
        parts.append(_removals(one))
    sentence = ", ".join(parts)
    if not sentence:
        return _unread(told)
    inferred = "" if told.population.sites else _inferred(told)
    return f"{sentence[0].upper()}{sentence[1:]}.{inferred}"


def _removals(one: Case) -> str:
    if one.broken_bound is not None:
        return f"bounded at {quoted(one.broken_bound)}, which it has outgrown"
    if one.unset_bound is not None:
        return f"bounded at {quoted(one.unset_bound)}, but no limit is set: it is None"
    if not one.removes:
        files = dict.fromkeys(os.path.basename(add.file) for add in one.adds)
        return f"and nothing in {' or '.join(list(files)[:2])} removes any"
    reached = one.reached_removes
    if not reached:
        return f"removed only at {quoted(one.removes[0])} {_in_function(one.removes[0])}"
    if one.skipped is not None:
        return f"removed at {quoted(one.skipped)}, {SKIPPED}"
    suffix = f" {_in_function(reached[0])}" if ELSEWHERE in reached[0].how else ", which does not keep up"
    return f"removed at {quoted(reached[0])}{suffix}"


def _in_function(touch: Touch) -> str:
    """``in close(), which nothing in this file calls``: as the source reading has it."""
    return "in " + touch.how.partition(", in ")[2] if UNCALLED in touch.how or ELSEWHERE in touch.how else ""


def _unread(told: Told) -> str:
    if told.verdict not in ("leak", "suspect") or not told.population.attribute:
        return ""
    if told.population.source.read:
        return "The file that defines it was seen to add nothing: what adds to it is elsewhere."
    return "The source that adds to it could not be read."


def _inferred(told: Told) -> str:
    if told.verdict not in ("leak", "suspect") or not told.case.adds:
        return ""
    seen = "no tracer saw these being made" if told.traced else "allocations were not traced"
    return f" The line is inferred from the source, as {seen}."


def _reason(told: Told) -> str:
    one = told.case
    if told.reason in ("limit", "bound"):
        where = f" at {quoted(one.bounds[0])}" if told.reason == "bound" else ""
        limit = told.population.limit
        full = "" if limit is None else " and full" if one.counts[-1] >= limit else " and still filling"
        return f"It is bounded{_limit_words(told)}{where}{full}."
    if told.reason == "eviction":
        return f"Adding leads to {quoted(one.bounds[0])}, which lets go of items once its condition comes."
    if told.reason == "result":
        assert one.result is not None
        how = one.result.how.removeprefix(RESULT)
        return f"All of it is {how} at {at(one.result)}, once it is full: what the program is for."
    return _REASONS.get(told.reason, "")


_REASONS = {
    "levelled": "It grew and then levelled off.",
    "step": "It came at once and did not grow afterwards: something that is loaded, not something that leaks.",
    "library": "No code of the program's own holds it.",
    "slowing": "It grows ever more slowly, so it may be about to level off.",
    "uneven": "It grew from each snapshot to the next, though not evenly: a longer run would tell for sure.",
    "short life": "It was there for only a part of the run: too short to tell a leak from a piece of work.",
    "local": "It is a variable of a function that still runs: it may be what that function is to return.",
    "result name": "Its name says that it may be the program's result: what cannot be told from a leak.",
    "structure": "It is a tree, and no line is seen to add to it: what a program builds cannot be told from a leak.",
    "removes": "A removal exists whose condition may yet come, or that does not reach all of them.",
    "in vain": "What is to let go of items was at work between the snapshots, and let go of none.",
    "in passing": "No name holds it: it may be what an expression that is being worked out has come to so far.",
    "unseen": "No line is seen to add to it, and it is little, or how it went at the end was not seen.",
    "unset": "What would bound it is there, and not in use.",
    "late": "It began late, and went on from then to the end.",
    "falls": "Some are taken away again, though not by what was read, and fewer than come.",
    "error path": "Those that are left are the ones whose removal was skipped.",
    "few intervals": "More snapshots would tell for sure.",
}


def _cost(told: Told) -> str:
    """What fixing it gives back; by the hour where the run was long enough to say so."""
    one = told.case
    if told.verdict not in ("leak", "suspect") or told.population.others or told.population.retained_bytes <= 0:
        return ""
    so_far = f"Fixing this gives back {format_bytes(told.population.retained_bytes)} so far"
    if one.per_second <= 0:
        return f"{so_far}."
    if max(one.span_s, told.duration_s) >= _LONG_ENOUGH_S:
        return f"{so_far}, {format_bytes(round(one.per_second * 3600))} per hour at this rate."
    return f"{so_far}, {format_bytes(round(one.per_second))} per second at this rate."


# --- fix ------------------------------------------------------------------------------------------------------


def fix(told: Told) -> str:
    """What to change, naming the line or attribute; empty where nothing is wrong."""
    if told.verdict in ("bounded", "info"):
        return ""
    where = at(told.case.adds[0]) if told.case.adds else ""
    unreached = next((touch for touch in told.case.removes if UNCALLED in touch.how), None)
    if unreached is not None and not told.case.reached_removes:
        done = unreached.function.rpartition(".")[2]
        return f"Call {done}() ({at(unreached)}) for what is done with. Or: {remedy(told.case, told.pattern, where)}"
    if told.reason == "unset" and told.case.unset_bound is not None:
        return f"Set the limit that {at(told.case.unset_bound)} compares with: it is None, so nothing is let go of."
    if told.reason == "in vain":
        sweep = told.case.bounds[0]
        return f"See what {quoted(sweep)} waits for: its condition holds for none of them."
    if told.reason == "error path" and told.case.skipped is not None:
        return (
            f"Put the removal at {at(told.case.skipped)} into a finally block, so that it happens whatever is raised."
        )
    return remedy(told.case, told.pattern, where)
