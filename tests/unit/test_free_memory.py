"""Whether there is room for a copy of the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdiag.launch import free_memory


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(free_memory, "_V2", tmp_path)
    return tmp_path


def test_the_groups_limit_counts_where_it_is_lower(group: Path) -> None:
    (group / "memory.max").write_text("300000000\n")
    (group / "memory.current").write_text("100000000\n")
    assert free_memory.free_bytes() <= 200_000_000
    assert free_memory.room_for_a_copy(90_000_000)
    assert not free_memory.room_for_a_copy(150_000_000)


@pytest.mark.parametrize("limit", ["max\n", "", "nonsense"])
def test_no_limit_is_the_machines(limit: str, group: Path) -> None:
    (group / "memory.max").write_text(limit)
    (group / "memory.current").write_text("100")
    assert free_memory.free_bytes() > 200_000_000


def test_a_small_program_can_always_be_copied(group: Path) -> None:
    (group / "memory.max").write_text("1000")
    (group / "memory.current").write_text("1000")
    assert free_memory.room_for_a_copy(10_000_000)
