"""The exact text of the list of captures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from memdiag.report.listing import Kept, captures_json, render_captures
from tests.golden.examples import TRICKY
from tests.golden.golden import check

DAY = 24 * 3600
LEAK = Kept(
    path=".memdiag/20261120-101500-4711-chat.memdiag",
    recorded_at=1_795_169_700,
    size_bytes=5_472,
    command="run",
    argv=("chat.py", "4000"),
    python="3.11.7",
    verdict="leak",
)
KEPT = (
    LEAK,
    replace(LEAK, recorded_at=LEAK.recorded_at - DAY, size_bytes=2_771, command="cycles", verdict="clean"),
    replace(
        LEAK, recorded_at=LEAK.recorded_at - 2 * DAY, size_bytes=7_126_600, argv=("-m", "shop", "x" * 99), verdict=""
    ),
    Kept(
        ".memdiag/broken.memdiag",
        LEAK.recorded_at - 3 * DAY,
        5,
        damage="is not a whole capture: File is not a zip file",
    ),
    replace(LEAK, path=f".memdiag/{TRICKY}.memdiag", argv=(TRICKY,), recorded_at=0.0, verdict="suspect"),
)
OLD = tuple(replace(one, removed=True) for one in KEPT[3:])


@pytest.fixture(autouse=True)
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("name", "kept", "trial"),
    [
        ("captures", KEPT, False),
        ("captures_pruned", (*KEPT[:3], *OLD), False),
        ("captures_trial", (*KEPT[:3], *OLD), True),
        ("captures_all_pruned", OLD, False),
        ("captures_none", (), False),
    ],
)
def test_list_reads_as_expected(name: str, kept: tuple[Kept, ...], trial: bool) -> None:
    text = render_captures(kept, ".memdiag/", width=80, color=False, trial=trial)
    assert {letter for letter in text if not letter.isprintable()} == {"\n"}
    check(name, text)


def test_list_in_ascii() -> None:
    assert render_captures(KEPT, ".memdiag/", width=80, color=False, ascii_only=True).isascii()


def test_list_as_json() -> None:
    whole = json.loads(captures_json((*KEPT[:3], *OLD), ".memdiag"))
    assert [whole["schema"], whole["directory"], whole["dry_run"]] == ["memdiag.captures/1", ".memdiag", False]
    assert [len(whole["captures"]), len(whole["removed"])] == [3, 2]
    assert whole["captures"][0] == {
        "file": ".memdiag/20261120-101500-4711-chat.memdiag",
        "recorded_at": "2026-11-20T10:15:00Z",
        "size_bytes": 5_472,
        "command": "run",
        "argv": ["chat.py", "4000"],
        "python": "3.11.7",
        "verdict": "leak",
        "damage": None,
    }
    assert whole["captures"][2]["verdict"] is None
    assert whole["removed"][0]["command"] is None
    assert whole["removed"][0]["damage"]
