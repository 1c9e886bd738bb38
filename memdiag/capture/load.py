"""Any file that memdiag can compare, told by its first bytes."""

from __future__ import annotations

from pathlib import Path

from memdiag.capture import format, memray_file, tracemalloc_dump
from memdiag.errors import UnreadableInput
from memdiag.model import Capture, TargetInfo, Traces


def load(path: Path) -> Capture:
    """A capture, a tracemalloc dump or a memray file. Raises UnreadableInput."""
    head = _head(path)
    if head.startswith(format.MAGIC):
        return format.read_capture(path)
    if tracemalloc_dump.is_tracemalloc_dump(head):
        return _bare(path, tracemalloc_dump.read_tracemalloc_dump(path))
    if memray_file.is_memray_file(head):
        return _bare(path, memray_file.read_memray_file(path))
    kinds = "a memdiag capture, a tracemalloc dump or a memray file"
    raise UnreadableInput(f"{path} is not {kinds}", "captures are written by memdiag run, tracemalloc's by dump()")


def _head(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UnreadableInput(f"{path} is a directory", "name a file in it")
        if path.exists() and not path.is_file():
            raise UnreadableInput(f"{path} is not a regular file", "name a file")
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise UnreadableInput(f"cannot read {path}: {error.strerror or error}", "check the path") from error
    if not head:
        raise UnreadableInput(f"{path} is empty", "record it again")
    return head


def _bare(path: Path, traces: Traces) -> Capture:
    return Capture(command="file", target=TargetInfo(argv=(path.name,)), tracer=traces.tracer, traces=traces)
