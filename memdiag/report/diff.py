"""Two sides compared: what holds more, where it is made, what leaks that did not, and what else there is more of."""

from __future__ import annotations

from collections.abc import Sequence

from memdiag.model import Finding, Report, Row, RowKind
from memdiag.report.findings import write_finding
from memdiag.report.page import Page
from memdiag.report.tables import NOUNS, Cells, with_arena, write_hidden, write_rows
from memdiag.units import counted, format_bytes, format_change, format_count

_LITTLE = 0.01  # of the largest change that holders show, of which there are many small ones
_TITLES: dict[RowKind, str] = {
    "holder": "What holds more, or less",
    "site": "Growth between the two, by allocating line",
    "type": "Growth between the two, by type",
}
_RESOURCE_LABEL = 24


def write_diff(page: Page, report: Report, limit: int) -> None:
    """Both sides named, then their differences, the answer first; what did not change is not shown."""
    page.write(_side(report.before, report.before_runs), prefix=["before: "])
    page.write(_side(report.after, report.after_runs), prefix=["after:  "])
    _write_table(page, report, _of_kind(report, "holder"), limit)
    _write_growth(page, report, limit)
    _write_findings(page, report, limit)
    _write_resources(page, _of_kind(report, "resource"))


def _side(name: str, runs: int) -> str:
    return f"{name} ({counted(runs, 'run')})" if runs > 1 else name


def _of_kind(report: Report, kind: RowKind) -> list[Row]:
    return [row for row in report.changes if row.kind == kind and row.status != "same"]


def _write_growth(page: Page, report: Report, limit: int) -> None:
    """The memory itself, and its sum."""
    changed = [row for row in report.rows if row.status != "same"]
    if not changed and (report.rows or not report.changes):
        page.heading("Growth between the two: nothing changed")
    _write_table(page, report, changed, limit)
    if changed:
        page.write(_total(report.rows), prefix=[("total: ", "bold")])
    if any(row.noise for row in report.rows):
        within = [row for row in report.rows if row.noise]
        page.write(
            f"not counted: {counted(len(within), NOUNS[within[0].kind])} within the spread of the runs,"
            f" {format_bytes(sum(row.growth_bytes for row in within), signed=True)} together"
        )
    _write_table(page, report, _of_kind(report, "type"), min(limit, 5))


def _write_table(page: Page, report: Report, changed: Sequence[Row], limit: int) -> None:
    if not changed:
        return
    kind = changed[0].kind
    least = _LITTLE * max(abs(row.growth_bytes) for row in changed) if kind == "holder" else 0
    shown = [row for row in changed if abs(row.growth_bytes) >= least][:limit]
    page.heading(_TITLES[kind])
    header = ["#", "growth", "before", "after", "items" if kind == "holder" else "blocks", "status"]
    cells = [_cells(rank, row) for rank, row in enumerate(shown, start=1)]
    several = max(report.before_runs, report.after_runs) > 1
    write_rows(page, shown, [header, *cells], "rrrrr", report.target.directory, lambda row: _evidence(row, several))
    write_hidden(page, [row for row in changed if not any(row is one for one in shown)])


def _cells(rank: int, row: Row) -> Cells:
    growth = format_bytes(row.growth_bytes, signed=True)
    blocks = format_count(row.growth_blocks, signed=True)
    sizes = [format_bytes(row.before_bytes), format_bytes(row.after_bytes)]
    return [str(rank), growth, *sizes, blocks, with_arena(row.status, row)]


def _evidence(row: Row, several: bool) -> str:
    """What the figures above it do not say already: of several runs how they differ, of one what comes after that."""
    return row.evidence if several else row.evidence.partition("; ")[2]


def _total(rows: Sequence[Row]) -> str:
    """Without what is noise, as the gate counts it."""
    before = sum(row.before_bytes for row in rows)
    counted_rows = [row for row in rows if not row.noise]
    growth = sum(row.growth_bytes for row in counted_rows)
    blocks = format_count(sum(row.growth_blocks for row in counted_rows), signed=True)
    change = f" ({format_change(growth / before)})" if before else ""
    words = f"{format_bytes(growth, signed=True)}{change}, {blocks} blocks"
    return f"{words}, from {format_bytes(before)} to {format_bytes(before + growth)}"


def _write_findings(page: Page, report: Report, limit: int) -> None:
    """New and worse ones in full, then in a line each what is gone or better, then how many are as they were."""
    worse = [one for one in report.findings if one.status not in ("same", "better") and one.is_new]
    rows = [row for row in report.changes if row.kind == "finding"]
    mended = [row for row in rows if row.status in ("gone", "better")]
    same = [one for one in report.findings if one.status == "same"]
    known = [one for one in report.findings if one.status not in ("same", "better") and not one.is_new]
    if not (worse or mended or same or known):
        return
    page.heading(f"Findings: {_summary(worse, mended, same, known)}")
    for rank, finding in enumerate(worse[:limit], start=1):
        status = f"{finding.status.upper()} " if finding.status else ""
        write_finding(page, rank, finding, report.target.directory, draw_cycles=True, before_verdict=status)
    if len(worse) > limit:
        page.write(f"... and {counted(len(worse) - limit, 'more finding')} (--json has all of them)")
    for row in mended[:limit]:
        page.write(row.name, prefix=[(f"{row.status.upper()}  ", "bold green")])
        page.write((row.evidence, "dim"), prefix=["      "])
    for finding in known[:limit]:
        page.write(finding.title, prefix=[("KNOWN  " if finding.known else "IGNORED  ", "bold")])
    for finding in same[:limit]:
        page.write(finding.title, prefix=[("SAME  ", "bold")])


def _summary(worse: Sequence[Finding], mended: Sequence[Row], same: Sequence[Finding], known: Sequence[Finding]) -> str:
    statuses = [*(one.status for one in worse), *(row.status for row in mended), *(one.status for one in same)]
    told = [f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses)]
    return ", ".join([*told, *([f"{len(known)} known or ignored"] if known else [])])


def _write_resources(page: Page, changed: Sequence[Row]) -> None:
    if not changed:
        return
    page.heading("Resources of the process")
    for row in changed:
        page.write(f"{row.status}: {row.evidence}", prefix=[f"  {row.name:<{_RESOURCE_LABEL}}"])
