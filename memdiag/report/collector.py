"""What the collector cost a program: one line, and a row a generation."""

from __future__ import annotations

from memdiag.env import collects_incrementally
from memdiag.model import CollectorCost
from memdiag.report.page import Page
from memdiag.units import counted, format_count, format_duration, format_pause, format_share


def write_collector(page: Page, cost: CollectorCost, python: str = "") -> None:
    """Nothing where nothing was recorded. ``python`` is the target's version: generations differ."""
    if not cost.generations:
        return
    count = sum(one.collections for one in cost.generations)
    if not count:
        page.heading("Collector: it never ran by itself, nor was it asked to")
        _write_setting(page, cost)
        return
    longest = max(one.longest_s for one in cost.generations)
    took = f"{counted(count, 'collection')} took {format_duration(cost.seconds)}"
    share = f"{format_share(cost.share)} of the program's time"
    page.heading(f"Collector: {took}, {share}; longest pause {format_pause(longest)}")
    _write_generations(page, cost, python)
    _write_setting(page, cost)


def _write_generations(page: Page, cost: CollectorCost, python: str) -> None:
    names = ["young", "middle", "all"]
    if collects_incrementally(python):
        names[1] = "increment"  # CPython's word: the young, and a part of the old
    rows = [
        [
            f"{one.generation}: {names[one.generation]}",
            counted(one.collections, "collection"),
            format_duration(one.seconds),
            f"longest {format_pause(one.longest_s)}",
            f"{format_count(one.collected)} freed",
        ]
        for one in cost.generations
        if one.collections
    ]
    page.table(rows, "rrrr")


def _write_setting(page: Page, cost: CollectorCost) -> None:
    """How it was set: thresholds, and what it does not look at."""
    words = [f"thresholds {', '.join(map(str, cost.thresholds))}"] if cost.thresholds else []
    if cost.frozen:
        words.append(f"{counted(cost.frozen, 'object')} frozen (gc.freeze)")
    if words:
        page.write("; ".join(words), prefix=["  "])
