"""The helper itself: it must fail where texts differ, and keep what it saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.golden import check


def test_difference_fails_and_is_saved(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"\+hello"):
        check("greeting", "hello\n", folder=tmp_path)
    assert (tmp_path / "actual" / "greeting.txt").read_bytes() == b"hello\n"


def test_agreement_after_scrubbing_removes_what_an_earlier_failure_saved(tmp_path: Path) -> None:
    (tmp_path / "expected").mkdir()
    (tmp_path / "expected" / "greeting.txt").write_bytes(b"took N s\n")
    with pytest.raises(AssertionError):
        check("greeting", "took 12 s\n", folder=tmp_path)
    check("greeting", "took 12 s\n", scrubs={r"\d+": "N"}, folder=tmp_path)
    assert not (tmp_path / "actual" / "greeting.txt").exists()
