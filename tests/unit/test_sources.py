"""The function and the line behind a site, compared with what CPython itself says of compiled code."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import json.decoder
import os
import sys
import threading
import tokenize
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from memdiag.capture import sources
from memdiag.capture.sources import read_sources
from memdiag.model import Source

MODULE = """\
import os
CONSTANT = [
    1,
]
@decorate(
    [1])
class Manager(
    object):
    limit = 3

    def handle(self, request,
               more=()):
        '''Docs.'''
        return [lambda: item
                for item in request]

    @property
    async def fetch(self):
        pass

    class Inner:
        def method(self):
            pass

def outer():
    def inner():
        return {
            n: n
            for n in range(9)
        }
    return inner

def one_line(): return [0] * 9

def generator():
    yield from (
        1,)

def no_generator():
    def inside(): yield 1
    return lambda: (yield)
"""

EXPECTED = {
    1: "<module>",
    3: "<module>",
    5: "<module>",
    7: "<module>",
    9: "Manager",
    11: "Manager",
    12: "Manager",
    13: "Manager.handle",
    14: "Manager.handle",
    15: "Manager.handle",
    17: "Manager",
    18: "Manager",
    19: "Manager.fetch",
    21: "Manager",
    22: "Manager.Inner",
    23: "Manager.Inner.method",
    25: "<module>",
    26: "outer",
    27: "outer.<locals>.inner",
    29: "outer.<locals>.inner",
    31: "outer",
    33: "one_line",
    35: "<module>",
    37: "generator",
    39: "<module>",
    40: "no_generator.<locals>.inside",  # the body, which is on the line of its def
    41: "no_generator",
}


def functions(path: Path, *lines: int) -> list[str]:
    found = read_sources((str(path), line) for line in lines)
    return [found[str(path), line].function for line in lines]


def written(tmp_path: Path, content: str | bytes, name: str = "module.py") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("line", EXPECTED)
def test_the_innermost_scope_that_runs_on_the_line(tmp_path: Path, line: int) -> None:
    assert functions(written(tmp_path, MODULE), line) == [EXPECTED[line]]


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def lines_of(code: CodeType) -> set[int]:
    """The lines on which *code* runs, less the first, which CPython gives to a call before it has begun."""
    return {line for _, _, line in code.co_lines() if line and line != code.co_firstlineno}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code has its qualified name since 3.11")
@pytest.mark.parametrize("module", [json.decoder, dataclasses, tokenize, threading, ast, os], ids=lambda m: m.__name__)
def test_what_cpython_says_of_real_modules(module: ModuleType) -> None:
    """Every line of every function and class is in the scope whose code CPython runs there."""
    assert module.__file__ is not None
    path = Path(module.__file__)
    named = [code for code in codes(compile(path.read_bytes(), path, "exec")) if "<" not in code.co_name]
    expected: dict[tuple[str, int], str] = {}
    for code in named:
        inside = {line for other in codes(code) if other is not code for line in lines_of(other)}
        expected.update({(str(path), line): getattr(code, "co_qualname", "") for line in lines_of(code) - inside})
    assert len(expected) > 50
    assert {site: source.function for site, source in read_sources(expected).items()} == expected


def test_the_text_is_the_stripped_line(tmp_path: Path) -> None:
    path = written(tmp_path, "if 1:\n\n\t  y = 2  # two \n" + "z = '" + "a" * 300 + "'\n")
    found = read_sources([(str(path), line) for line in (0, 1, 2, 3, 4, 5, -1, 10**9)])
    assert {line: source.text for (_, line), source in found.items()} == {
        1: "if 1:",
        2: "",
        3: "y = 2  # two",
        4: "z = '" + "a" * 195,
    }


def test_nothing_unprintable_gets_out(tmp_path: Path) -> None:
    path = written(tmp_path, "x = '\x1b[31m\u202e\tend'")
    assert read_sources([(str(path), 1)])[str(path), 1].text == "x = ' [31m  end'"


@pytest.mark.parametrize(
    "content",
    [
        "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
        "\ufeff#\nx = 'é'\n".encode(),
        "#\r\nx = 'é'\r\n".encode(),
        "#\rx = 'é'\r".encode(),
        "# \x0c \u2028 \x1c no line ends\nx = 'é'\n".encode(),
        "#!python\nx = 'é'".encode(),
    ],
)
def test_encodings_and_line_ends_are_pythons_own(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)
    assert read_sources([(str(path), 2)]) == {(str(path), 2): Source("<module>", "x = 'é'")}


@pytest.mark.parametrize(
    "content",
    [
        "int main(void) { return 0; }",
        "x = (",
        "x = 1\0",
        b"# coding: utf-8\nx = '\xff'\n",
        b"# coding: none-such\nx = 1\n",
        b"# coding: hex\n00\n",
        b"\x7fELF\0\0\xff",
        "(" * 10_000,
        "-" * 300_000 + "1",
        "x = 1\n" * 900_000,
    ],
)
def test_what_is_not_python_is_left_out(tmp_path: Path, content: str | bytes) -> None:
    path = written(tmp_path, content)
    assert read_sources([(str(path), 1)]) == {}


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    names = [
        "",
        "<string>",
        "<frozen importlib._bootstrap>",
        "<unknown>",
        "/dev/zero",
        "/dev/stdin",
        "a\0b",
        "\udcff.py",
    ]
    names += [
        str(tmp_path),
        str(tmp_path / "absent.py"),
        str(tmp_path / "fifo.py"),
        str(tmp_path / "loop.py"),
        "x" * 5000,
    ]
    good = written(tmp_path, "x = 1\n")
    assert read_sources([*((name, 1) for name in names), (str(good), 1)]) == {
        (str(good), 1): Source("<module>", "x = 1")
    }


def test_deep_expressions_and_warnings_do_no_harm(tmp_path: Path) -> None:
    deep = written(tmp_path, "def f():\n    return " + " + ".join(["1"] * 900) + "\n", "deep.py")
    odd = written(tmp_path, "def f():\n    return '\\d' is 1\n", "odd.py")
    assert functions(deep, 2) == ["f"]
    assert functions(odd, 2) == ["f"]


def test_a_name_in_angle_brackets_is_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "x = 1\n", "<string>")
    monkeypatch.chdir(tmp_path)
    assert read_sources([("<string>", 1)]) == {}


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(written(tmp_path, MODULE, name)) for name in ("a.py", "b.py")]
    opened: list[str] = []

    def counting(file: Any, *args: Any, **kwargs: Any) -> Any:
        opened.append(file)
        return builtins.open(file, *args, **kwargs)

    monkeypatch.setattr(sources, "open", counting, raising=False)
    assert len(read_sources((paths[n % 2], n) for n in range(2, 42))) == 40
    assert sorted(opened) == paths
