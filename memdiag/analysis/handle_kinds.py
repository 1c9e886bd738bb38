"""What kinds of handles there are, what opens and closes each, and what the program's source says of those lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import basename

from memdiag.model import Capture, Handles, Opening, Site

LEAST = 10  # more handles at the end than at the start
FEWEST_READINGS = 12  # of the handles by kind; with fewer the samples tell more


@dataclass(frozen=True)
class Kind:
    noun: str
    opens: tuple[str, ...]  # kinds of openings that may be behind it
    rule: str
    fix: str


_CLOSE = "use with, or close() in finally"
KINDS = {
    "file": Kind("open files", ("file", "connection"), "MEM-004", _CLOSE),
    "temporary file": Kind("open temporary files", ("temporary", "file", "connection"), "MEM-004", _CLOSE),
    "deleted file": Kind("open files that are deleted already", ("temporary", "file"), "MEM-004", _CLOSE),
    "directory": Kind("open directories", ("file",), "MEM-004", _CLOSE),
    "device": Kind("open devices", ("file",), "MEM-004", _CLOSE),
    "socket": Kind("open sockets", ("socket",), "MEM-004", _CLOSE),
    "pipe": Kind(
        "open pipes", ("pipe",), "MEM-004", "use with on Popen, or communicate(): wait() leaves its pipes open"
    ),
    "eventpoll": Kind("selectors", ("eventpoll",), "MEM-001", "close() event loops and selectors in finally"),
}
OTHER = Kind("open file descriptors", (), "MEM-004", _CLOSE)
THREADS = Kind(
    "threads", ("thread",), "MEM-001", "join() them, or use one pool and shutdown() it (with does both), in finally"
)
PROCESSES = Kind("child processes", ("process",), "MEM-001", "wait() for each, or use with on Popen and on pools")
ZOMBIES = Kind(
    "zombies (children that ended and were not waited for)",
    ("process",),
    "MEM-001",
    "wait() for each, or use with on Popen",
)
_MAPS = Kind("memory maps", ("map",), "MEM-004", _CLOSE)
TEMPORARIES = Kind(
    "temporary files and directories",
    ("temporary",),
    "MEM-001",
    "use with (TemporaryDirectory, NamedTemporaryFile), or remove it in finally",
)
_POOLS = "use one pool for all, and shutdown() it in finally (with does that)"
_STREAMS = Kind("open sockets", ("socket",), "MEM-004", "close() each and await wait_closed(), in finally")
CONNECTIONS = Kind(
    "connections",
    ("connection",),
    "MEM-001",
    "close() each in finally, or use contextlib.closing: with on a sqlite3 connection only commits",
)
OPEN = ("_io.FileIO", "socket.socket", "sqlite3.Connection")  # types of which each has a descriptor
TYPES = {
    **dict.fromkeys(("_io.FileIO", "_io.BufferedReader", "_io.BufferedWriter", "_io.TextIOWrapper"), KINDS["file"]),
    **dict.fromkeys(("tempfile.TemporaryDirectory", "tempfile._TemporaryFileWrapper"), TEMPORARIES),
    **dict.fromkeys(("threading.Thread", "threading.Timer"), THREADS),
    "concurrent.futures.thread.ThreadPoolExecutor": Kind("threads", ("thread",), "MEM-001", _POOLS),
    "concurrent.futures.process.ProcessPoolExecutor": Kind("child processes", ("process",), "MEM-001", _POOLS),
    "asyncio.streams.StreamWriter": _STREAMS,
    "sqlite3.Connection": CONNECTIONS,
    "socket.socket": KINDS["socket"],
    "subprocess.Popen": KINDS["pipe"],
    "mmap.mmap": _MAPS,
}


def of_descriptors(name: str) -> Kind:
    """The kind of descriptors that ``/proc`` calls so."""
    return KINDS.get(name) or Kind(f"open {name} descriptors", (), "MEM-004", _CLOSE)


def handle_readings(capture: Capture) -> list[Handles]:
    end = float("inf") if capture.end_s is None else capture.end_s + 1e-6
    return [one for one in capture.books.handles if one.t_s <= end] if capture.books is not None else []


def from_source(opens: Sequence[str], capture: Capture, rule: str) -> tuple[tuple[Site, ...], str, str]:
    """The lines that may open them, what the source says of these, and the rule that they break."""
    known = capture.books.openings if capture.books is not None else ()
    found = [one for one in known if set(one.kinds) & set(opens)]
    if not found:
        return (), "", rule
    unclosed = [one for one in found if one.fate != "closed"]
    if not unclosed:
        return _sites(found), _skipped(found[0]), "MEM-003"
    first = unclosed[0]
    where = f"{basename(first.file)}:{first.line}"
    fate = "is kept, and nothing there closes it" if first.fate == "kept" else "is never closed"
    return _sites(unclosed), f" What {where} opens {fate} (inferred from the source).", rule


def _skipped(one: Opening) -> str:
    name = basename(one.file)
    return (
        f" {name}:{one.line} opens what line {one.closed_line} closes, not in finally: an exception or a return in"
        " between skips that (inferred from the source)."
    )


def _sites(found: Sequence[Opening]) -> tuple[Site, ...]:
    return tuple(Site(one.file, one.line, one.function, source=one.text) for one in found[:3])
