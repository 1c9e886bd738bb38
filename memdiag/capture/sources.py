"""Looks up the source behind ``file:line``: the line itself, and the function around it."""

from __future__ import annotations

import ast
import io
import os
import stat
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from memdiag.model import Source

FILE_LIMIT = 5_000_000  # bytes
TEXT_LIMIT = 200  # characters

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def read_sources(sites: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Source]:
    """The source of every (file, line) that can be had; what cannot is left out. Never raises, reads a file once.

    ``function`` is the ``__qualname__`` of the code that runs on the line, without those of lambdas and
    comprehensions: ``Manager.handle``, ``outer.<locals>.inner``, ``<module>``. Decorators and ``def`` are run by the
    scope around them. ``text`` is the line, stripped, at most 200 characters, with nothing unprintable.
    """
    found: dict[tuple[str, int], Source] = {}
    for file, group in groupby(sorted(set(sites)), key=lambda site: site[0]):
        module = _read_module(file)
        if module is not None:
            found.update(((file, line), module.source(line)) for _, line in group if module.has(line))
    return found


@dataclass(frozen=True)
class _Module:
    lines: list[str]
    scopes: list[tuple[int, int, str]]

    def has(self, line: int) -> bool:
        return 1 <= line <= len(self.lines)

    def source(self, line: int) -> Source:
        around = [name for first, last, name in self.scopes if first <= line <= last]
        text = self.lines[line - 1].strip()[:TEXT_LIMIT]
        return Source(around[-1] if around else "<module>", "".join(c if c.isprintable() else " " for c in text))


def _read_module(file: str) -> _Module | None:
    if not file or file.startswith("<"):
        return None
    try:
        text = read_text(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the program's strings and comparisons, none of our business
            tree = ast.parse(text)
        return _Module(io.StringIO(text).readlines(), list(_scopes(tree)))
    except (OSError, SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return None  # not there, not ours to read, or not Python


def read_text(file: str) -> str:
    """The text of a regular file in its declared encoding (PEP 263), newlines made one."""
    status = os.stat(file)
    if not stat.S_ISREG(status.st_mode) or status.st_size > FILE_LIMIT:
        raise OSError("not a source file")
    with open(file, "rb") as opened:
        data = io.BytesIO(opened.read(FILE_LIMIT))
    encoding, _ = tokenize.detect_encoding(data.readline)
    data.seek(0)
    return io.TextIOWrapper(data, encoding).read()


def _scopes(tree: ast.AST) -> Iterator[tuple[int, int, str]]:
    """First line, last line and qualified name of every function and class, outer before inner."""
    pending: list[tuple[ast.AST, str]] = [(tree, "")]  # no recursion: sums of a thousand terms nest as deeply
    while pending:
        node, prefix = pending.pop()
        if isinstance(node, _SCOPES):
            name = prefix + node.name
            yield node.body[0].lineno, node.end_lineno or node.lineno, name
            prefix = f"{name}." if isinstance(node, ast.ClassDef) else f"{name}.<locals>."
        pending.extend((child, prefix) for child in ast.iter_child_nodes(node))
