"""Facts about Pythons that change what a figure means, each with its evidence."""

from __future__ import annotations

OLDEST = (3, 10)  # sys.stdlib_module_names and sys.orig_argv, which the probe relies on, came with 3.10


def version(text: str) -> tuple[int, ...]:
    """``3.14.2`` as numbers; empty where the text is no version."""
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def collects_incrementally(python: str) -> bool:
    """Whether a collection looks at a part of the old objects only, so that garbage may wait for several.

    CPython 3.14.0 to 3.14.4; reverted in 3.14.5 (What's New in Python 3.14, "Garbage collection"). Thresholds mean
    something else there (its gc.set_threshold): the second tells how slowly the old objects are gone through (1 % of
    them at a collection for 10, and less for more), the third is ignored.
    """
    return (3, 14, 0) <= version(python) < (3, 14, 5)


def collects_between_instructions(python: str) -> bool:
    """Whether a collection waits for the running bytecode instruction to end.

    What C code makes in one go (``json.loads``, ``list(map(...))``) is then collected once, after it, however low the
    thresholds are. CPython 3.12 and newer (What's New in Python 3.12, "Other Language Changes": the collector runs on
    the eval breaker only, gh-97922); before, any allocation of a container could begin a collection.
    """
    return version(python) >= (3, 12)
