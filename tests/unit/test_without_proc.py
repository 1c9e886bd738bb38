"""A system without ``/proc``, as macOS: nothing fails, what is known is said, and what is not as well."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from memdiag.analysis.diagnose import diagnose_run
from memdiag.capture.format import read_capture, write_capture
from memdiag.launch import books, handles, limits, mappings
from memdiag.launch.record import Settings, record
from memdiag.launch.target import Target
from memdiag.model import Capture
from memdiag.report import render

NOWHERE = Path("/nowhere")
SCRIPT = "kept = [bytes(900) for _ in range(20_000)]\nprint(sum(len(str(at)) for at in range(200_000)))\n"


def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that looks at another process finds nothing, as it would there; copies of it say nothing of their memory."""
    monkeypatch.setattr(books, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(
        books, "read_mappings", lambda pid, t_s, alone: mappings.read_mappings(pid, t_s, alone, NOWHERE)
    )
    monkeypatch.setattr(books, "children_of", lambda pid: handles.children_of(pid, NOWHERE))
    monkeypatch.setattr(
        books,
        "read_handles",
        lambda pid, t_s, spool, children: handles.read_handles(pid, t_s, spool, NOWHERE, children),
    )
    monkeypatch.setattr(books, "read_peers", lambda pid: handles.read_peers(pid, NOWHERE))
    monkeypatch.setattr(books, "group_chain", lambda pid: limits.group_chain(pid, NOWHERE, NOWHERE))
    monkeypatch.setattr(books, "limits_of", lambda pid: limits.limits_of(pid, NOWHERE, NOWHERE))
    monkeypatch.setattr(books.BookKeeper, "_copies", lambda *_: ([], []))


@pytest.fixture
def capture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Capture:
    pretend(monkeypatch)
    (tmp_path / "spool").mkdir()
    (tmp_path / "app.py").write_text(SCRIPT)
    target = Target("script", str(tmp_path / "app.py"))
    found = record(target, Settings(tracer="auto", snapshots="paused", python=sys.executable), tmp_path / "spool")
    write_capture(found, tmp_path / "run.memdiag")
    return read_capture(tmp_path / "run.memdiag")


def test_the_account_is_what_is_known_and_says_what_is_not(capture: Capture) -> None:
    assert capture.books is not None
    assert capture.books.platform == "darwin"
    account = diagnose_run(capture).account
    assert account is not None
    sizes = {layer.name: layer.sizes[-1] for layer in account.layers}
    assert sum(sizes.values()) == account.rss[-1]
    assert sizes["objects"] > 18_000_000
    assert [limit.what for limit in account.limits] == ["machine"]
    assert account.handles == ()
    assert account.words == ()


def test_the_report_says_so(capture: Capture) -> None:
    text = re.sub(r"\s+", " ", render(diagnose_run(capture), limit=10, width=80, color=False, ascii_only=False))
    assert "darwin lists no mappings of a process that would tell them apart" in text
    assert "PSS" not in text
    assert "0 mappings" not in text
    assert "limit machine:" in text
