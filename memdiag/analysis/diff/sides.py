"""The two sides of a comparison, and what is measured in every run of one: entries, each with a figure a run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from memdiag.analysis.diff.noise import WORKER
from memdiag.model import Capture, Site

Key = tuple[Hashable, ...]  # of a line: its file and number


@dataclass(frozen=True)
class Side:
    """One or several captures of one state of a program: repetitions, or workers of one server."""

    name: str
    captures: tuple[Capture, ...]
    workers: bool = False  # several files, not repetitions in one
    file: str = ""  # that it comes from, where it is one
    whole: Capture | None = None  # of which it is one moment

    @property
    def runs(self) -> tuple[Capture, ...]:
        return tuple(run for capture in self.captures for run in capture.runs)

    @property
    def unit(self) -> str:
        return WORKER if self.workers else "run"


@dataclass(frozen=True)
class Figure:
    """What one run has of something: bytes and how many, and what it is, in words."""

    bytes: int
    count: int
    name: str = ""
    id: str = ""
    type: str = ""
    site: Site | None = None
    arena: bool = False


@dataclass
class Entry:
    """The same thing over all runs of a side; a run that has none of it has 0."""

    figure: Figure  # of the last run that has it: what it is
    bytes: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


Entries = dict[Key, Entry]


def measured(runs: Sequence[Capture], measure: Callable[[Capture], Mapping[Key, Figure]]) -> Entries:
    """Everything that ``measure`` finds in any of the runs."""
    found: Entries = {}
    for number, run in enumerate(runs):
        for key, figure in measure(run).items():
            entry = found.setdefault(key, Entry(figure))
            entry.figure = figure
            for figures, value in ((entry.bytes, figure.bytes), (entry.counts, figure.count)):
                figures.extend([0] * (number - len(figures)))
                figures.append(value)
    for entry in found.values():
        for figures in (entry.bytes, entry.counts):
            figures.extend([0] * (len(runs) - len(figures)))
    return found


def relative(file: str, directory: str) -> str:
    """A file as another checkout, or another environment, has it too: relative to where the program was started.

    Of an installed package, and of the standard library, from there on.
    """
    for mark in ("site-packages/", "dist-packages/"):
        if mark in file:
            return file.rpartition(mark)[2]
    head, inside, tail = file.rpartition("/lib/python")
    if inside and head:
        return tail.partition("/")[2]
    base = directory.rstrip("/") + "/"
    return file[len(base) :] if directory and file.startswith(base) else file
