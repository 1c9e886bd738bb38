"""The verdict on a run: what its findings mean, and whether there was enough to see one by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memdiag.analysis import series
from memdiag.analysis.case import FEWEST_MOMENTS, LARGE_BYTES, case, life, weighed
from memdiag.analysis.judgement import ONE_OFF_BYTES, SOME_LIFE
from memdiag.analysis.series import Trend
from memdiag.model import Finding, HeapEvidence, Moment, Population, RunVerdict
from memdiag.units import counted, format_bytes


@dataclass(frozen=True)
class RunJudgement:
    """The verdict on the run as a whole; ``words`` say what is missing where it is inconclusive."""

    verdict: RunVerdict
    words: str = ""


def verdict_of(found: Sequence[Finding], evidence: HeapEvidence) -> RunJudgement:
    """What the findings mean for the run; without any, whether there was enough to see one by."""
    verdicts = {finding.verdict for finding in found}
    if "leak" in verdicts:
        return RunJudgement("leak")
    if "suspect" in verdicts:
        return RunJudgement("suspect")
    missing = _missing(evidence) or _unsure(evidence)
    return RunJudgement("inconclusive", missing) if missing else RunJudgement("clean")


def _missing(evidence: HeapEvidence) -> str:
    moments = evidence.moments
    seen = counted(len(moments), "heap snapshot")
    if len(moments) <= FEWEST_MOMENTS:
        return f"too little to judge by ({seen}): let it run longer, or do more of the same work"
    if not _are_spread(moments):
        return f"the {seen} lie too close together to judge by: let it run longer, or take them further apart"
    return ""


def _unsure(evidence: HeapEvidence) -> str:
    """That something large of the program's grew up to the end, and was seen too seldom to tell how."""
    for one in evidence.populations:
        begin, end = life(one.counts)
        seen = (one.sizes if one.kind == "object" else one.counts)[begin:end]
        if not seen or one.library or end < len(one.counts):
            continue
        most = 2 * (seen[-1] - (seen[0] if begin == 0 else 0)) > seen[-1]
        if not most or not _grew_to_the_end(seen, evidence.moments[begin:end]):
            continue
        if one.branching and not one.source.adds and one.retained_bytes >= LARGE_BYTES:
            size = format_bytes(one.retained_bytes)
            return f"{one.owner or one.path}, a tree, grew to {size}, and what adds to it was not found: is it in use?"
        large = one.retained_bytes >= ONE_OFF_BYTES and not _are_spread(evidence.moments[begin:end])
        if large or _is_open(one, evidence, (begin, end)):
            seldom = f"and was seen too seldom to judge by ({counted(len(seen), 'heap snapshot')})"
            return f"{one.owner or one.path} grew to {format_bytes(one.retained_bytes)}, {seldom}: let it run longer"
    return ""


def _grew_to_the_end(counts: Sequence[int], moments: Sequence[Moment]) -> bool:
    """Whether there is more than ever before; that it was as much right before the end is no level."""
    before = [count for count, moment in zip(counts, moments, strict=True) if _is_before(moment, moments)]
    return bool(before) and counts[-1] > max(before)


def _is_before(moment: Moment, moments: Sequence[Moment]) -> bool:
    """Whether it lies well before the last one, by every clock that runs."""
    for read in (_time, _work):
        first, last = read(moments[0]), read(moments[-1])
        if last > first and read(moment) >= last - series.LEVEL * (last - first):
            return False
    return moment is not moments[-1]


def _is_open(population: Population, evidence: HeapEvidence, span: tuple[int, int]) -> bool:
    """Whether it grew for long, too late or too unevenly to be judged, and nothing in its source ends that."""
    if population.retained_bytes < LARGE_BYTES or population.limit is not None:
        return False
    begin, end = span
    swells = population.kind == "object"
    one = case(population, evidence) or weighed(population, evidence, span, Trend("too short"), swells)
    unclear = one.trend.shape in ("too short", "unsteady") and not (one.slowing or one.fall or one.result)
    times = [moment.t_s for moment in evidence.moments]
    at_most = times[end - 1] - times[max(0, begin - 1)]  # it may have come right after it was not there yet
    long = at_most >= SOME_LIFE * (times[-1] - times[0])
    return unclear and long and one.is_read and not (one.bounds or one.removes)


def _are_spread(moments: Sequence[Moment]) -> bool:
    return any(series.is_spread([read(moment) for moment in moments]) for read in (_time, _work))


def _time(moment: Moment) -> float:
    return moment.t_s


def _work(moment: Moment) -> float:
    return moment.worked_s
