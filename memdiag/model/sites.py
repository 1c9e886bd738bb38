"""A line of the program, as a report shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """A line that allocates what grows."""

    file: str
    line: int
    function: str = ""
    bytes: int = 0
    count: int = 0
    source: str = ""
