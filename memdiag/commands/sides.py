"""The two sides of a comparison as they are typed: files, with ``#`` and a moment behind, and ``--`` between many."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from memdiag.errors import UsageError

if TYPE_CHECKING:
    from memdiag.analysis.diff import Side
    from memdiag.model import Capture

_BETWEEN = "\0"  # stands for -- until the words have been told from the options: no file is called so


class SidesCommand(TyperCommand):
    """A verb that takes options before, between and behind its files, and ``--`` as what stands between two sides."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [_BETWEEN if word == "--" else word for word in args])


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Files before, files after. Raises UsageError where it is not clear which are which."""
    if words.count(_BETWEEN) > 1:
        raise UsageError("there is more than one -- between the files", "memdiag diff before/* -- after/*")
    if _BETWEEN in words:
        at = words.index(_BETWEEN)
        sides = list(words[:at]), list(words[at + 1 :])
        if not all(sides):
            raise UsageError(
                f"no file stands {'behind' if sides[0] else 'before'} --", "memdiag diff before/* -- after/*"
            )
        return sides
    if len(words) != 2:
        what = "only one file: what is it before, and what after?" if len(words) == 1 else f"{len(words)} files"
        raise UsageError(f"diff got {what}", "memdiag diff BEFORE AFTER, or many: memdiag diff before/* -- after/*")
    return [words[0]], [words[1]]


def read_side(words: Sequence[str]) -> Side:
    """Everything that was named, read. Raises UnreadableInput, or UsageError for a moment that there is not."""
    from memdiag.analysis.diff import Side

    name = words[0] if len(words) == 1 else f"{words[0]} and {len(words) - 1} more"
    read = [_read(word) for word in words]
    captures = tuple(capture for capture, _, _ in read)
    if len(read) > 1:
        return Side(name, captures, workers=True)
    _, file, whole = read[0]
    return Side(name, captures, file=os.path.realpath(file), whole=whole)


def _read(word: str) -> tuple[Capture, str, Capture]:
    """What was named, the file that it is in, and all that this holds."""
    from memdiag.analysis.moments import at_moment
    from memdiag.capture.load import load

    file, hash_sign, moment = word.rpartition("#")
    if not hash_sign or not file or Path(word).exists():
        whole = load(Path(word))
        return whole, word, whole
    whole = load(Path(file))
    return at_moment(whole, moment, file), file, whole
