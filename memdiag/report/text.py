"""Strings of the target's making, put so that they can be shown: names, paths and cycles, harmless and literal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from memdiag.model import CycleCluster

ELLIPSIS = "..."

# Characters that memdiag's own texts use, for streams that can only carry ASCII.
_TO_ASCII = str.maketrans(
    dict(zip("▁▂▃▄▅▆▇█│┤–—‘’“”×", "_.-=+*%#||--''\"\"x", strict=True)) | {"→": "->", "…": ELLIPSIS}
)


def literal(text: str, *, ascii_only: bool = False) -> str:
    """The text with everything that a terminal would act on, or could not encode, written as an escape.

    Control characters, line breaks, escape sequences, characters that reorder text and lone surrogates come out as
    ``\\x1b``, ``\\n``, ``\\u202e``; tabs as blanks. The result is one line that encodes in UTF-8, or in ASCII.
    """
    text = text.replace("\t", "    ")
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escape(char) for char in text)
    if ascii_only:
        text = text.translate(_TO_ASCII).encode("ascii", "backslashreplace").decode("ascii")
    return text


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def cut(text: str, room: int) -> str:
    """The beginning of the text, in at most ``room`` characters, with dots where something is missing."""
    return text if len(text) <= room else text[: max(room - len(ELLIPSIS), 0)] + ELLIPSIS


def aligned(table: Sequence[Sequence[str]], align: str) -> list[str]:
    """Each row as one string, its columns two blanks apart and to the left or right as the letters of ``align`` say.

    For texts of memdiag's own, whose characters are each one column wide.
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    columns = [(str.rjust if letter == "r" else str.ljust, width) for letter, width in zip(align, widths, strict=True)]
    return ["  ".join(pad(cell, width) for cell, (pad, width) in zip(row, columns, strict=True)) for row in table]


def place(file: str, line: int, *, directory: str = "", room: int = 72) -> str:
    """``file:line``, relative to ``directory`` where it lies under it, in ``room`` characters where that can be.

    A long path loses directories in its middle, never the file's name nor the line.
    """
    separator = "\\" if "\\" in file and "/" not in file else "/"
    base = directory.rstrip(separator) + separator
    if directory and file.startswith(base):
        file = file[len(base) :]
    return _shorten_path(file, separator, room - len(f":{line}")) + f":{line}"


def _shorten_path(path: str, separator: str, room: int) -> str:
    """Keeps the end of the path, directory by directory, as far as there is room; the first part where it fits."""
    if len(path) <= room:
        return path
    *directories, name = path.split(separator)
    kept = name
    head = directories[0] + separator + ELLIPSIS + separator if directories else ""
    if len(head) + len(name) > room:
        head = ELLIPSIS + separator if directories else ""
    for directory in reversed(directories):
        longer = directory + separator + kept
        if len(head) + len(longer) > room:
            break
        kept = longer
    return head + kept


def cycle_line(cluster: CycleCluster) -> str:
    """The cycle on one line: ``AgentContext .subtasks -> list [*] -> AgentContext .parent_context -> (back)``."""
    steps = zip_longest(cluster.shape, cluster.edges[: len(cluster.shape)], fillvalue="")
    return " -> ".join([*(f"{name} {_edge(edge)}".rstrip() for name, edge in steps), "(back)"])


def _edge(name: str) -> str:
    return f".{name}" if name.isidentifier() else name
