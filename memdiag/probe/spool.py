"""Where the probe puts its records: one append-only stream, in a directory that the parent made and will pack."""

from __future__ import annotations

from _signal import SIG_BLOCK, SIG_SETMASK, SIGXFSZ
from _signal import pthread_sigmask as _sigmask
from _signal import sigpending as _sigpending
from _signal import sigwait as _sigwait
from _thread import get_ident as _get_ident
from fcntl import F_DUPFD_CLOEXEC as _DUP_HIGH
from fcntl import fcntl as _fcntl
from os import O_APPEND, O_CLOEXEC, O_CREAT, O_RDONLY, O_WRONLY
from os import close as _close
from os import open as _open
from os import read as _read
from os import rename as _rename
from os import sysconf as _sysconf

from .files import Files

# Programs expect the lowest free descriptor; ours stay out of the way, as high as the limit allows.
_HIGH_DESCRIPTORS = (1000, 250, 60, 20, 3)


def open_high(path: str, flags: int) -> int:
    """A descriptor far above those a program counts on, closed on exec. Raises OSError."""
    low = _open(path, flags | O_CLOEXEC, 0o600)
    try:
        for floor in _HIGH_DESCRIPTORS:
            try:
                return _fcntl(low, _DUP_HIGH, floor)
            except OSError:
                continue
        raise OSError("no descriptor is free")
    finally:
        _close(low)


def _write_quietly(files: Files, descriptor: int, data: bytes) -> int:
    """A write that cannot kill: past RLIMIT_FSIZE the kernel sends SIGXFSZ, whose own default is death."""
    before = _sigmask(SIG_BLOCK, (SIGXFSZ,))
    try:
        return files.write(descriptor, data)
    except OSError:
        if SIGXFSZ in _sigpending():
            _sigwait((SIGXFSZ,))
        raise
    finally:
        _sigmask(SIG_SETMASK, before)


class HighFile:
    """A file kept open at a high descriptor, and checked before each use.

    The program may close every descriptor it finds and open its own files at the same numbers; writing into one
    of those would be unforgivable, so the inode is compared each time and the file reopened where it differs, by
    the thread that opened it first: a descriptor that comes and goes beside the program's own calls changes the
    numbers these get, and makes ``dup2`` fail with EBUSY.
    """

    def __init__(self, path: str, flags: int, files: Files) -> None:
        self.path = path
        self._files = files
        self._flags = flags
        self._owner = _get_ident()
        self._descriptor = open_high(path, flags)
        self._identity = self._identify(self._descriptor)

    def _identify(self, descriptor: int) -> tuple[int, int]:
        return self._files.status(descriptor)[:2]

    def descriptor(self) -> int:
        try:
            if self._identify(self._descriptor) == self._identity:
                return self._descriptor
        except OSError:
            pass
        if _get_ident() != self._owner:
            raise OSError("closed by the program, and not ours to open again in this thread")
        self._descriptor = open_high(self.path, self._flags)
        self._identity = self._identify(self._descriptor)
        return self._descriptor


class Resident:
    """This process's resident set, read without taking a low descriptor each time."""

    def __init__(self, files: Files) -> None:
        self._page = _sysconf("SC_PAGE_SIZE")
        self._files = files
        try:
            self._file: HighFile | None = HighFile("/proc/self/statm", O_RDONLY, files)
        except OSError:
            self._file = None

    def __call__(self) -> int | None:
        if self._file is None:
            return None
        try:
            return int(self._files.read(self._file.descriptor(), 128).split()[1]) * self._page
        except (OSError, ValueError, IndexError):
            return None


class Spool:
    """The stream of records, and larger pieces as files of their own beside it."""

    def __init__(self, directory: str, files: Files) -> None:
        self.directory = directory
        self.lost = 0
        self._files = files
        self._stream = HighFile(directory + "/stream", O_WRONLY | O_APPEND | O_CREAT, files)

    def write(self, record: bytes) -> None:
        """Append one whole record, or nothing: a full disk must not leave half of one behind."""
        try:
            descriptor = self._stream.descriptor()
            size = self._files.status(descriptor)[2]
            if _write_quietly(self._files, descriptor, record) != len(record):
                self._files.truncate(descriptor, size)
                self.lost += 1
        except OSError:
            self.lost += 1

    def put(self, name: str, pieces: list[bytes]) -> bool:
        """A file of its own, complete or absent."""
        path = self.directory + "/" + name
        try:
            descriptor = open_high(path + ".part", O_WRONLY | O_CREAT)
            try:
                for piece in pieces:
                    while piece:
                        piece = piece[_write_quietly(self._files, descriptor, piece) :]
            finally:
                _close(descriptor)
            _rename(path + ".part", path)
        except OSError:
            self.lost += 1
            return False
        return True

    def get(self, name: str) -> bytes | None:
        """What the parent left under this name, or ``None`` as yet."""
        try:
            descriptor = open_high(self.directory + "/" + name, O_RDONLY)
        except OSError:
            return None
        pieces = []
        try:
            while piece := _read(descriptor, 1 << 16):
                pieces.append(piece)
        except OSError:
            return None
        finally:
            _close(descriptor)
        return b"".join(pieces)
