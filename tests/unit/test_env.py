"""Facts about Pythons hold for the versions that they are about, and for no others."""

from __future__ import annotations

import gc
import sys

import pytest

from memdiag import env


@pytest.mark.parametrize(
    ("python", "incremental"), [("3.13.9", False), ("3.14.0", True), ("3.14.4", True), ("3.14.5", False), ("", False)]
)
def test_incremental_collections(python: str, incremental: bool) -> None:
    assert env.collects_incrementally(python) is incremental


@pytest.mark.parametrize(("python", "waits"), [("3.11.9", False), ("3.12.0", True), ("3.14.5", True), ("", False)])
def test_collections_between_instructions(python: str, waits: bool) -> None:
    assert env.collects_between_instructions(python) is waits


def test_this_python_collects_as_is_said_of_it() -> None:
    """A call into C that makes 20,000 containers: with a threshold of 100 it is interrupted, or it is not."""
    generations: list[int] = []
    gc.callbacks.append(entry := lambda _, info: generations.append(info["generation"]))
    thresholds = gc.get_threshold()
    gc.set_threshold(100, 10, 10)
    try:
        list(zip(range(20_000), strict=False))
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(entry)
    between = env.collects_between_instructions(".".join(map(str, sys.version_info[:3])))
    assert (len(generations) < 10) is between
