"""The heap after each round of ``check``, by what it gained in it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from memdiag.model import Rounds
from memdiag.report.page import Page
from memdiag.report.text import aligned
from memdiag.units import format_bytes, format_count

_SHOWN = 12  # rounds


def write_rounds(page: Page, rounds: Rounds | None) -> None:
    """A line a round: the calls in it, and by how much the heap was larger after it than before."""
    if rounds is None or len(rounds.calls) < 2:
        return
    page.heading("The heap after each round, all garbage collected")
    rows = [("round", "calls", "objects", "bytes"), *_rows(rounds)]
    head, *lines = aligned(rows[: _SHOWN + 1], "rrrr")
    page.write((head, "dim"), prefix=["  "])
    for line in lines:
        page.write(line, prefix=["  "])
    if len(rows) > _SHOWN + 1:
        page.write(f"  ... and {len(rows) - _SHOWN - 1} more (--json has all of them)")


def _rows(rounds: Rounds) -> Iterator[tuple[str, str, str, str]]:
    moments = zip(rounds.calls, rounds.heap_objects, rounds.heap_bytes, strict=True)
    for number, (before, after) in enumerate(pairwise(moments), start=1):
        calls, objects, size = (late - early for early, late in zip(before, after, strict=True))
        gained = format_count(objects, signed=True) if objects else "0"
        yield str(number), format_count(calls), gained, format_bytes(size, signed=True) if size else "0 B"
