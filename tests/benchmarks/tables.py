"""The tables that the benchmarks print, and write to a file as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Table:
    """One benchmark's figures; ``missing`` says what was not measured, and why."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        widths = [max(len(row[at]) for row in (self.columns, *self.rows)) for at in range(len(self.columns))]
        lines = [f"## {self.title}", "", _line(self.columns, widths), _line(["-" * width for width in widths], widths)]
        lines += [_line(row, widths) for row in self.rows]
        lines += ["", *self.notes] if self.notes else []
        lines += ["", "Not run: " + "; ".join(self.missing) + "."] if self.missing else []
        return "\n".join(lines) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def held(figure: float, most: float, unit: str = "x") -> str:
    """A limit, and whether the figure keeps it."""
    return f"<= {most:g}{unit}: {'yes' if figure <= most else '**no**'}"


def ratio(figure: float) -> str:
    return f"{figure:.2f}x"


def seconds(figure: float) -> str:
    return f"{figure * 1000:.1f} ms" if figure < 1 else f"{figure:.2f} s"


def megabytes(figure: float) -> str:
    return f"{figure / 1e6:.0f} MB" if figure >= 1e7 else f"{figure / 1e6:.1f} MB"


def spread(figures: Sequence[float]) -> str:
    """The median of ratios, and between what they lay."""
    return f"{median(figures):.3f}x ({min(figures):.2f}-{max(figures):.2f})"
