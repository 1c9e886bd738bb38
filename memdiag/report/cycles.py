"""Which reference cycles survive the collector: figures by name, by type, and each cluster of the same shape."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Sequence
from itertools import groupby

from memdiag.model import Cut, CycleCluster, CycleEvidence, PassResult
from memdiag.report.collector import write_collector
from memdiag.report.page import Page
from memdiag.report.text import cut as shortened
from memdiag.report.text import cycle_line
from memdiag.units import counted, format_bytes, format_count, format_duration, format_share

_LABEL = 23  # characters of a figure's name, and the blanks after it
_REFERENCE = 46  # of a reference's name in a table
_STATES = (
    ("Cycles that survive, by shape", ("reachable", "uncollectable")),
    ("Cycles that one pass is not enough for", ("slow",)),
    ("Cycles that only waited for the collector: late, not leaked", ("waiting",)),
)


def write_cycles(page: Page, survival: CycleEvidence | None, limit: int, python: str = "") -> None:
    """Everything that was learned of cycles at one look at the heap; ``python`` is the target's version."""
    if survival is None:
        page.heading("Reference cycles: nothing was recorded, the target ended before memdiag could look")
        return
    moment = survival.moment
    page.heading(f"Reference cycles ({moment.label}, after {format_duration(moment.t_s)})")
    for name, figure in _figures(survival):
        page.write(figure, prefix=[f"  {name:<{_LABEL}}"])
    _write_types(page, survival, limit)
    write_collector(page, survival.collector, python)
    for title, states in _STATES:
        _write_clusters(page, title, [one for one in survival.clusters if one.own and one.state in states], limit)


def _figures(survival: CycleEvidence) -> Iterable[tuple[str, str]]:
    before = survival.reclaimed_before
    during = f", {format_count(before)} reclaimed during the run" if before else ""
    yield "created", f"{counted(survival.created, 'object')} in cycles{during}"
    yield from _pass_figures(survival.passes)
    yield "surviving", f"{format_count(survival.surviving)} after {_passes(survival)}"
    yield "survival rate", format_share(survival.survival_rate)
    yield "gc effectiveness", format_share(survival.gc_effectiveness)
    if survival.cleanup_effectiveness is not None:
        yield "cleanup effectiveness", f"{format_share(survival.cleanup_effectiveness)} of the bytes that cycles kept"
    yield "passes needed", format_count(survival.passes_needed)
    if survival.growth_under_load_bytes is not None:
        yield "growth under load", f"{format_bytes(survival.growth_under_load_bytes)} of resident set, at its highest"
    yield "uncollectable", _uncollectable(survival)
    if survival.library_objects:
        yield "not counted", f"{counted(survival.library_objects, 'object')} in the standard library's own cycles"
    if not survival.gc_enabled:
        yield "collector", "turned off by the program (gc.disable)"
    if survival.gc_debug & gc.DEBUG_SAVEALL:
        yield "gc debug flags", "DEBUG_SAVEALL is set: it keeps all garbage alive"


def _pass_figures(passes: Sequence[PassResult]) -> Iterable[tuple[str, str]]:
    """Passes that reclaimed and left the same share a line."""
    for (collected, surviving), group in groupby(passes, key=lambda one: (one.collected, one.surviving)):
        numbers = [one.number for one in group]
        name = f"pass {numbers[0]}" if len(numbers) == 1 else f"passes {numbers[0]} to {numbers[-1]}"
        yield name, f"{format_count(collected)} reclaimed, {format_count(surviving)} surviving"


def _passes(survival: CycleEvidence) -> str:
    return counted(len(survival.passes), "pass", "passes")


def _uncollectable(survival: CycleEvidence) -> str:
    types = ", ".join(f"{name} {format_count(count)}" for name, count in survival.uncollectable_types)
    return f"{format_count(survival.uncollectable)} in gc.garbage ({types})" if types else str(survival.uncollectable)


def _write_types(page: Page, survival: CycleEvidence, limit: int) -> None:
    """Rows such as ``AgentContext  200 created  20 surviving 5 passes  10.0 %``."""
    if not survival.by_type:
        return
    page.heading("By type")
    rows = [
        [
            row.type,
            f"{format_count(row.created)} created",
            f"{format_count(row.surviving)} surviving {_passes(survival)}",
            format_share(row.surviving / row.created if row.created else 0.0),
        ]
        for row in survival.by_type[:limit]
    ]
    page.table(rows, "rrr")
    hidden = len(survival.by_type) - limit
    if hidden > 0:
        page.write(f"... and {counted(hidden, 'more type')} (--json has all of them)")


def _write_clusters(page: Page, title: str, clusters: Sequence[CycleCluster], limit: int) -> None:
    if not clusters:
        return
    page.heading(title)
    for cluster in clusters[:limit]:
        page.write(_summary(cluster), prefix=["  "])
        page.write((cycle_line(cluster), "cyan"), prefix=["    "])
        if cluster.state in ("reachable", "uncollectable"):
            page.write("kept alive by ", cluster.holder or "something that no path was found to", prefix=["    "])
        _write_cuts(page, cluster.cuts)
    hidden = len(clusters) - limit
    if hidden > 0:
        page.write(f"... and {counted(hidden, 'more shape')} (--json has all of them)")


def _summary(cluster: CycleCluster) -> str:
    cycles, objects = counted(cluster.count, "cycle"), counted(cluster.objects, "object")
    hangers = cluster.retained_objects - cluster.objects
    size = format_bytes(cluster.size_bytes)
    if hangers > 0:
        size += f", {format_bytes(cluster.retained_bytes)} with {format_count(hangers)} that hang on them"
    when = " (in one collection during the run)" if cluster.during_run else ""
    inner = "" if cluster.is_key else ", held by other garbage"
    return f"{cycles}, {objects}, {size}, {cluster.state}{inner}{when}"


def _write_cuts(page: Page, cuts: Sequence[Cut]) -> None:
    """What each reference would free if it were cut; the one to cut is marked."""
    inner = [cut for cut in cuts if not cut.outside]
    if not inner:
        return
    page.write("to cut, and what that frees at once:", prefix=["    "])
    for cut in inner:
        mark = ">" if cut.recommended else " "
        freed = "all of it" if cut.freed_objects >= cut.of_objects else counted(cut.freed_objects, "object")
        name = shortened(cut.reference, _REFERENCE)
        page.write(f"{name:<{_REFERENCE}}  {freed}, {format_bytes(cut.freed_bytes)}", prefix=[f"    {mark} "])
    if not any(cut.recommended for cut in inner):
        page.write("no cut of these alone frees it all", prefix=["      "])
