"""Rows of growth as ranked tables: over one run, and between two captures."""

from __future__ import annotations

from collections.abc import Sequence

from memdiag.model import Report, Row
from memdiag.report.findings import write_site
from memdiag.report.page import Page
from memdiag.report.plot import sparkline
from memdiag.report.text import aligned
from memdiag.units import counted, format_bytes, format_change, format_count

_SERIES = 12  # characters of a row's own series
_WORTH_A_ROW = 0.0005  # of the largest growth
_INDENT = 4  # of what stands beneath a row's figures

Cells = list[str]  # figures, and last a text that may be wrapped


def write_growth(page: Page, report: Report, limit: int) -> None:
    """Allocation growth over the whole run: the rows that grew, in the report's own order."""
    grown = [row for row in report.rows if row.growth_bytes > 0]
    by_type = any(row.type for row in report.rows)
    title = "Heap growth by type over the run" if by_type else "Allocation growth over the whole run"
    if not grown:
        untraced = report.tracer in ("none", "auto") and not report.rows
        nothing = "no type grew" if by_type else "no line grew"
        page.heading(f"{title}: {'not recorded, the run was not traced' if untraced else nothing}")
        return
    shown = [row for row in grown[:limit] if row.growth_bytes >= _WORTH_A_ROW * grown[0].growth_bytes]
    page.heading(title)
    header = ["#", "growth", "at end", "objects (growth)" if by_type else "blocks (growth)", "series", "trend"]
    cells = [_growth_cells(rank, row) for rank, row in enumerate(shown, start=1)]
    _write_rows(page, shown, [header, *cells], "rrrrl", report.target.directory)
    _write_hidden(page, grown[len(shown) :])
    if any(row.arena for row in shown):
        page.write("arena: this line made an allocator ask for more memory; it need not be a leak's own line")


def _growth_cells(rank: int, row: Row) -> Cells:
    growth = format_bytes(row.growth_bytes, signed=True)
    blocks = f"{format_count(row.after_blocks)} ({format_count(row.growth_blocks, signed=True)})"
    series = sparkline(row.series_bytes, _SERIES)
    return [str(rank), growth, format_bytes(row.after_bytes), blocks, series, _with_arena(row.trend, row)]


def write_comparison(page: Page, report: Report, limit: int) -> None:
    """What changed between two captures, both named, and the total over all rows."""
    page.write(report.before, prefix=["before: "])
    page.write(report.after, prefix=["after:  "])
    changed = [row for row in report.rows if row.status != "same"]
    if not changed:
        page.heading("Growth between the two: nothing changed")
        return
    shown = changed[:limit]
    page.heading(f"Growth between the two, by {'type' if shown[0].type else 'allocating line'}")
    header = ["#", "growth", "before", "after", "blocks", "status"]
    cells = [_comparison_cells(rank, row) for rank, row in enumerate(shown, start=1)]
    _write_rows(page, shown, [header, *cells], "rrrrr", report.target.directory)
    _write_hidden(page, changed[limit:])
    page.write(_total(report.rows), prefix=[("total: ", "bold")])


def _comparison_cells(rank: int, row: Row) -> Cells:
    growth = format_bytes(row.growth_bytes, signed=True)
    blocks = format_count(row.growth_blocks, signed=True)
    sizes = [format_bytes(row.before_bytes), format_bytes(row.after_bytes)]
    return [str(rank), growth, *sizes, blocks, _with_arena(row.status, row)]


def _with_arena(words: str, row: Row) -> str:
    return ", ".join(word for word in (words, "arena" if row.arena else "") if word)


def _total(rows: Sequence[Row]) -> str:
    before, after = sum(row.before_bytes for row in rows), sum(row.after_bytes for row in rows)
    blocks = format_count(sum(row.growth_blocks for row in rows), signed=True)
    change = f" ({format_change((after - before) / before)})" if before else ""
    growth = f"{format_bytes(after - before, signed=True)}{change}, {blocks} blocks"
    return f"{growth}, from {format_bytes(before)} to {format_bytes(after)}"


def _write_rows(page: Page, rows: Sequence[Row], table: Sequence[Cells], align: str, directory: str) -> None:
    """The table's header, then each row with its site beneath; ``table`` has the cells of these lines."""
    header, *figures = aligned([cells[:-1] for cells in table], align)
    page.write((table[0][-1], "dim"), prefix=[(f"{header}  ", "dim")])
    for row, figure, cells in zip(rows, figures, table[1:], strict=True):
        page.write(cells[-1], prefix=[(f"{figure}  ", "bold")])
        if row.type:
            page.write((row.type, "cyan"), prefix=[" " * _INDENT])
        else:
            write_site(page, row.site, directory, indent=_INDENT, figures=False)


def _write_hidden(page: Page, hidden: Sequence[Row]) -> None:
    if hidden:
        growth = format_bytes(sum(row.growth_bytes for row in hidden), signed=True)
        more = counted(len(hidden), "more type" if hidden[0].type else "more line")
        page.write(f"... and {more}, {growth} together (--json has all of them)")
