"""Reads the program's own sources for lines that open what nothing is sure to close."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from memdiag.analysis.openings import openings
from memdiag.analysis.origin import is_library
from memdiag.capture.sources import read_text
from memdiag.launch.target import Target
from memdiag.model import Books, HeapEvidence, Opening, Sample

_IMPORTS = re.compile(r"^\s*(?:from|import)\s+([A-Za-z_][\w.]*)", re.MULTILINE)
_MOST_FILES = 40
_MOST_OPENINGS = 60
_SWELLED_BYTES = 1_000_000
_ALWAYS_OPEN = 3  # descriptors that every program has


def with_openings(books: Books, target: Target, heap: HeapEvidence | None, samples: Sequence[Sample]) -> Books:
    """The books with such lines, where handles or native memory grew, or something went unclosed."""
    if not (_grew(books) or _swelled(samples) or _unclosed(heap)):
        return books
    found: list[Opening] = []
    for file in list(dict.fromkeys(_files(target, heap)))[:_MOST_FILES]:
        try:
            found += openings(read_text(file), file)
        except (OSError, SyntaxError, ValueError, LookupError):
            continue  # not there, or not Python
    return dataclasses.replace(books, openings=tuple(found[:_MOST_OPENINGS]))


def _grew(books: Books) -> bool:
    counts = [sum(count for _, count in one.kinds) for one in books.handles]
    threads = [one.threads for one in books.handles]
    temporaries = [one.temporaries for one in books.handles]
    return any(series and max(series) > series[0] + _ALWAYS_OPEN for series in (counts, threads, temporaries))


def _swelled(samples: Sequence[Sample]) -> bool:
    used = [sample.malloc_used_bytes for sample in samples if sample.malloc_used_bytes is not None]
    return bool(used) and max(used) > used[0] + _SWELLED_BYTES


def _unclosed(heap: HeapEvidence | None) -> bool:
    return heap is not None and bool(heap.waiting or heap.unheard)


def _files(target: Target, heap: HeapEvidence | None) -> Iterator[str]:
    """The program's first file, modules beside it that it imports, and the files that own what grows."""
    main = _main(target)
    if main:
        yield main
        yield from _beside(main)
    for population in heap.populations if heap is not None else ():
        if population.owner_file and not is_library(population.owner_file):
            yield population.owner_file


def _main(target: Target) -> str:
    if target.kind == "code":
        return ""
    path = Path(target.value) if target.kind == "script" else Path(*target.value.split("."))
    tries = (path, path.with_suffix(".py"), path / "__main__.py")
    return next((os.path.abspath(one) for one in tries if one.is_file()), "")


def _beside(main: str) -> Iterator[str]:
    try:
        text = read_text(main)
    except (OSError, SyntaxError, ValueError, LookupError):
        return
    for name in _IMPORTS.findall(text):
        beside = Path(main).parent.joinpath(*name.split(".")).with_suffix(".py")
        if beside.is_file():
            yield str(beside)
