"""The native stack that grows, from a second run of the program under memray with native traces."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import dropwhile, takewhile
from os.path import basename

from memdiag.analysis import growth
from memdiag.analysis.origin import is_native
from memdiag.model import Capture, Finding, Frame, NativeStack, Site, Stack

_SHAPES = ("steady", "unsteady")  # memray slows a program down unevenly
_LEAST_BYTES = 500_000
_LINES = 3
_UNKNOWN = "<unknown>"  # the file of a function without debug information
_ALLOCATOR = ("_PyObject_", "PyObject_Malloc", "PyObject_Calloc", "PyObject_Realloc", "_PyMem_", "PyMem_")
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


def native_stacks(capture: Capture, lost: bool) -> tuple[NativeStack, ...]:
    """What the second run knows: the stacks that grow most, the largest first."""
    return tuple(NativeStack(one.line.stacks[0], _site(one, capture)) for one in growing_lines(capture, lost)[:_LINES])


def named(finding: Finding, stacks: Sequence[NativeStack] | None) -> Finding:
    """The finding of native memory with what a second run, if one was made, knows of it."""
    if stacks is None:
        return finding
    if not stacks:
        return dataclasses.replace(finding, why=finding.why + _UNSEEN)
    site = stacks[0].site
    return dataclasses.replace(
        finding,
        why=f"{finding.why} A second run under memray: {_drawn(stacks[0].stack)}.",
        fix=(_LOST_FIX if finding.pattern == LOST else _FIX).format(_place(Frame(site.file, site.line))),
        sites=tuple(one.site for one in stacks),
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
    """``make (fast.c:12) <- run (fast.c:40), called at app.py:7``; without the allocator's own functions."""
    native = list(takewhile(_is_below_python, stack))
    shown = list(dropwhile(lambda frame: frame.function.startswith(_ALLOCATOR), native)) or native
    drawn = [f"{frame.function} ({_place(frame)})" for frame in shown if frame.function not in ("", _UNKNOWN)]
    caller = next((frame for frame in stack if not _is_below_python(frame)), None)
    found = " <- ".join(list(dict.fromkeys(drawn))[:_SHOWN])
    return found + (f", called at {_place(caller)}" if caller is not None else "")


def _is_below_python(frame: Frame) -> bool:
    return is_native(frame.file) or frame.file == _UNKNOWN


def _place(frame: Frame) -> str:
    return f"{basename(frame.file)}:{frame.line}" if frame.file and frame.file != _UNKNOWN else "no source"


def _site(one: growth.Grown, capture: Capture) -> Site:
    frame = one.line.frame
    source = capture.sources.get((frame.file, frame.line))
    blocks = int(one.kept_blocks[-1] - one.kept_blocks[0])
    text = source.text if source else ""
    return Site(frame.file, frame.line, frame.function, round(one.trend.growth), blocks, text)
