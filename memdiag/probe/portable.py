"""What a walk in place needs, where C cannot be called directly: plain Python, slower, and without images.

So it is on builds that lay lists out in another way (free-threaded ones), and where ``_ctypes`` is not there.
"""

from __future__ import annotations

from _struct import Struct as _Struct
from gc import get_objects as _get_objects
from os import O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY
from os import close as _close
from os import open as _open
from os import read as _read
from os import rename as _rename
from os import write as _write
from time import sleep as _sleep

_PIECE = 1 << 16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Portable:
    """The part of ``Native`` that is not about copying the process."""

    can_copy = False

    def addresses(self, items: list[Any]) -> bytes:
        return _Struct(f"<{len(items)}Q").pack(*map(id, items))

    def objects_at(self, keys: set[int]) -> dict[int, object]:
        """Of what the collector tracks; other objects cannot be found by address here."""
        return {id(item): item for item in _get_objects() if id(item) in keys}

    def traced_at(self, _address: int) -> Any:
        return None

    def page_faults(self) -> int:
        return 0

    def sleep(self, seconds: float) -> None:
        _sleep(seconds)

    def create(self, path: str) -> int:
        return _open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)

    def write(self, descriptor: int, data: bytes) -> None:
        while data:
            data = data[_write(descriptor, data) :]

    def finish(self, descriptor: int, path: str, final: str) -> None:
        _close(descriptor)
        _rename(path, final)

    def contents(self, path: str) -> bytes | None:
        """Of a small file; ``None`` where there is none."""
        try:
            descriptor = _open(path, O_RDONLY)
        except OSError:
            return None
        pieces = []
        while piece := _read(descriptor, _PIECE):
            pieces.append(piece)
        _close(descriptor)
        return b"".join(pieces)
