"""What ``memdiag check`` says: a callable that is repeated must come back to where it was.

All garbage is collected before each look, so what grows after every single round is kept by something; there is no
product of a program, no working set and no clock that could be meant instead. What grew in some rounds only is a cache
that filled, or a load that came once. All rates are per call.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from memdiag.analysis import advice, judgement, types
from memdiag.analysis.case import Case, weighed
from memdiag.analysis.judgement import Judgement
from memdiag.analysis.series import Trend
from memdiag.analysis.unheld import unheld
from memdiag.model import (
    Capture,
    Finding,
    Growing,
    HeapEvidence,
    Population,
    Report,
    Rounds,
    RunVerdict,
    TypeSeries,
    Verdict,
)
from memdiag.units import counted, format_bytes, format_count

_EVEN = 0.5  # of the fastest round's growth per call: slower ones may be on their way to a level
_SLOWER = 0.65  # what the last third of the rounds brought of what the first third did
_STEPS = 1  # rounds in which a buffer need not have been enlarged
_LEAST_UNHELD = 0.1  # objects a call that nothing is seen to hold


@dataclass(frozen=True)
class Growth:
    """How a figure grew: per call over all rounds, and by how much in each."""

    per_call: float
    even: bool  # about as much in every round
    slowing: bool

    @property
    def verdict(self) -> Verdict:
        return "suspect" if self.slowing and not self.even else "leak"


def diagnose_check(capture: Capture) -> Report:
    """What ``memdiag check`` says of a capture. What is held by native code alone, outside the heap, it cannot see."""
    evidence = capture.heap or HeapEvidence((), ())
    calls = tuple(round(moment.t_s) for moment in evidence.moments)
    found = _findings(evidence, calls) if len(calls) > 1 else []
    verdict = _verdict(found, calls)
    name = (capture.target.argv or ("the callable",))[0]
    return Report(
        command="check",
        verdict=verdict,
        headline=_headline(name, verdict, found, calls),
        target=capture.target,
        findings=tuple(found),
        rows=types.rows(evidence) if evidence.types else (),
        notes=capture.notes,
        tracer=capture.tracer,
        rounds=Rounds(calls, evidence.objects, evidence.heap_bytes),
    )


def _verdict(found: Sequence[Finding], calls: Sequence[int]) -> RunVerdict:
    verdicts = {finding.verdict for finding in found}
    if not verdicts & {"leak", "suspect"}:
        return "clean" if len(calls) > 1 else "inconclusive"
    return "leak" if "leak" in verdicts else "suspect"


def _headline(name: str, verdict: RunVerdict, found: Sequence[Finding], calls: Sequence[int]) -> str:
    if verdict == "inconclusive":
        return f"{name}: no heap snapshot was recorded"
    if verdict == "clean":
        over = f"over {counted(len(calls) - 1, 'round')} ({counted(calls[-1] - calls[0], 'call')})"
        what = f"all that kept growing {over} is bounded" if found else f"nothing kept growing {over}"
        return f"{name} leaks nothing: {what}"
    first = found[0]
    verb = "leaks" if verdict == "leak" else "may leak"
    holder = first.holder
    held = f": {holder.owner or holder.path} holds them" if holder else ", held by nothing that was found"
    if not first.growing.counts:
        held = f": {holder.owner or holder.path} swells" if holder else ""
    wrong = sum(finding.verdict in ("leak", "suspect") for finding in found)
    more = f" ({counted(wrong, 'finding')})" if wrong > 1 else ""
    return f"{name} {verb} {_gained(first)} per call{held}{more}"


# --- populations ----------------------------------------------------------------------------------------------


def _findings(evidence: HeapEvidence, calls: Sequence[int]) -> list[Finding]:
    judged = [pair for population in evidence.populations if (pair := _judged(population, evidence, calls)) is not None]
    found = [_finding(one, verdict, evidence, calls) for one, verdict in judgement.told_apart(judged)]
    return found or _unheld(evidence, calls)


def _judged(population: Population, evidence: HeapEvidence, calls: Sequence[int]) -> tuple[Case, Judgement] | None:
    """The verdict on what grew in every round; None for all else."""
    there = dataclasses.replace(population, counts=tuple(max(0, count) for count in population.counts))
    swells = there.kind == "object"
    values = there.sizes if swells else there.counts
    growth = growth_of(values, calls, _STEPS if swells else 0)
    if growth is None:
        return None
    trend = Trend("steady", values[-1] - values[0], growth.per_call, len(calls) - 1, 1.0)
    one = weighed(there, evidence, (0, len(calls)), trend, swells)
    return one, _judge(one, growth)


def growth_of(values: Sequence[int], calls: Sequence[int], pauses: int = 0) -> Growth | None:
    """How it grew, if it did so in every round but for ``pauses`` of them; ``calls`` until each moment."""
    rises = [after - before for before, after in pairwise(values)]
    if not rises or min(rises) < 0 or sum(rise == 0 for rise in rises) > pauses or sum(rises) <= 0:
        return None
    # What began with a handful of items is first counted when it has more: its first round tells too much.
    start = 1 if values[0] == 0 and len(rises) > 1 else 0
    spans = [after - before for before, after in pairwise(calls)][start:]
    rises = rises[start:]
    if min(spans) <= 0:  # a round of no calls: no capture of ours
        return None
    most = max(rise / span for rise, span in zip(rises, spans, strict=True))
    third = max(1, len(rises) // 3)
    early, late = (sum(part) for part in (rises[:third], rises[-third:]))
    return Growth(
        per_call=sum(rises) / sum(spans),
        even=all(rise + 1 >= _EVEN * most * span for rise, span in zip(rises, spans, strict=True)),
        slowing=late < _SLOWER * early and early - late > 2 * math.sqrt(early + late),  # else by chance
    )


def _judge(one: Case, growth: Growth) -> Judgement:
    if one.population.limit is not None:
        return Judgement("bounded", 0.95, "limit")
    if one.bounds and one.broken_bound is None and not one.evicts_in_vain:
        sure = any(not bound.how.startswith("evicts") for bound in one.bounds)
        return Judgement("bounded", 0.8 if sure else 0.6, "bound" if sure else "eviction")
    if one.evicts_in_vain:
        return Judgement("suspect", 0.7, "in vain")
    if growth.verdict == "suspect":
        return Judgement("suspect", 0.5, "slowing")
    if one.broken_bound is not None:
        return Judgement("leak", 0.8, "broken bound")
    if one.reached_removes:
        return Judgement("leak", 0.8, "error path" if one.skipped else "removes")
    sure = growth.even and not one.population.library
    return Judgement("leak", 0.95 if sure else 0.85, "uncalled" if one.removes else "never removed")


def _finding(one: Case, verdict: Judgement, evidence: HeapEvidence, calls: Sequence[int]) -> Finding:
    plain = judgement.finding(one, verdict, evidence, duration_s=0.0)
    growth = growth_of(one.bytes if one.by_bytes else one.counts, calls, _STEPS)
    rate = growth.per_call if growth is not None else 0.0
    told = advice.Told(one, verdict.verdict, verdict.reason, plain.pattern, traced=True)
    counts = () if one.by_bytes else one.counts
    growing = Growing(one.population.item_type, counts, one.bytes, per_operation=round(rate, 6))
    grown = dataclasses.replace(plain, growing=growing)
    return dataclasses.replace(
        grown,
        title=_title(told, _gained(grown)),
        why=f"{_counted(told, calls)} {advice.grounds(told)}".strip(),
    )


def _gained(finding: Finding) -> str:
    """``1.00 Quote (612 B)``, or bytes alone where there is not more of it."""
    growing = finding.growing
    rate = growing.per_operation or 0.0
    if not growing.counts:
        return format_bytes(round(rate))
    each = growing.bytes[-1] / growing.counts[-1] if growing.bytes and growing.counts[-1] else 0.0
    size = f" ({format_bytes(round(rate * each))})" if round(rate * each) else ""
    return f"{_precise(rate)} {growing.type or 'items'}{size}"


def _precise(rate: float) -> str:
    return f"{rate:,.2f}" if rate >= 0.095 else f"{rate:.2g}"


def _title(told: advice.Told, gained: str) -> str:
    if told.verdict == "bounded":
        return advice.title(told)
    names = [told.name, ".".join(told.name.split(".")[-2:]), told.name[: advice.TITLE // 3]]
    texts = [f"{name} gains {gained} per call" for name in names]
    return next((text for text in texts if len(text) <= advice.TITLE), texts[-1][: advice.TITLE])


def _counted(told: advice.Told, calls: Sequence[int]) -> str:
    one = told.case
    kind = told.population.item_type or "items"
    what = (
        f"Its size went from {format_bytes(one.bytes[0])} to {format_bytes(one.bytes[-1])}"
        if one.by_bytes
        else f"{kind}: from {format_count(one.counts[0])} to {format_count(one.counts[-1])}"
    )
    calls_made = counted(calls[-1] - calls[0], "call")
    return f"{what} over {calls_made}, more after each of {counted(len(calls) - 1, 'round')}, all garbage collected."


# --- what nothing is seen to hold -----------------------------------------------------------------------------


def _unheld(evidence: HeapEvidence, calls: Sequence[int]) -> list[Finding]:
    """The type that gains most, if the heap grew all along and nothing in it was found to hold what it gained."""
    if evidence.how == "paused":
        return []  # a walk in place adds something of its own: struct's cache of formats
    whole = growth_of(evidence.objects, calls)
    if whole is None or whole.per_call < _LEAST_UNHELD or whole.verdict != "leak":
        return []
    grown = [(growth, one) for one in evidence.types if (growth := growth_of(one.counts, calls)) is not None]
    if not grown:
        return []
    growth, most = max(grown, key=lambda pair: (pair[1].sizes[-1] - pair[1].sizes[0], pair[1].name))
    return [_unheld_finding(most, growth, calls)]


def _unheld_finding(one: TypeSeries, growth: Growth, calls: Sequence[int]) -> Finding:
    made = counted(calls[-1] - calls[0], "call")
    return unheld(
        one,
        ("leak", 0.6),
        title=f"the heap gains {_precise(growth.per_call)} {one.name} per call, and what holds them was not found",
        why=f"{one.name}: from {format_count(one.counts[0])} to {format_count(one.counts[-1])} over {made},"
        " more after each round, all garbage collected; no container that was found gained as much.",
        growing=Growing(one.name, one.counts, one.sizes, per_operation=round(growth.per_call, 6)),
    )
