"""The page that a terminal report is written on: a fixed width, colour or none, and nothing taken as markup."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

from memdiag.report.text import ELLIPSIS, aligned, literal

if TYPE_CHECKING:
    from rich.text import Text

Part = str | tuple[str, str]  # a text, or a text and its style

MIN_WIDTH = 60  # below this, figures do not fit on a line: let the terminal break them
MAX_WIDTH = 120  # above this, sentences are hard to read


class Page:
    """Lines of text, written from top to bottom; every string that comes in goes out literally.

    Strings become rich's Text, in which nothing is markup; what a terminal would act on is escaped before.

    rich does the wrapping, the width of characters and the colours. It is imported here, when a page is wanted, so that
    importing the package stays cheap.
    """

    def __init__(self, *, width: int, color: bool, ascii_only: bool = False) -> None:
        from rich.console import Console

        self.width = min(max(width, MIN_WIDTH), MAX_WIDTH)
        self._ascii_only = ascii_only
        self._out = StringIO()
        self._console = Console(
            file=self._out,
            width=self.width,
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            force_jupyter=False,
            legacy_windows=False,
        )

    def write(self, *parts: Part, prefix: Sequence[Part] = ()) -> None:
        """One paragraph; ``prefix`` begins its first line, and its further lines are indented as far as that."""
        head = self._text(*prefix)
        indent = head.cell_len
        for line in self._text(*parts).wrap(self._console, max(self.width - indent, 1), overflow="fold"):
            line.rstrip()
            self._print(head + line)
            head = self._text(" " * indent)

    def write_unbroken(self, *parts: Part) -> None:
        """One line, however long: for what a person copies and pastes."""
        self._print(self._text(*parts))

    def write_cut(self, text: str, *, indent: int, style: str = "") -> None:
        """One line, with dots where it does not fit: for what may be cut, as the source of a line may."""
        from rich.cells import cell_len, set_cell_size

        text, room = literal(text, ascii_only=self._ascii_only), self.width - indent
        if cell_len(text) > room:
            text = set_cell_size(text, room - len(ELLIPSIS)) + ELLIPSIS
        self.write_unbroken(" " * indent, (text, style))

    def blank(self) -> None:
        self._out.write("\n")

    def heading(self, text: str) -> None:
        self.blank()
        self.write((text, "bold"))

    def table(self, rows: Sequence[Sequence[str]], align: str) -> None:
        """Names, and figures of one column's width each to their right (``align``: a letter ``l`` or ``r`` a column).

        A name that is too long for that has a line of its own.
        """
        figures = aligned([row[1:] for row in rows], align)
        names = [self._text("  ", row[0], "  ") for row in rows]
        room = self.width - max(map(len, figures))
        column = max((name.cell_len for name in names if name.cell_len <= room), default=0)
        for row, name, figure in zip(rows, names, figures, strict=True):
            if name.cell_len > column:
                self.write(row[0], prefix=["  "])
                name = self._text("")
            self._print(name + self._text(" " * (column - name.cell_len) + figure))

    def finish(self) -> str:
        """Everything written, as text that ends in a line break."""
        return "".join(line.rstrip() + "\n" for line in self._out.getvalue().split("\n")).rstrip("\n") + "\n"

    def _text(self, *parts: Part) -> Text:
        from rich.text import Text

        pairs = [(part, "") if isinstance(part, str) else part for part in parts]
        return Text.assemble(*((literal(text, ascii_only=self._ascii_only), style) for text, style in pairs))

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
