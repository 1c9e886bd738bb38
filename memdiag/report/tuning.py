"""What other settings of the collector change: the advice, and a row a setting."""

from __future__ import annotations

from collections.abc import Iterator

from memdiag.env import collects_between_instructions, collects_incrementally
from memdiag.model import TrialRow, Tuning
from memdiag.report.page import Page
from memdiag.report.text import aligned
from memdiag.units import format_bytes, format_count, format_duration, format_pause, format_share

_HEAD = ("setting", "CPU", "wall", "gc time", "gc runs", "longest", "peak RSS")


def write_tuning(page: Page, tuning: Tuning, python: str) -> None:
    """The first row in figures; of the others, what their ratio to it says more of, as ratios."""
    repeats = max(row.repeats for row in tuning.rows)
    page.heading(f"Settings of the collector, medians of {repeats} runs each, in turn")
    cells = [_HEAD, *(_cells(row, is_first=row is tuning.rows[0]) for row in tuning.rows)]
    lines = aligned(cells, "lrrrrrr")
    for at, line in enumerate(lines):
        page.write((line, "" if at else "dim"), prefix=["  "])
        if at and tuning.rows[at - 1].left_out:
            page.write(f"left out: {tuning.rows[at - 1].left_out}", prefix=["    "])
    for line in _legend(tuning, python):
        page.write((line, "dim"), prefix=["  "])
    page.heading("Advice")
    for number, sentence in enumerate(tuning.advice, start=1):
        page.write(sentence, prefix=[f"{number}. "])


def _cells(row: TrialRow, is_first: bool) -> tuple[str, ...]:
    figures = (
        "-" if row.collector_share is None else format_share(row.collector_share),
        "-" if row.collections is None else format_count(row.collections),
        format_pause(row.longest_pause_s) if row.longest_pause_s else "-",
    )
    if is_first:
        peak = "-" if row.peak_rss_bytes is None else format_bytes(row.peak_rss_bytes)
        return (row.setting.name, format_duration(row.cpu_s), format_duration(row.wall_s), *figures, peak)
    return (row.setting.name, _times(row.cpu_ratio), _times(row.wall_ratio), *figures, _times(row.rss_ratio))


def _times(ratio: float | None) -> str:
    return f"{ratio:.2f}x" if ratio else "-"


def _legend(tuning: Tuning, python: str) -> Iterator[str]:
    """What the words of the table mean."""
    if any(row.setting.thresholds for row in tuning.rows):
        yield "(a, b, c) stands for gc.set_threshold(a, b, c) at the start"
    if any(row.setting.freeze for row in tuning.rows):
        yield "freeze: gc.freeze() at the first collection past the imports"
    yield "longest: the longest pause; the noise of CPU time is " + format_share(tuning.noise)
    if collects_incrementally(python):
        yield f"Python {python} ignores the third threshold; a larger second one slows the scan of the old"
    elif collects_between_instructions(python):
        yield f"Python {python} collects between instructions only: what C code makes in one go, once"
