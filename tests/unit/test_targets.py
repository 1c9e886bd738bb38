"""Whose the words behind a verb are: memdiag's, or the program's."""

from __future__ import annotations

import pytest

from memdiag.commands.targets import with_native_auto

TAKES = {"--tracer", "-o"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--native auto app.py", "--native-auto app.py"),
        ("--native=auto app.py", "--native-auto app.py"),
        ("--tracer memray --native auto app.py x", "--tracer memray --native-auto app.py x"),
        ("--tracer memray --native app.py auto", "--tracer memray --native app.py auto"),
        ("app.py --native auto", "app.py --native auto"),
        ("-- --native auto", "-- --native auto"),
        ("-m app --native auto", "-m app --native auto"),
        ("-o --native auto app.py", "-o --native auto app.py"),
        ("--native-auto auto", "--native-auto auto"),
        ("--native", "--native"),
        ("", ""),
    ],
)
def test_native_auto_may_be_two_words_where_they_are_memdiags(typed: str, meant: str) -> None:
    assert with_native_auto(typed.split(), TAKES) == meant.split()
