"""What Python's allocator writes of itself (``sys._debugmallocstats``), as a copy of the process had it written."""

from __future__ import annotations

import re

from memdiag.model import Arenas

_LISTED = re.compile(
    r"^\s*[\d,]+ free \S.*= *([\d,]+)\s*$", re.MULTILINE
)  # "3 free PyDictObjects * 48 bytes each = 144"
_TOTAL = re.compile(r"^\d+ arenas \* \d+ bytes/arena\s*= *([\d,]+)\s*$", re.MULTILINE)
_USED = re.compile(r"^# bytes in allocated blocks\s*= *([\d,]+)\s*$", re.MULTILINE)


def parse_arenas(text: str, t_s: float) -> Arenas | None:
    """``None`` where the text does not say how much the arenas are, and how much of them is in use."""
    total, used = _TOTAL.search(text), _USED.search(text)
    if total is None or used is None:
        return None
    listed = sum(_number(found) for found in _LISTED.findall(text))
    return Arenas(t_s, _number(total[1]), _number(used[1]), min(listed, _number(used[1])))


def _number(text: str) -> int:
    return int(text.replace(",", ""))
