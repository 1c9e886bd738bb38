"""The native stack that grows, from a second run of the program under memray with native traces."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from os.path import basename

from memdiag.analysis import growth
from memdiag.analysis.origin import is_native
from memdiag.model import Capture, Finding, Frame, Report, Site, Stack

_SHAPES = ("steady", "unsteady")  # memray slows a program down unevenly
_LEAST_BYTES = 500_000
_SHOWN = 4  # native frames, the innermost first
LOST = "lost-blocks"
_FIX = (
    "{} leads there. Free what it allocates on every path, errors and early returns too; if it is a library's, look for"
    " a release that does."
)
_LOST_FIX = (
    "{} makes them, and the extension module that it calls keeps a reference (a missing Py_DECREF): look for a release"
    " of it that does not."
)
_UNSEEN = (
    " A second run under memray saw no native stack that grows: memory that is asked for by address, as ctypes does,"
    " or not through malloc, escapes it."
)


def named(report: Report, capture: Capture) -> Report:
    """The report with what the second run, ``capture``, knows of its native finding."""
    findings = tuple(_named(one, capture) if one.kind == "native" else one for one in report.findings)
    return dataclasses.replace(report, findings=findings)


def _named(finding: Finding, capture: Capture) -> Finding:
    lost = finding.pattern == LOST
    lines = growing_lines(capture, lost)
    if not lines:
        return dataclasses.replace(finding, why=finding.why + _UNSEEN)
    stack = lines[0].line.stacks[0]
    told = f" A second run under memray: {_drawn(stack)}."
    return dataclasses.replace(
        finding,
        why=finding.why + told,
        fix=(_LOST_FIX if lost else _FIX).format(_place(lines[0].line.frame)),
        sites=tuple(_site(one, capture) for one in lines[:3]),
        confidence=0.9,
    )


def growing_lines(capture: Capture, lost: bool) -> list[growth.Grown]:
    """Lines whose allocations grow, the largest first: of C code and not of Python's arenas; if ``lost``, of any."""
    if capture.traces is None or not capture.traces.moments:
        return []
    grown = growth.grown(capture.traces, growth.lines(capture.traces))
    return [
        one
        for one in grown
        if not one.line.arena
        and one.trend.growth >= _LEAST_BYTES
        and one.trend.shape in _SHAPES
        and (lost or any(is_native(frame.file) for frame in one.line.stacks[0]))
    ]


def _drawn(stack: Stack) -> str:
    """``make (fast.c:12) <- run (fast.c:40), called at app.py:7``."""
    native = [frame for frame in _native_part(stack) if frame.function][:_SHOWN]
    drawn = " <- ".join(f"{frame.function} ({_place(frame)})" for frame in native)
    caller = next((frame for frame in stack if not is_native(frame.file)), None)
    return drawn + (f", called at {_place(caller)}" if caller is not None else "")


def _native_part(stack: Stack) -> Sequence[Frame]:
    end = next((at for at, frame in enumerate(stack) if not is_native(frame.file)), len(stack))
    return stack[:end]


def _place(frame: Frame) -> str:
    return f"{basename(frame.file)}:{frame.line}" if frame.file else "no source"


def _site(one: growth.Grown, capture: Capture) -> Site:
    frame = one.line.frame
    source = capture.sources.get((frame.file, frame.line))
    blocks = int(one.kept_blocks[-1] - one.kept_blocks[0])
    text = source.text if source else ""
    return Site(frame.file, frame.line, frame.function, round(one.trend.growth), blocks, text)
