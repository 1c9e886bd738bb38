"""The figures that a gate can be about: their names, units, where they exist, and what they are in a report.

A figure that a report does not have is ``Missing``, with the reason: a gate must never pass for want of a measurement.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from memdiag.gate.packages import held, of_finding
from memdiag.model import CycleEvidence, Finding, Report, Row
from memdiag.units import counted, format_bytes, format_change, format_duration, format_share

Unit = Literal["share", "count", "size", "size or percent", "rate"]
COMMANDS = ("run", "cycles", "diff", "check")
FAILING = ("leak", "suspect")  # verdicts of a finding that is counted


@dataclass(frozen=True)
class Measured:
    """A figure of one report: shares 0 to 1, sizes in bytes; ``before`` is what a percentage of it is of."""

    value: float
    words: str
    where: str = ""
    before: int = 0


@dataclass(frozen=True)
class Missing:
    """A figure that a report does not have."""

    why: str


Answer = Measured | Missing


@dataclass(frozen=True)
class Figure:
    """``worse`` is the side on which the gate may fail; ``package``: whether it is of one package."""

    name: str
    unit: Unit
    worse: Literal[">", "<"]
    commands: tuple[str, ...]
    measure: Callable[[Report, str], Answer]
    package: Literal["never", "may be", "must be"] = "never"

    def exists_for(self, command: str) -> bool:
        """Whether reports of the command can have it; of one that is not known here, the report itself will tell."""
        return command not in COMMANDS or command in self.commands


# --- growth and memory ----------------------------------------------------------------------------------------


def _growth(report: Report, package: str) -> Answer:
    """Net growth: the sum over *all* rows, shrinking ones included, but those that runs of one side differ by as well.

    Of a package, see ``packages``.
    """
    if package:
        return _of_package(report, package, grown=True)
    if report.command != "diff" and report.tracer in ("none", "auto") and not report.rows:
        return Missing("no heap snapshot, and nothing was traced")
    before = sum(row.before_bytes for row in report.rows)
    growth = sum(row.growth_bytes for row in report.rows if not row.noise)
    return Measured(growth, growth_in_words(growth, before), _largest(report.rows), before)


def growth_in_words(growth: int, before: int) -> str:
    share = format_change(growth / before) if before else "from nothing"
    return f"grew by {format_bytes(growth)} ({share})"


def _largest(rows: tuple[Row, ...]) -> str:
    largest = max((row for row in rows if not row.noise), key=lambda row: row.growth_bytes, default=None)
    return "" if largest is None else largest.type or f"{largest.site.file}:{largest.site.line}"


def _retained(report: Report, package: str) -> Answer:
    return _of_package(report, package, grown=False)


def _of_package(report: Report, package: str, *, grown: bool) -> Answer:
    found = held(report, package)
    if found is None:
        return Missing("no heap snapshot, and nothing was traced")
    where = f"the largest part: {found.where}" if found.where else ""
    if grown:
        words = f"{package} {growth_in_words(found.growth_bytes, found.before_bytes)}"
        return Measured(found.growth_bytes, words, where, found.before_bytes)
    return Measured(found.after_bytes, f"{package} holds {format_bytes(found.after_bytes)}", where)


def _peak(report: Report, _: str) -> Answer:
    """The largest resident set, without what the probe's own work added to it."""
    sizes = [(one.rss_bytes - (one.probe_bytes or 0), one.t_s) for one in report.samples if one.rss_bytes is not None]
    if not sizes:
        return Missing("the resident set was never seen")
    size, at = max(sizes)
    return Measured(size, f"the resident set was {format_bytes(size)}", f"after {format_duration(at)}")


def _growth_per_operation(report: Report, _: str) -> Answer:
    """What one call adds to the heap: the median over the rounds, which a cache that fills in one does not move."""
    rounds = report.rounds
    if rounds is None or len(rounds.calls) < 2:
        return Missing("no round was recorded")
    steps = zip(rounds.calls, rounds.calls[1:], rounds.heap_bytes, rounds.heap_bytes[1:], strict=False)
    rates = [(after - before) / (made - done) for done, made, before, after in steps if made > done]
    if not rates:
        return Missing("no call was made")
    rate = statistics.median(rates)
    words = f"the heap grew by {format_bytes(round(rate))} per call (the median of {counted(len(rates), 'round')})"
    return Measured(rate, words, _titles(list(report.findings[:1])))


# --- findings -------------------------------------------------------------------------------------------------


def _failing(report: Report, package: str = "") -> list[Finding]:
    """Leaks and suspects that are neither known nor ignored; of the package, where one is named."""
    found = [one for one in report.findings if one.verdict in FAILING and one.is_new]
    return [one for one in found if not package or of_finding(one, package, report.target)]


def _findings(report: Report, package: str) -> Answer:
    found = _failing(report, package)
    be = "is" if len(found) == 1 else "are"
    return Measured(len(found), f"there {be} {_of(found, package)}", _titles(found))


def _new_findings(report: Report, package: str) -> Answer:
    """Of a diff, those that the side before has not."""
    if report.command == "diff":
        if report.unjudged:
            return Missing(report.unjudged)
        found = [one for one in _failing(report, package) if one.status == "new"]
        return Measured(len(found), f"{_of(found, package)} not in {report.before}", _titles(found))
    if report.baseline is None:
        return Missing("there was no baseline to tell what is new")
    found = _failing(report, package)
    return Measured(len(found), f"{_of(found, package)} not in {report.baseline.name}", _titles(found))


def _of(findings: list[Finding], package: str) -> str:
    return counted(len(findings), "finding") + (f" of {package}" if package else "")


def _titles(findings: list[Finding]) -> str:
    if not findings:
        return ""
    more = len(findings) - 1
    return findings[0].title + (f"; and {counted(more, 'more finding')}" if more else "")


# --- cycles ---------------------------------------------------------------------------------------------------


def _of_cycles(measure: Callable[[CycleEvidence], Answer]) -> Callable[[Report, str], Answer]:
    def of_report(report: Report, _: str) -> Answer:
        if report.survival is None:
            return Missing("the heap was not looked at, as the run was cut short")
        return measure(report.survival)

    return of_report


def _survival_rate(seen: CycleEvidence) -> Answer:
    return Measured(
        seen.survival_rate, f"{_survivors(seen)} ({format_share(seen.survival_rate)})", _surviving_where(seen)
    )


def _surviving(seen: CycleEvidence) -> Answer:
    return Measured(seen.surviving, _survivors(seen), _surviving_where(seen))


def _survivors(seen: CycleEvidence) -> str:
    return f"{seen.surviving:,} of {counted(seen.created, 'object')} made in cycles survive"


def _surviving_where(seen: CycleEvidence) -> str:
    """The largest cluster of the program's own that survives, and what keeps it."""
    alive = [one for one in seen.clusters if one.own and one.state in ("reachable", "uncollectable")]
    if not alive or not seen.surviving:
        return ""
    most = max(alive, key=lambda one: one.objects)
    held = f", held by {most.holder}" if most.holder else ""
    return f"{counted(most.objects, 'object')} in cycles of {', '.join(dict.fromkeys(most.shape))}{held}"


def _gc_effectiveness(seen: CycleEvidence) -> Answer:
    words = f"the collector reclaimed {format_share(seen.gc_effectiveness)} of what was made in cycles"
    return Measured(seen.gc_effectiveness, words, _surviving_where(seen))


def _passes_needed(seen: CycleEvidence) -> Answer:
    last = [one for one in seen.passes if one.number == seen.passes_needed]
    freed = f"pass {last[0].number} still freed {counted(last[0].freed_objects, 'object')}" if last else ""
    return Measured(seen.passes_needed, f"{counted(seen.passes_needed, 'pass', 'passes')} needed", freed)


def _uncollectable(seen: CycleEvidence) -> Answer:
    types = ", ".join(f"{count:,} {name}" for name, count in seen.uncollectable_types[:3])
    return Measured(seen.uncollectable, f"{counted(seen.uncollectable, 'object')} in gc.garbage", types)


def _cleanup_effectiveness(seen: CycleEvidence) -> Answer:
    if seen.created == seen.reclaimed_before:
        return Measured(1.0, "there was nothing left to give back")
    if seen.cleanup_effectiveness is None:
        return Missing("what the passes gave back is not known")
    words = f"the passes gave back {format_share(seen.cleanup_effectiveness)} of the bytes that cycles kept"
    return Measured(seen.cleanup_effectiveness, words, _surviving_where(seen))


def _growth_under_load(seen: CycleEvidence) -> Answer:
    if seen.growth_under_load_bytes is None:
        return Missing("the resident set at the beginning, or at its highest, is not known")
    return Measured(seen.growth_under_load_bytes, f"grew by {format_bytes(seen.growth_under_load_bytes)} under load")


_ALL = (
    Figure("growth", "size or percent", ">", ("run", "diff", "check"), _growth, "may be"),
    Figure("retained", "size", ">", ("run", "diff", "check"), _retained, "must be"),
    Figure("peak", "size", ">", ("run", "cycles"), _peak),
    Figure("growth_per_operation", "rate", ">", ("check",), _growth_per_operation),
    Figure("findings", "count", ">", ("run", "cycles", "check"), _findings, "may be"),
    Figure("new_findings", "count", ">", ("run", "cycles", "check", "diff"), _new_findings, "may be"),
    Figure("survival_rate", "share", ">", ("cycles",), _of_cycles(_survival_rate)),
    Figure("surviving", "count", ">", ("cycles",), _of_cycles(_surviving)),
    Figure("gc_effectiveness", "share", "<", ("cycles",), _of_cycles(_gc_effectiveness)),
    Figure("passes_needed", "count", ">", ("cycles",), _of_cycles(_passes_needed)),
    Figure("uncollectable", "count", ">", ("cycles",), _of_cycles(_uncollectable)),
    Figure("cleanup_effectiveness", "share", "<", ("cycles",), _of_cycles(_cleanup_effectiveness)),
    Figure("growth_under_load", "size", ">", ("cycles",), _of_cycles(_growth_under_load)),
)
FIGURES = {one.name: one for one in _ALL}
