"""Keeps the books of one run from outside: what is mapped, what is open, what the control group holds.

A copy of the process, made for a heap snapshot, writes down its own mappings before it does anything else, so that
all figures are of one moment, and cost the program nothing. It lacks only what a copy does not take over: the pages of
files and shared memory. Outside readings have these, and all else where there are no copies.

Each kind of reading has a share of the run that it may take. To list the mappings of a process with twenty thousand of
them takes the kernel 50 ms, during which it can map nothing new: such a process is read once in ten seconds or less.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

from memdiag.capture import spool
from memdiag.capture.arenas import parse_arenas
from memdiag.launch.handles import children_of, read_handles, read_peers
from memdiag.launch.limits import Group, group_chain, limits_of
from memdiag.launch.mappings import read_mappings, sum_mappings
from memdiag.launch.outside import own_time
from memdiag.model import Arenas, Books, GroupMemory, Handles, Limit, Mappings, Worker

T = TypeVar("T", Mappings, Handles, Worker, GroupMemory)

_KEPT = 128  # readings of each kind
_MOST_WORKERS = 32  # children that are looked at
_GROUP_EVERY_S = 0.25


class Pace:
    """When something is worth reading again: never dearer than its share of the run, beyond a first allowance."""

    def __init__(self, share: float, allowance_s: float, least_s: float) -> None:
        self._share = share
        self._allowance = allowance_s
        self._gap = least_s
        self._spent = 0.0
        self._last = float("-inf")

    def due(self, now: float) -> bool:
        return now - self._last >= self._gap and self._spent <= self._allowance + self._share * now

    def took(self, now: float, cost: float) -> None:
        """What it cost counts, and the next comes after twenty times that."""
        self._last = now
        self._spent += cost
        self._gap = max(self._gap, 20 * cost)

    def widen(self) -> None:
        self._gap *= 2


class BookKeeper:
    """Reads, while the target runs, what is due; ``books`` afterwards are all of it, on the program's own clock."""

    def __init__(self, started: float, directory: Path) -> None:
        self._started = started
        self._directory = directory
        self._mappings: list[Mappings] = []
        self._handles: list[Handles] = []
        self._workers: list[Worker] = []
        self._group: list[GroupMemory] = []
        self._limits: list[Limit] = []
        self._peers: tuple[tuple[str, int], ...] = ()
        self._groups: list[Group] | None = None
        self._mapping_pace = Pace(0.006, 0.03, 0.02)
        self._handle_pace = Pace(0.005, 0.01, 0.004)
        self._child_pace = Pace(0.005, 0.01, 0.004)
        self._children: list[int] = []
        self._temporary = Path(tempfile.gettempdir())  # the target's as well: its environment is ours
        self._temporary_before: frozenset[str] | None = None
        self._temporaries = 0
        self._temporary_pace = Pace(0.005, 0.01, 0.01)
        self._rest_pace = Pace(0.005, 0.01, 0.02)

    def look(self, pid: int) -> None:
        now = time.monotonic() - self._started
        if self._child_pace.due(now):
            self._timed(self._child_pace, now, lambda: self._read_children(pid))
        if self._temporary_pace.due(now):
            self._timed(self._temporary_pace, now, self._count_temporaries)
        if self._mapping_pace.due(now):
            self._timed(self._mapping_pace, now, lambda: self._read_mappings(pid, now))
        if self._handle_pace.due(now):
            self._timed(self._handle_pace, now, lambda: self._read_handles(pid, now))
        if self._rest_pace.due(now):
            self._timed(self._rest_pace, now, lambda: self._read_rest(pid, now))

    @staticmethod
    def _timed(pace: Pace, now: float, read: Callable[[], None]) -> None:
        begun = time.thread_time()
        with suppress(OSError, ValueError):  # it may end at any moment, and what /proc says then is anything
            read()
        pace.took(now, time.thread_time() - begun)

    def _read_children(self, pid: int) -> None:
        """For all the others: each thread has a list of its own, and there may be hundreds."""
        self._children = children_of(pid)

    def _read_mappings(self, pid: int, now: float) -> None:
        found = read_mappings(pid, now, alone=not self._children)
        if found is not None:  # where the program maps memory all the time, the kernel keeps us waiting for the list
            found = dataclasses.replace(found, t_s=(now + time.monotonic() - self._started) / 2)
        self._mappings = self._kept(self._mappings, found, self._mapping_pace)

    def _read_handles(self, pid: int, now: float) -> None:
        found = read_handles(pid, now, str(self._directory), children=self._children)
        found = found and dataclasses.replace(found, temporaries=self._temporaries)
        self._handles = self._kept(self._handles, found, self._handle_pace)

    def _read_rest(self, pid: int, now: float) -> None:
        """Workers, the control group, limits, and peers: all small, or wanted only as they are at last."""
        for child in self._children[:_MOST_WORKERS]:
            if (worker := read_worker(child, now)) is not None:
                self._workers.append(worker)
        if len(self._workers) > _KEPT * _MOST_WORKERS:
            self._workers = [one for at, one in enumerate(self._workers) if at % 2]
        if self._groups is None:
            self._groups = group_chain(pid)
        if self._groups and (not self._group or now - self._group[-1].t_s >= _GROUP_EVERY_S):
            self._group = self._kept(self._group, self._groups[0].memory(now), self._rest_pace)
        self._limits = limits_of(pid) or self._limits
        self._peers = read_peers(pid) or self._peers

    def _count_temporaries(self) -> None:
        names = frozenset(os.listdir(self._temporary))
        if self._temporary_before is None:
            self._temporary_before = names
        self._temporaries = len(names - self._temporary_before)

    @staticmethod
    def _kept(series: list[T], found: T | None, pace: Pace) -> list[T]:
        """The series with what was found; every second one, and half as often, once there are too many."""
        if found is not None:
            series.append(found)
        if len(series) < _KEPT:
            return series
        pace.widen()
        return series[:-1:2] + series[-1:]

    def books(self, recording: spool.Recording) -> Books:
        wall, own = spool.clocks(recording)
        seen = _on_own_clock(self._mappings, wall, own)
        copies, arenas = self._copies(recording)
        told = [whole for copy, resident in copies if (whole := completed(copy, seen, resident))]
        return Books(
            mappings=tuple(sorted([*seen, *told], key=lambda one: one.t_s)),
            arenas=tuple(arenas),
            workers=_on_own_clock(self._workers, wall, own),
            handles=_on_own_clock(self._handles, wall, own),
            group=_on_own_clock(self._group, wall, own),
            limits=tuple(self._limits),
            oom_kills=max((group.oom_kills() for group in (self._groups or [])[:1]), default=0),
            peers=self._peers,
            trimmed_bytes=_trimmed(recording),
            platform=sys.platform,
        )

    def _copies(self, recording: spool.Recording) -> tuple[list[tuple[Mappings, int | None]], list[Arenas]]:
        """What the copies of the process have written down, and the resident set then, in order of time."""
        mappings, arenas = [], []
        for header in sorted(recording.headers("image"), key=lambda header: float(header["t"])):
            try:
                text = (self._directory / f"memory-{header['number']}").read_text(errors="replace")
            except OSError:
                continue  # it was walked in place, or was given up before it had begun
            summed = sum_mappings(text, float(header["t"]), alone=True)
            mappings += [(summed, header.get("rss"))] if summed else []
            arenas.append(parse_arenas(text, float(header["t"])))
        return mappings, [one for one in arenas if one]


def _trimmed(recording: spool.Recording) -> int | None:
    told = [header for header in recording.headers("trim") if header["before"] and header["after"]]
    return max(0, int(told[-1]["before"]) - int(told[-1]["after"])) if told else None


def completed(copy: Mappings, seen: Sequence[Mappings], resident: int | None = None) -> Mappings | None:
    """A copy's mappings with the pages of files and shared memory, which it has not taken over.

    These are as they were seen from outside, in a straight line between the readings before and after; but what is of
    files is what is left of the ``resident`` set of that moment, where that is known. ``None`` where nothing was seen.
    """
    if not seen:
        return None
    times = [one.t_s for one in seen]
    files, shared = (
        round(float(np.interp(copy.t_s, times, column)))
        for column in ([one.files_bytes for one in seen], [one.shared_bytes for one in seen])
    )
    nearest = min(seen, key=lambda one: abs(one.t_s - copy.t_s))
    private = _private(copy)
    if resident is not None:
        files = max(0, resident - private - shared)
    return dataclasses.replace(
        copy,
        rss_bytes=private + shared + files,
        files_bytes=files,
        shared_bytes=shared,
        pss_bytes=max(0, nearest.pss_bytes - _private(nearest) + private),
        uss_bytes=max(0, nearest.uss_bytes - _private(nearest) + private),
    )


def _private(one: Mappings) -> int:
    return one.heap_bytes + one.heaps_bytes + one.anonymous_bytes + one.stacks_bytes + one.written_bytes


def _on_own_clock(readings: Sequence[T], wall: list[float], own: list[float]) -> tuple[T, ...]:
    """At the program's own time; those taken while it stood still for the probe count as of just before."""
    told = ((one, own_time(one.t_s, wall, own)) for one in readings)
    return tuple(dataclasses.replace(one, t_s=at) for one, at in told if at is not None)


def read_worker(pid: int, t_s: float, root: Path = Path("/proc")) -> Worker | None:
    """What a child shares of its written pages; ``None`` where it is gone, or has run another program."""
    try:
        text = (root / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return None
    figures = {words[0]: int(words[1]) << 10 for line in text.splitlines() if len(words := line.split()) == 3}
    if "Rss:" not in figures:
        return None
    return Worker(t_s, pid, figures["Rss:"], figures.get("Private_Dirty:", 0), figures.get("Shared_Dirty:", 0))
