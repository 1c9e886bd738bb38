"""Series of a heap that do not go together, and figures that no heap has, are refused as they are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memdiag.analysis.check import growth_of
from memdiag.capture.format import read_capture, write_capture
from memdiag.model import Capture, HeapEvidence, Moment, Population, TargetInfo, TypeSeries
from tests.captures import refused

KEPT = Population("container", "app.cache", "dict", "app.cache", "Order", (1, -1), (10, 20))
SOUND = HeapEvidence(
    moments=(Moment(0.0, "start"), Moment(1.0, "end")),
    populations=(KEPT,),
    objects=(5, 6),
    heap_bytes=(50, 60),
    types=(TypeSeries("app.Order", (1, 2), (10, 20)),),
)


def written(path: Path, heap: HeapEvidence) -> Path:
    write_capture(Capture("run", TargetInfo(("app.py",)), heap=heap), path)
    return path


def test_what_goes_together_is_read(tmp_path: Path) -> None:
    measured_less = replace(SOUND, populations=(replace(KEPT, sizes=()),))
    for heap in (SOUND, measured_less, HeapEvidence((), ())):
        assert read_capture(written(tmp_path / "run.memdiag", heap)).heap == heap


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("heap_bytes", {"heap_bytes": (50,)}),
        ("heap_bytes", {"heap_bytes": ()}),
        ("objects", {"objects": (5, 6, 7)}),
        ("objects", {"objects": (5, 2**60)}),
        ("populations", {"populations": (replace(KEPT, counts=(1,)),)}),
        ("populations", {"populations": (replace(KEPT, sizes=(1, 2, 3)),)}),
        ("populations", {"populations": (replace(KEPT, retained_bytes=-5),)}),
        ("types", {"types": (TypeSeries("app.Order", (1, 2), (10,)),)}),
        ("types", {"types": (TypeSeries("app.Order", (1, 2), (10, 2**62)),)}),
        ("garbage", {"garbage_bytes": 2**50}),
    ],
)
def test_what_does_not_is_refused(tmp_path: Path, name: str, wrong: dict[str, Any]) -> None:
    error = refused(written(tmp_path / "run.memdiag", replace(SOUND, **wrong)))
    assert f"HeapEvidence.{name}" in error.problem


def test_rounds_without_calls_tell_nothing() -> None:
    assert growth_of((1, 2, 3), (0, 10, 10)) is None
