"""By finding: what one side is said to leak, and the other is not; known by fingerprints, which outlast a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from memdiag.analysis.diff.populations import Multitude
from memdiag.analysis.diff.sides import Side
from memdiag.analysis.repeats import report_of_run
from memdiag.model import Finding, Report, Row, RowStatus, Site
from memdiag.units import counted, format_bytes

_WRONG = ("leak", "suspect")
_MUCH = 0.1  # of what a finding came to before, by which it must have changed
_LEAST_BYTES = 4096
_LEAST_COUNT = 8
_ORDER = {"leak": 0, "suspect": 1, "bounded": 2, "info": 3}


@dataclass(frozen=True)
class _Seen:
    """One finding over the runs of a side: as the run that says the most tells it."""

    finding: Finding
    runs: int  # in which it is said to be wrong
    bytes: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Told:
    """The findings after, each with its status, the new ones first; and a row for each on either side.

    ``unjudged`` says why findings may be missing; empty where both sides could be judged.
    """

    findings: tuple[Finding, ...] = ()
    rows: tuple[Row, ...] = ()
    unjudged: str = ""


def compared(before: Side, after: Side, kinds: Multitude) -> Told:
    """Of a file of a tracer's nothing is found."""
    files = [side for side in (before, after) if any(run.command == "file" for run in side.runs)]
    if files:
        return Told(unjudged=f"{files[0].name} is no capture of memdiag's, and has no findings")
    reports = [[report_of_run(run) for run in side.runs] for side in (before, after)]
    old, new = map(_seen, reports)
    found, rows = [], []
    for key in dict.fromkeys([*new, *old]):
        row = _checked(_row(old.get(key), new.get(key), before, after), kinds)
        rows.append(row)
        if key in new and _is_wrong(new[key]):
            found.append(replace(new[key].finding, status=row.status))
    rank = {"new": 0, "worse": 1, "same": 2, "better": 3, "gone": 4}
    found.sort(key=lambda one: (rank[one.status or "same"], _ORDER[one.verdict], -_amount(one)[0]))
    rows.sort(key=lambda row: (rank[row.status], -row.growth_bytes, -row.growth_blocks, row.name))
    doubts = [_unjudged(side, told) for side, told in zip((before, after), reports, strict=True)]
    return Told(tuple(found), tuple(rows), "; ".join(filter(None, doubts)))


def within(side: Side, holders: Sequence[Row]) -> Told:
    """The findings of a whole run, by what became of their holders between two of its moments."""
    assert side.whole is not None
    became = {row.id: row for row in holders if row.kind == "holder"}
    report = report_of_run(side.whole)
    wrong = [one for one in report.findings if one.verdict in _WRONG and one.id in became]
    found = [replace(one, status=became[one.id].status) for one in wrong]
    rows = [replace(became[one.id], by="finding", name=one.title) for one in wrong]
    return Told(tuple(found), tuple(rows), _unjudged(side, [report]))


def _unjudged(side: Side, reports: Sequence[Report]) -> str:
    """That most runs of a side were too short to find anything in; empty where half of them were not."""
    short = sum(one.verdict == "inconclusive" for one in reports)
    if 2 * short <= len(reports):
        return ""
    share = f" in {short} of {counted(len(reports), side.unit)}" if len(reports) > 1 else ""
    return f"{side.name} is inconclusive{share}: let it run longer, or do more of the same work"


def _seen(reports: Sequence[Report]) -> dict[str, _Seen]:
    told: dict[str, list[Finding]] = {}
    for report in reports:
        for finding in {one.id: one for one in reversed(report.findings)}.values():
            told.setdefault(finding.id, []).append(finding)
    return {key: _gathered(found) for key, found in told.items()}


def _gathered(found: Sequence[Finding]) -> _Seen:
    worst = min(found, key=lambda one: (_ORDER[one.verdict], -one.confidence))
    amounts = [_amount(one) for one in found]
    wrong = sum(one.verdict in _WRONG for one in found)
    return _Seen(worst, wrong, tuple(size for size, _ in amounts), tuple(count for _, count in amounts))


def _amount(finding: Finding) -> tuple[int, int]:
    """What it comes to: bytes and items."""
    growing = finding.growing
    size = finding.retained_bytes if finding.retained_bytes is not None else (growing.bytes or (0,))[-1]
    return max(size, 0), max((growing.counts or (0,))[-1], 0)


def _is_wrong(seen: _Seen | None) -> bool:
    return seen is not None and seen.runs > 0


def _checked(row: Row, kinds: Multitude) -> Row:
    """Whether a run was long enough to tell what grows differs from run to run; how much there is does not."""
    if row.status not in ("new", "gone") or not row.growth_blocks or not kinds.stayed(row.type, row.growth_blocks):
        return row
    return replace(row, status="same", evidence=f"{row.evidence}; yet there are about as many {row.type} on both sides")


def _row(old: _Seen | None, new: _Seen | None, before: Side, after: Side) -> Row:
    one = new or old
    assert one is not None
    sizes = [0 if side is None else round(median(side.bytes)) for side in (old, new)]
    counts = [0 if side is None else round(median(side.counts)) for side in (old, new)]
    status, words = _judged(old, new, before, after)
    site = one.finding.sites[0] if one.finding.sites else Site("", 0)
    return Row(
        site=replace(site, bytes=sizes[1] - sizes[0], count=counts[1] - counts[0]),
        before_bytes=sizes[0],
        after_bytes=sizes[1],
        before_blocks=counts[0],
        after_blocks=counts[1],
        status=status,
        type=one.finding.growing.type,
        by="finding",
        name=one.finding.title,
        id=one.finding.id,
        rule=one.finding.rule,
        holder=one.finding.holder.path if one.finding.holder else "",
        evidence=words,
    )


def _judged(old: _Seen | None, new: _Seen | None, before: Side, after: Side) -> tuple[RowStatus, str]:
    was, is_now = _is_wrong(old), _is_wrong(new)
    told_old, told_new = _told(old, before), _told(new, after)
    if not was and not is_now:
        return "same", f"{told_new or told_old}: nothing to mend"
    if not was or not is_now:
        seen, side = (new, after) if is_now else (old, before)
        if seen is not None and not _is_sure(seen, side):
            return "same", f"{told_new if is_now else told_old}: too few of them to call it a change"
        if old is not None and new is not None and _by_amount(old, new, "")[0] == "same":
            return "same", f"{told_new}, {told_old} before; yet there is about as much of it"
        if is_now:
            return "new", f"{told_new}; before: {told_old or 'not found'}"
        return "gone", f"before: {told_old}; now: {told_new or 'not found'}"
    assert old is not None
    assert new is not None
    if old.finding.verdict != new.finding.verdict:
        worse = _ORDER[new.finding.verdict] < _ORDER[old.finding.verdict]
        if min(old.runs, new.runs) == 1 and len(before.runs) == 1:
            return ("worse" if worse else "better"), f"{told_new}, {old.finding.verdict} before"
    return _by_amount(old, new, told_new)


def _by_amount(old: _Seen, new: _Seen, told: str) -> tuple[RowStatus, str]:
    """By bytes where it has any on both sides, else by number; within what the runs differ by, it is the same."""
    by_bytes = min(old.bytes) > 0 and min(new.bytes) > 0
    figures = (old.bytes, new.bytes) if by_bytes else (old.counts, new.counts)
    middles = [median(side) for side in figures]
    spread = max(max(side) - min(side) for side in figures)
    least = max(_LEAST_BYTES if by_bytes else _LEAST_COUNT, _MUCH * middles[0], spread)
    words = [format_bytes(round(one)) if by_bytes else f"{round(one):,}" for one in middles]
    change = f"{told}, {words[1]}, {words[0]} before"
    if abs(middles[1] - middles[0]) <= least:
        return "same", change
    return ("worse" if middles[1] > middles[0] else "better"), change


def _is_sure(seen: _Seen, side: Side) -> bool:
    """Whether more than one of several runs, or most of them, say so."""
    return seen.runs >= 2 or 2 * seen.runs > len(side.runs)


def _told(seen: _Seen | None, side: Side) -> str:
    if seen is None:
        return ""
    if len(side.runs) == 1:
        return seen.finding.verdict
    return f"{seen.finding.verdict} in {seen.runs or len(seen.bytes)} of {counted(len(side.runs), side.unit)}"
