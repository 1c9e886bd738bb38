"""Names, paths and cycles of the target, as they are shown."""

from __future__ import annotations

import pytest

from memdiag.model import CycleCluster
from memdiag.report.text import aligned, cut, cycle_line, literal, place


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 世界 🙂", "plain é 世界 🙂"),
        ("[red]x[/red] :smile:", "[red]x[/red] :smile:"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\nb\r\x00\x7f\x9b", r"a\nb\r\x00\x7f\x9b"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("left\u202eright\u2066", r"left\u202eright\u2066"),
        ("caf\udce9", r"caf\udce9"),
        ("\tx", "    x"),
    ],
)
def test_text_is_shown_literally(text: str, shown: str) -> None:
    assert literal(text) == shown


def test_text_for_an_ascii_stream_keeps_what_it_can() -> None:
    assert literal("é │ ▁█ 世 — “x” → y…", ascii_only=True) == r'\xe9 | _# \u4e16 - "x" -> y...'


@pytest.mark.parametrize(
    ("file", "directory", "room", "shown"),
    [
        ("/home/ann/shop/app.py", "/home/ann/shop", 72, "app.py:44"),
        ("/home/ann/shop/app.py", "/home/ann/shop/", 72, "app.py:44"),
        ("/home/ann/shop2/app.py", "/home/ann/shop", 72, "/home/ann/shop2/app.py:44"),
        ("/home/ann/shop/app.py", "", 72, "/home/ann/shop/app.py:44"),
        ("/usr/lib/python3.11/json/decoder.py", "/home", 30, "/.../json/decoder.py:44"),
        ("/usr/lib/python3.11/json/decoder.py", "/home", 38, "/usr/lib/python3.11/json/decoder.py:44"),
        ("/usr/lib/python3.11/json/decoder.py", "/home", 18, "/.../decoder.py:44"),
        ("/usr/lib/python3.11/json/decoder.py", "/home", 5, ".../decoder.py:44"),
        ("very/long/path/to/a/module.py", "", 25, "very/.../a/module.py:44"),
        ("C:\\Users\\ann\\shop\\app.py", "C:\\Users\\ann", 72, "shop\\app.py:44"),
        ("C:\\Users\\ann\\shop\\app.py", "", 20, "C:\\...\\app.py:44"),
        ("<string>", "/home", 4, "<string>:44"),
    ],
)
def test_place_is_shortened_in_its_middle(file: str, directory: str, room: int, shown: str) -> None:
    assert place(file, 44, directory=directory, room=room) == shown


def test_cut_says_that_something_is_missing() -> None:
    assert cut("12345678", 8) == "12345678"
    assert cut("123456789", 8) == "12345..."


def test_columns_are_aligned_over_all_rows() -> None:
    assert aligned([["#", "growth", "x"], ["10", "1", "yy"]], "rrl") == [" #  growth  x ", "10       1  yy"]


def cluster(shape: tuple[str, ...], edges: tuple[str, ...]) -> CycleCluster:
    return CycleCluster(shape, edges, 1, len(shape), 0, "reachable")


@pytest.mark.parametrize(
    ("shape", "edges", "line"),
    [
        (
            ("AgentContext", "list", "AgentContext"),
            ("subtasks", "[*]", "parent_context"),
            "AgentContext .subtasks -> list [*] -> AgentContext .parent_context -> (back)",
        ),
        (("Node",), (".me",), "Node .me -> (back)"),
        (("A", "B"), ("b",), "A .b -> B -> (back)"),
        (("A",), ("['key']", "more"), "A ['key'] -> (back)"),
        ((), (), "(back)"),
    ],
)
def test_cycle_is_one_line(shape: tuple[str, ...], edges: tuple[str, ...], line: str) -> None:
    assert cycle_line(cluster(shape, edges)) == line
