"""How much memory is free for a copy of the target: the machine's, and what its control group may still use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

_SPARE = 2.0  # times the target's resident set that must be free
_SMALL = 64 << 20  # bytes; a copy of a small program is always possible
_V2 = Path("/sys/fs/cgroup")
_V1 = Path("/sys/fs/cgroup/memory")


@dataclass
class Watchman:
    """Tells the probe, by a sign in its directory, when there is too little memory for images."""

    directory: Path
    is_short: bool = False

    def mind(self, resident_bytes: int) -> bool:
        """Whether there is too little. A copy costs what the program then writes to, at worst all of it."""
        short = not room_for_a_copy(resident_bytes)
        if short != self.is_short:
            self.is_short = short
            sign = self.directory / "no-images"
            sign.touch() if short else sign.unlink(missing_ok=True)
        return short


def room_for_a_copy(resident_bytes: int) -> bool:
    """Whether the pages of a process of that size may come to be there twice."""
    return resident_bytes < _SMALL or free_bytes() > _SPARE * resident_bytes


def free_bytes() -> int:
    """What can be taken without swapping, or being killed for it."""
    free = int(psutil.virtual_memory().available)
    for limit, used in ((_V2 / "memory.max", _V2 / "memory.current"), (_V1_LIMIT, _V1_USED)):
        try:
            free = min(free, int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):
            continue  # no such file, or "max"
    return free


_V1_LIMIT = _V1 / "memory.limit_in_bytes"
_V1_USED = _V1 / "memory.usage_in_bytes"
