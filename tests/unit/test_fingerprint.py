"""A finding's name is stable, short, and different for different problems."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from memdiag.analysis.fingerprint import fingerprint, place


def test_twelve_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{12}", fingerprint("growth", "app/app.py", "Manager.add", "Manager.history"))


def test_a_name_that_was_published_stays() -> None:
    """Baselines hold these: a change here makes every known finding a new one."""
    assert fingerprint("growth", "app/app.py", "Manager.add", "Manager.history") == "f42febea1149"


def test_hash_seeds_do_not_matter() -> None:
    code = "from memdiag.analysis.fingerprint import fingerprint; print(fingerprint('cycle', 'A', '.b'))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert said == {fingerprint("cycle", "A", ".b") + "\n"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("growth", "a"), ("cycle", "a")),
        (("growth", "a", "b"), ("growth", "b", "a")),
        (("growth", "ab"), ("growth", "a", "b")),
        (("growth", "a", ""), ("growth", "a")),
    ],
)
def test_different_problems(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert fingerprint(*one) != fingerprint(*other)


def test_any_text_has_a_name() -> None:
    assert fingerprint("growth", "\ud800", "😀", "") != fingerprint("growth", "\ud801", "😀", "")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("/home/me/project/app/models.py", "app/models.py"),
        ("/builds/77/app/models.py", "app/models.py"),
        ("models.py", "models.py"),
        ("<string>", "<string>"),
        ("", ""),
    ],
)
def test_a_place_is_the_same_in_every_checkout(file: str, expected: str) -> None:
    assert place(file) == expected
