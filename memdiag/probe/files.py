"""The system calls by which the probe reads and writes its own files, in two forms.

Python lets other threads run during each of them. In our own thread that costs a switch interval every time: where
the program computes, one snapshot would take ten of them. So they are made with the interpreter's lock held where that
can be.
"""

from __future__ import annotations

from os import O_RDONLY
from os import close as _close
from os import fstat as _fstat
from os import ftruncate as _ftruncate
from os import open as _open
from os import pread as _pread
from os import stat as _stat
from os import write as _write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .native import Native


class Files:
    """As Python makes them."""

    def status(self, descriptor: int) -> tuple[int, int, int]:
        """Device, inode and size in bytes. Raises OSError, as all of these do."""
        found = _fstat(descriptor)
        return found.st_dev, found.st_ino, found.st_size

    def read(self, descriptor: int, count: int) -> bytes:
        """Of the file's beginning."""
        return _pread(descriptor, count, 0)

    def write(self, descriptor: int, data: bytes) -> int:
        """How many bytes could be written."""
        return _write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        _ftruncate(descriptor, size)

    def exists(self, path: str) -> bool:
        try:
            _stat(path)
        except OSError:
            return False
        return True


class HeldFiles(Files):
    """With the interpreter's lock held: no other thread of the program's runs meanwhile."""

    def __init__(self, native: Native) -> None:
        self._native = native

    def status(self, descriptor: int) -> tuple[int, int, int]:
        return self._native.status(descriptor)

    def read(self, descriptor: int, count: int) -> bytes:
        return self._native.beginning(descriptor, count)

    def write(self, descriptor: int, data: bytes) -> int:
        return self._native.write_some(descriptor, data)

    def exists(self, path: str) -> bool:
        return self._native.exists(path)


def fitting(native: Native | None, directory: str) -> Files:
    """The held calls where they say of the directory what Python says of it."""
    if native is None or not native.can_copy:
        return Files()
    held, plain = HeldFiles(native), Files()
    descriptor = _open(directory, O_RDONLY)
    try:
        return held if held.status(descriptor) == plain.status(descriptor) and held.exists(directory) else plain
    except OSError:
        return plain
    finally:
        _close(descriptor)
