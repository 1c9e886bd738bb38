"""The few things that only C can do, through ``_ctypes``: copy the process, and read the heap by address.

All of it is called with the interpreter's lock held. A copy of the process must never let go of that lock: the threads
that waited for it are not there any more, and the condition variable that would wake them waits for them for ever.

``_ctypes`` is the bare extension; the ``ctypes`` package around it would be imports beyond need. Where it is absent, or
does not behave as this file expects, there are no images, and the heap is walked in place.
"""

from __future__ import annotations

import sys as _sys
from _collections import deque as _drain
from _functools import partial as _partial
from _struct import pack as _pack
from gc import disable as _disable
from itertools import chain as _chain
from itertools import repeat as _repeat
from itertools import starmap as _starmap
from itertools import tee as _tee
from os import O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY
from os import fsencode as _encode
from os import uname as _uname
from sys import _debugmallocstats
from sys import getswitchinterval as _getswitchinterval
from sys import setswitchinterval as _setswitchinterval
from time import perf_counter as _perf_counter
from time import sleep as _turn

_CLONE_PARENT = 0x8000  # the copy becomes the parent's child: the program never meets a child that it did not make
_SIGCHLD = 17
_CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220}  # numbers of the system call
_PRCTL = {"x86_64": 157, "aarch64": 167, "riscv64": 167}
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_CLOSE_ALL = (436, 0, 0xFFFFFFFF, 0, 0, 0)  # close_range, which has this number on every architecture
_QUICKLY_COPIED = 64 << 20  # bytes; smaller ones take less than anybody waits for
_COPYING_S = 3e-10  # seconds a byte, several times what it takes
_UNASKED = 0.5  # of the switch interval, in which no thread asks for the lock that another has just taken
_MOST_DESCRIPTORS = 65536
_PIECE = 1 << 16
_MOST_MAPPINGS = 4 << 20  # bytes of their list
_call = _partial.__call__
_BYTES_HEADER = bytes.__basicsize__ - 1  # before the bytes themselves
_MINOR_FAULTS = 64  # offset in a struct rusage
_FSTAT = {"x86_64": 5, "aarch64": 80, "riscv64": 80}
_STATUS_SIZE = 48  # offset in a struct stat; device and inode come first
_MALLINFO = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
_LIST_ITEMS = 24  # offset of the pointer to a list's items, behind reference count, type and length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Native:
    """Functions of the C library and of the interpreter. Raises ImportError, OSError or AttributeError."""

    def __init__(self) -> None:
        present = "_ctypes" in _sys.modules
        import _ctypes

        if not present:
            _sys.modules.pop("_ctypes", None)
        self._ctypes = _ctypes
        self._library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
        self._long = self._simple("l")
        self._size = self._simple("P")
        self._int = self._simple("i")
        self._object = self._simple("O")
        self.object_at: Callable[[int], Any] = _ctypes.PyObj_FromPtr
        self._bytes_at = self._function(
            _ctypes._string_at_addr,  # type: ignore[attr-defined]
            self._object,
            [self._size, self._int],
        )
        self._word_at = self._reader()
        self._check()
        self._clone = _CLONE.get(_uname().machine) if _sys.platform == "linux" else None
        self.ties = _CLONE_PARENT | _SIGCHLD  # of a copy to this process; without any, it is a child that no wait meets
        number = self._long
        text = self._simple("z")
        trace = int(_ctypes.dlsym(self._library, "_PyTraceMalloc_GetTraceback"))
        self._traceback = self._function(trace, self._object, [self._int, self._long])
        self._syscall = self._named("syscall", [number] * 6)
        self._in_the_copy = {
            0: (
                _partial(_disable),
                _partial(self._syscall, *_CLOSE_ALL),
                _partial(self._syscall, _PRCTL.get(_uname().machine, -1), _PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0),
            )
        }
        self._usage = bytes(256)  # a struct rusage, for C to write to
        self._getrusage = self._named("getrusage", [number, text])
        self._sleep = self._named("usleep", [number])
        self._open = self._named("open", [text, number, number])
        self._read = self._named("read", [number, text, number])
        self._write = self._named("write", [number, text, number])
        self._rename = self._named("rename", [text, text])
        self._pread = self._named("pread", [number, text, number, number])
        self._access = self._named("access", [text, number])
        self._close = self._named("close", [number])
        self._mallinfo = self._malloc_books()

    def _malloc_books(self) -> Any:
        """glibc's ``mallinfo2`` (2.33 and later), which other C libraries do not have."""
        try:
            address = int(self._ctypes.dlsym(self._library, "mallinfo2"))
        except (OSError, AttributeError):
            return None
        word = self._simple("L")
        books = type("_Mallinfo2", (self._ctypes.Structure,), {"_fields_": [(name, word) for name in _MALLINFO]})
        return self._function(address, books, [])

    def malloc_state(self) -> tuple[int, int, int] | None:
        """Bytes that malloc has in use, holds free, and has mapped block by block; ``None`` where it does not tell.

        It counts the free blocks one by one, some 15 ns each, with the locks of all of malloc's arenas held in turn.
        What threads keep at hand of freed small blocks (tcache, at most 0.3 MB each) counts as in use.
        """
        if self._mallinfo is None:
            return None
        found = self._mallinfo()
        return found.uordblks, found.fordblks, found.hblkhd

    def trim(self) -> bool:
        """Have malloc give back what it can; whether there is such a call."""
        try:
            trim = self._named("malloc_trim", [self._long])
        except (OSError, AttributeError):
            return False
        trim(0)
        return True

    def tell_memory(self, directory: str, number: int) -> None:
        """In a copy only: write down its mappings, and have Python's allocator add its books, as on standard error.

        Of more than some thousand mappings none is written down: memdiag's own readings must do.
        """
        path = f"{directory}/memory-{number}"
        self._close(2)
        file = self.create(path + ".part")
        source = _as_int(self._open(b"/proc/self/smaps", O_RDONLY, 0))
        buffer = bytes(_PIECE)
        left = _MOST_MAPPINGS
        while left > 0 and (count := _as_int(self._read(source, buffer, _PIECE))) > 0:
            self._write(file, buffer, count)
            left -= count
        self._close(source)
        if left <= 0:
            self._close(file)
            file = self.create(path + ".part")
        if _as_int(file) == 2:
            _debugmallocstats()
        self.finish(file, path + ".part", path)
        self._open(b"/dev/null", O_RDWR, 0)

    def _simple(self, letter: str) -> Any:
        return type(_ctypes_name(letter), (self._ctypes._SimpleCData,), {"_type_": letter})

    def _named(self, name: str, arguments: list[Any]) -> Any:
        """A function of the C library that returns a long, or an int: of the latter only the sign is of use."""
        return self._function(int(self._ctypes.dlsym(self._library, name)), self._long, arguments)

    def _function(self, address: int, result: Any, arguments: list[Any]) -> Any:
        """A C function that is called with the interpreter's lock held: no other thread runs meanwhile."""
        flags = self._ctypes.FUNCFLAG_CDECL | self._ctypes.FUNCFLAG_PYTHONAPI
        kind = type("_Function", (self._ctypes.CFuncPtr,), {"_flags_": flags, "_restype_": result})
        function = kind(address)
        function.argtypes = arguments
        return function

    def _reader(self) -> Callable[[int], int]:
        word = self._simple("L")
        return lambda address: int(word.from_address(address).value)

    def _check(self) -> None:
        one = [object(), object(), None]
        if self.addresses(one) != _pack("<3Q", *map(id, one)) or self.object_at(id(one)) is not one:
            raise OSError("lists are laid out in another way here")

    def addresses(self, items: list[Any]) -> bytes:
        """The ids of a list's items, 8 bytes each: in CPython, the very array of pointers that the list is."""
        if not items:
            return b""
        return bytes(self._bytes_at(self._word_at(id(items) + _LIST_ITEMS), 8 * len(items)))

    def objects_at(self, keys: set[int]) -> dict[int, object]:
        """By their ids; all of these must be there."""
        return {key: self.object_at(key) for key in keys}

    def page_faults(self) -> int:
        """How often this process has written to a page for the first time, since it began or since a copy was made."""
        self._getrusage(0, self._usage)
        return self._word_at(id(self._usage) + _BYTES_HEADER + _MINOR_FAULTS)

    def traced_at(self, address: int) -> Any:
        """The stack in which tracemalloc saw this block of memory allocated, or ``None``."""
        return self._traceback(0, address)

    @property
    def can_copy(self) -> bool:
        return self._clone is not None

    def copy(self, resident_bytes: int, held_since: float = 0.0) -> int:
        """Copy this process, in this thread alone, for memdiag to be its parent: 0 in the copy, else its pid.

        Not ``os.fork``: that runs what the program has registered for forks, warns of threads, and leaves it a child
        to be waited for. Had a thread just asked for the interpreter's lock, the copy would hand it over and wait for
        ever; so the lock is let go of and taken again just before, and those that wait for it ask only after longer
        than the copying takes, for which its size is told. None of that is needed where this thread has held the lock
        only since ``held_since`` (of ``perf_counter``): nobody can have asked for it yet. In the copy, and in the same
        call into C, the collector is turned off, the program's descriptors are closed, and its end bound to memdiag's.
        Raises OSError.
        """
        interval = _getswitchinterval()
        patience = resident_bytes * _COPYING_S
        prolonged = resident_bytes > _QUICKLY_COPIED and patience > interval
        if prolonged:
            _setswitchinterval(patience)
        try:
            made = _starmap(self._syscall, [(self._clone, self.ties, 0, 0, 0, 0)])
            pids, told = _tee(made)
            then = _chain.from_iterable(map(self._in_the_copy.get, pids, _repeat(())))
            unasked = not prolonged and _perf_counter() - held_since < _UNASKED * interval
            first = () if unasked else (_partial(_turn, 0),)
            _drain(map(_call, _chain(first, then)), 0)
        finally:
            if prolonged and _getswitchinterval() == patience:
                _setswitchinterval(interval)
        pid = int(next(told))
        if pid < 0:
            raise OSError("clone failed")
        return pid

    def let_go_of_descriptors(self) -> None:
        """Close what the program has open: a pipe or socket kept open in a copy would keep its peers waiting."""
        if self._syscall(*_CLOSE_ALL) != 0:
            for descriptor in range(_MOST_DESCRIPTORS):
                self._close(descriptor)
        for _ in range(3):  # what is written to the standard streams goes nowhere
            self._open(b"/dev/null", O_RDWR, 0)

    def sleep(self, seconds: float) -> None:
        self._sleep(int(seconds * 1e6))

    def create(self, path: str) -> int:
        """A descriptor to write to. Raises OSError."""
        return self._checked(self._open(_encode(path), O_WRONLY | O_CREAT | O_TRUNC, 0o600))

    def write(self, descriptor: int, data: bytes) -> None:
        """All of it. Raises OSError."""
        while data:
            data = data[self._checked(self._write(descriptor, data, len(data))) :]

    def write_some(self, descriptor: int, data: bytes) -> int:
        """How many bytes could be written. Raises OSError."""
        return self._checked(self._write(descriptor, data, len(data)))

    def status(self, descriptor: int) -> tuple[int, int, int]:
        """Device, inode and size in bytes of an open file. Raises OSError."""
        status = bytes(256)  # a struct stat, for C to write to
        address = id(status) + _BYTES_HEADER
        if self._syscall(_FSTAT[_uname().machine], descriptor, address, 0, 0, 0) != 0:
            raise OSError("refused")
        return self._word_at(address), self._word_at(address + 8), self._word_at(address + _STATUS_SIZE)

    def beginning(self, descriptor: int, count: int) -> bytes:
        """Of an open file, so many bytes at most. Raises OSError."""
        buffer = bytes(count)
        got = self._checked(self._pread(descriptor, buffer, count, 0))
        return bytes(bytearray(buffer)[:got])  # a slice of a whole bytes object would be that object

    def exists(self, path: str) -> bool:
        return _as_int(self._access(_encode(path), 0)) == 0

    def finish(self, descriptor: int, path: str, final: str) -> None:
        self._close(descriptor)
        self._checked(self._rename(_encode(path), _encode(final)))

    def contents(self, path: str) -> bytes | None:
        """Of a small file; ``None`` where there is none."""
        descriptor = _as_int(self._open(_encode(path), O_RDONLY, 0))
        if descriptor < 0:
            return None
        found = b""
        buffer = bytes(_PIECE)
        while (count := _as_int(self._read(descriptor, buffer, _PIECE))) > 0:
            found += bytes(bytearray(buffer)[:count])
        self._close(descriptor)
        return found

    @staticmethod
    def _checked(result: int) -> int:
        if _as_int(result) < 0:
            raise OSError("refused")
        return result


def present() -> Native | None:
    """``None`` where C behaves in another way than this file expects."""
    try:
        return Native()
    except Exception:
        return None


def _as_int(result: int) -> int:
    """A C int that was taken for a long: its upper half is not defined."""
    low = result & 0xFFFFFFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def _ctypes_name(letter: str) -> str:
    return "_c_" + letter
