"""Fixtures: a place of its own for each comparison, and the tracer it is made with."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.integration.transparency.comparing import TRACERS, WORK, Compare


@pytest.fixture(params=TRACERS)
def tracer(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "memray" and importlib.util.find_spec("memray") is None:
        pytest.skip("memray is not installed")
    return name


@pytest.fixture
def compare(tracer: str, tmp_path: Path) -> Compare:
    (tmp_path / "home").mkdir()
    (tmp_path / "saved").mkdir()
    made = Compare(tracer, tmp_path / "home", tmp_path / "saved")
    made.write("work.py", WORK)
    return made
