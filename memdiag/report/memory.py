"""The memory series of a run as a small plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memdiag.model import Sample
from memdiag.report.page import Page
from memdiag.report.plot import Points, axis, chart
from memdiag.units import counted, format_bytes, format_count, format_duration

_HEIGHT = 3  # lines of one chart
_LONGEST = 64  # columns of one chart, where the page is wider
_LABELS = 24  # characters left of a chart


@dataclass(frozen=True)
class _Series:
    name: str
    points: Points
    format: Callable[[int], str]

    @property
    def known(self) -> list[float]:
        return [value for _, value in self.points if value is not None]


def write_memory(page: Page, samples: Sequence[Sample]) -> None:
    """RSS and the traced heap over time, or live blocks where nothing was traced."""
    series = _series(samples)
    if not series:
        page.heading("Memory: no figures were recorded")
        return
    if len(samples) == 1:
        figures = ", ".join(f"{one.name} {one.format(int(one.known[0]))}" for one in series)
        page.heading(f"Memory: {figures} (one sample, so no series)")
        return
    start, end = samples[0].t_s, samples[-1].t_s
    page.heading(f"Memory over {format_duration(end - start)} ({counted(len(samples), 'sample')})")
    width = min(page.width - _LABELS - 1, _LONGEST)
    for one in series:
        _write_chart(page, one, width)
    first, last = format_duration(start), format_duration(end)
    page.write(" " * _LABELS + first + last.rjust(width + 1 - len(first)))


def _series(samples: Sequence[Sample]) -> list[_Series]:
    rss = _Series("RSS", [(s.t_s, s.rss_bytes) for s in samples], format_bytes)
    heap = _Series("traced heap", [(s.t_s, s.heap_bytes) for s in samples], format_bytes)
    blocks = _Series("live blocks", [(s.t_s, s.heap_blocks) for s in samples], format_count)
    return [one for one in (rss, heap if heap.known else blocks) if one.known]


def _write_chart(page: Page, series: _Series, width: int) -> None:
    low, high = axis(series.known)
    names = [series.name] + [""] * (_HEIGHT - 1)
    marks = [series.format(round(high))] + [""] * (_HEIGHT - 2) + [series.format(round(low))]
    lines = chart(series.points, width=width, height=_HEIGHT)
    for name, mark, line in zip(names, marks, lines, strict=True):
        page.write_unbroken(f"  {name:<11}{mark:>10} ", "┤" if mark else "│", (line, "cyan"))
