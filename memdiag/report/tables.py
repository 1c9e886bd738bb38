"""Rows of growth as ranked tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memdiag.model import Report, Row
from memdiag.report.findings import write_site
from memdiag.report.page import Page
from memdiag.report.plot import sparkline
from memdiag.report.text import aligned
from memdiag.units import counted, format_bytes, format_count

_SERIES = 12  # characters of a row's own series
_WORTH_A_ROW = 0.0005  # of the largest growth
_INDENT = 4  # of what stands beneath a row's figures

NOUNS = {"site": "line", "type": "type", "holder": "holder", "resource": "resource", "finding": "finding"}

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
    write_rows(page, shown, [header, *cells], "rrrrl", report.target.directory)
    write_hidden(page, grown[len(shown) :])
    if any(row.arena for row in shown):
        page.write("arena: this line made an allocator ask for more memory; it need not be a leak's own line")


def _growth_cells(rank: int, row: Row) -> Cells:
    growth = format_bytes(row.growth_bytes, signed=True)
    blocks = f"{format_count(row.after_blocks)} ({format_count(row.growth_blocks, signed=True)})"
    series = sparkline(row.series_bytes, _SERIES)
    return [str(rank), growth, format_bytes(row.after_bytes), blocks, series, with_arena(row.trend, row)]


def with_arena(words: str, row: Row) -> str:
    return ", ".join(word for word in (words, "arena" if row.arena else "") if word)


def write_rows(
    page: Page,
    rows: Sequence[Row],
    table: Sequence[Cells],
    align: str,
    directory: str,
    words: Callable[[Row], str] = lambda _: "",
) -> None:
    """The table's header, then each row with what it is of beneath, and ``words`` on it where there are any.

    ``table`` has the cells of these lines.
    """
    header, *figures = aligned([cells[:-1] for cells in table], align)
    page.write((table[0][-1], "dim"), prefix=[(f"{header}  ", "dim")])
    for row, figure, cells in zip(rows, figures, table[1:], strict=True):
        page.write(cells[-1], prefix=[(f"{figure}  ", "bold")])
        if row.kind == "holder":
            page.write((row.name, "cyan"), f" holds {row.type}" if row.type else "", prefix=[" " * _INDENT])
        elif row.kind == "type":
            page.write((row.type, "cyan"), prefix=[" " * _INDENT])
        else:
            write_site(page, row.site, directory, indent=_INDENT, figures=False)
        if said := words(row):
            page.write((said, "dim"), prefix=[" " * _INDENT])


def write_hidden(page: Page, hidden: Sequence[Row]) -> None:
    if hidden:
        growth = format_bytes(sum(row.growth_bytes for row in hidden), signed=True)
        more = counted(len(hidden), f"more {NOUNS[hidden[0].kind]}")
        page.write(f"... and {more}, {growth} together (--json has all of them)")
