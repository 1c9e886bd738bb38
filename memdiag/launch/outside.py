"""What can be seen of a process from outside, at no cost to it: memory, descriptors, threads, children."""

from __future__ import annotations

import dataclasses
import time
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path

import psutil

from memdiag.model import Sample

_KEPT = 512
_USS_SHARE = 0.01  # of the run that reading the page tables for USS may take: the target is stopped meanwhile
_CHILDREN_SHARE = 0.01  # of the run that asking each of its threads for its children may take
_STALE_S = 1.0  # an older figure from outside says nothing of a sample,
_STALE = 4  # nor one that is so many times older than they usually come
_NEVER_STALE_S = 0.02


class Outside:
    """Samples one process until it is gone; thins them out as they become many."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._gap = 0.0
        self._uss_spent = self._children_spent = 0.0
        self._process: psutil.Process | None = None
        self.samples: list[Sample] = []

    def look(self, pid: int) -> None:
        now = time.monotonic() - self._started
        if self.samples and now - self.samples[-1].t_s < self._gap:
            return
        try:
            self._process = self._process or psutil.Process(pid)
            self.samples.append(self._sample(self._process, now))
        except (psutil.Error, OSError):
            return
        if len(self.samples) >= _KEPT:
            self.samples = self.samples[::2]
            self._gap = max(2 * self._gap, 0.01)

    def _sample(self, process: psutil.Process, now: float) -> Sample:
        with process.oneshot():
            return Sample(
                t_s=now,
                rss_bytes=process.memory_info().rss,
                uss_bytes=self._uss(process, now),
                fds=process.num_fds(),
                threads=process.num_threads(),
                children=self._children(process, now),
            )

    def _children(self, process: psutil.Process, now: float) -> int | None:
        """``None`` while it is too dear, or where the kernel does not list them."""
        if self._children_spent > 0.005 + _CHILDREN_SHARE * now:
            return None
        begun = time.perf_counter()
        try:
            tasks = Path(f"/proc/{process.pid}/task").iterdir()
            return sum(len((task / "children").read_text().split()) for task in tasks)
        except OSError:
            return None
        finally:
            self._children_spent += time.perf_counter() - begun

    def _uss(self, process: psutil.Process, now: float) -> int | None:
        """Unshared bytes, from the kernel's own sum; ``None`` while it is too dear or where there is none."""
        if self._uss_spent > 0.002 + _USS_SHARE * now:
            return None
        begun = time.perf_counter()
        try:
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except OSError:
            return None
        finally:
            self._uss_spent += time.perf_counter() - begun
        fields = (line.split() for line in text.splitlines() if line.startswith("Private_"))
        return sum(int(words[1]) for words in fields) * 1024


def on_own_clock(outside: list[Sample], wall: list[float], own: list[float]) -> list[Sample]:
    """The samples at the program's own time; those taken while it stood still for the probe are left out."""
    told = ((sample, own_time(sample.t_s, wall, own)) for sample in outside)
    return [dataclasses.replace(sample, t_s=at) for sample, at in told if at is not None]


def own_time(t_s: float, wall: list[float], own: list[float]) -> float | None:
    """The program's own time at a moment by the wall; ``None`` where it stood still for the probe then.

    ``wall`` and ``own`` are both clocks at the same moments, increasing.
    """
    at = bisect_right(wall, t_s)
    if not wall:
        return t_s
    if at == 0 or at == len(wall):
        return t_s + (own[at - 1] - wall[at - 1] if at else 0.0)
    still = (wall[at] - wall[at - 1]) - (own[at] - own[at - 1])  # the probe worked first, then the program went on
    since = t_s - wall[at - 1] - still
    return own[at - 1] + since if since >= 0 else None


def merge(inside: list[Sample], outside: list[Sample], probe_fds: int, probe_threads: int) -> list[Sample]:
    """One series in order of time: the probe's samples, filled up with what was seen from outside just before.

    The probe's own descriptors and thread are not counted.
    """
    cleaned = [
        dataclasses.replace(
            sample,
            fds=None if sample.fds is None else max(sample.fds - probe_fds, 0),
            threads=None if sample.threads is None else max(sample.threads - probe_threads, 1),
        )
        for sample in outside
    ]
    times = [sample.t_s for sample in cleaned]
    stale = _stale(times)
    filled = [_fill(sample, cleaned, times, stale) for sample in inside]
    last = inside[-1].t_s if inside else -1.0
    return sorted([*filled, *_between(filled, cleaned, last)], key=lambda sample: sample.t_s)


def _stale(times: list[float]) -> float:
    """Seconds after which a figure is too old: where the watcher was kept waiting, it must not seem to stand still."""
    gaps = sorted(after - before for before, after in pairwise(times))
    return min(max(_STALE * gaps[len(gaps) // 2], _NEVER_STALE_S), _STALE_S) if gaps else _STALE_S


def _fill(sample: Sample, outside: list[Sample], times: list[float], stale: float) -> Sample:
    at = bisect_right(times, sample.t_s) - 1
    if at < 0 or sample.t_s - times[at] > stale:
        return sample
    seen = outside[at]
    return dataclasses.replace(
        sample,
        rss_bytes=seen.rss_bytes if sample.rss_bytes is None else sample.rss_bytes,
        uss_bytes=seen.uss_bytes,
        fds=seen.fds,
        threads=seen.threads,
        children=seen.children,
    )


def _between(inside: list[Sample], outside: list[Sample], last: float) -> list[Sample]:
    """Samples from outside where the probe was silent for a while."""
    times = [sample.t_s for sample in inside]
    found = []
    for sample in outside:
        at = bisect_right(times, sample.t_s)
        nearest = min((abs(times[i] - sample.t_s) for i in (at - 1, at) if 0 <= i < len(times)), default=1.0)
        if nearest > 0.02 and (sample.t_s < last or not inside or nearest > 0.2):
            found.append(sample)
    return found
