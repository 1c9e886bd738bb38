"""Facts about Pythons that change what a figure means, each with its evidence."""

from __future__ import annotations

OLDEST = (3, 10)  # sys.stdlib_module_names and sys.orig_argv, which the probe relies on, came with 3.10


def version(text: str) -> tuple[int, ...]:
    """``3.14.2`` as numbers; empty where the text is no version."""
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def collects_incrementally(python: str) -> bool:
    """Whether a collection looks at a part of the old objects only, so that garbage may wait for several.

    CPython 3.14.0 to 3.14.4; reverted in 3.14.5 (What's New in Python 3.14, "Garbage collection").
    """
    return (3, 14, 0) <= version(python) < (3, 14, 5)
