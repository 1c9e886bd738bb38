"""Instances of the program's own classes that grow in number to the end, though no holder of theirs was found.

Native code may hold them, or many objects of which none holds many: worth a line, and no verdict.
"""

from __future__ import annotations

from memdiag.analysis.case import LEAST_ITEMS
from memdiag.analysis.fingerprint import fingerprint
from memdiag.analysis.series import judge
from memdiag.model import Finding, Growing, HeapEvidence, TypeSeries, Verdict
from memdiag.units import counted, format_bytes, format_count

_SHARE = 0.9  # of those that came, which must not be accounted for
_MOST = 3


def findings(evidence: HeapEvidence) -> list[Finding]:
    """The most numerous first; none of what a population has, or of what awaits the collector."""
    times = [moment.t_s for moment in evidence.moments]
    work = [moment.worked_s for moment in evidence.moments]
    told = {population.item_type for population in evidence.populations}
    waiting = dict(evidence.garbage_types)
    grown = [
        one
        for one in evidence.types
        if one.own
        and one.name.rpartition(".")[2] not in told
        and waiting.get(one.name, 0) <= (1 - _SHARE) * (one.counts[-1] - one.counts[0])
        and judge(times, one.counts, LEAST_ITEMS, work).shape == "steady"
    ]
    return [_finding(one) for one in sorted(grown, key=lambda one: (-one.counts[-1], one.name))[:_MOST]]


def _finding(one: TypeSeries) -> Finding:
    name = one.name.rpartition(".")[2]
    first, last = format_count(one.counts[0]), format_count(one.counts[-1])
    over = f"over {counted(len(one.counts), 'heap snapshot')}"
    return unheld(
        one,
        ("info", 0.4),
        title=f"there are more and more {name}, and what holds them was not found: {first} to {last}",
        why=f"{name}: from {first} to {last} {over}, {format_bytes(one.sizes[-1])} at the end without what they hold."
        " No single object was seen to gain them.",
        growing=Growing(name, one.counts, one.sizes),
    )


def unheld(one: TypeSeries, judged: tuple[Verdict, float], *, title: str, why: str, growing: Growing) -> Finding:
    """A finding on a type alone; ``judged`` are the verdict and how sure it is."""
    verdict, confidence = judged
    return Finding(
        id=fingerprint("unheld", one.name),
        kind="growth",
        pattern="",
        rule="MEM-005",
        verdict=verdict,
        confidence=confidence,
        title=title,
        why=why,
        fix="",
        growing=growing,
    )
