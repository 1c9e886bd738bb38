"""Reads what ``tracemalloc.Snapshot.dump`` wrote, without executing anything in it.

Such a dump is a pickle, and a pickle is a program. So it is run on a machine that knows only the instructions
CPython writes for a snapshot (seen from 3.7 to 3.13, protocols 4 and 5), and it judges every value that it makes:

* a tuple is a frame ``(file, line)``, a stack ``(frame, ...)`` or a trace ``(domain, size, stack[, total])``, or it
  is refused; so nothing nests, and nothing that is hashed can be expensive to hash;
* the only list holds traces, the only dicts are the two states, with text for keys;
* ``tracemalloc.Snapshot`` and ``tracemalloc._Traces`` become inert stand-ins, and no other name resolves.

The machine is the pure-Python ``pickle._Unpickler``: unlike the one in C it lets its instructions be replaced. Work
and memory are in proportion to the file, because every declared length is cut to what the file holds.
"""

from __future__ import annotations

import io
import pickle
import re
import stat
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from memdiag.errors import UnreadableInput
from memdiag.model import Frame, Moment, Stack, Traces

SIZE_LIMIT = 512 << 20  # bytes of a dump; millions of blocks fit in a tenth of it
NESTING_LIMIT = 4  # marks open at once: attributes, the list of traces, a trace, its stack
PENDING_LIMIT = 1 << 17  # values that wait for their tuple or list; a stack has at most 65535 frames
FRAMES_LIMIT = 65535  # tracemalloc's own
LINE_LIMIT = 1 << 32
BYTES_LIMIT = 1 << 56  # of a block, and of all together

RawFrame = tuple[str, int]
RawStack = tuple[RawFrame, ...]
RawTrace = tuple[Any, ...]  # (domain, size, stack) before Python 3.9, then (domain, size, stack, total_nframe)

_HEAD = re.compile(rb"\x80[\x04\x05](?:\x95.{8})?\x8c\x0btracemalloc\x94\x8c\x08Snapshot", re.DOTALL)


def is_tracemalloc_dump(head: bytes) -> bool:
    """Whether a file that begins with *head* (64 bytes are enough) is a dump of a tracemalloc snapshot."""
    return _HEAD.match(head) is not None


def read_tracemalloc_dump(path: Path) -> Traces:
    """The snapshot in *path* as :class:`Traces` of one moment, stacks most recent call first.

    Traces with equal stacks are merged, whatever their domain. File names may hold lone surrogates, as those of
    ``os.fsdecode`` do. Raises :class:`UnreadableInput` for anything that is not a whole, plain tracemalloc dump.
    """
    data = _read_bytes(path)
    if not is_tracemalloc_dump(data[:64]):
        raise UnreadableInput(f"{path} is not a tracemalloc dump", "write one with tracemalloc.Snapshot.dump()")
    try:
        snapshot = _Machine(data).load()
        traces, limit = _unwrap(snapshot)
    except _Refused as refused:
        raise _damaged(path, str(refused)) from None
    except Exception as error:  # the standard library promises no list of what broken pickles raise
        raise _damaged(path, _reason(error)) from None
    return _to_model(path, traces, limit)


def _read_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableInput(f"{path} is not a regular file", "give a file written by tracemalloc.Snapshot.dump()")
        with path.open("rb") as file:
            data = file.read(min(status.st_size, SIZE_LIMIT) + 1)  # read() sets aside what it is asked for
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableInput(f"cannot read {path}: {reason}", "check the path and its permissions") from None
    if len(data) > SIZE_LIMIT:
        raise UnreadableInput(
            f"{path} is larger than {SIZE_LIMIT >> 20} MiB", "trace fewer frames, or filter_traces() before the dump"
        )
    return data


def _damaged(path: Path, reason: str) -> UnreadableInput:
    return UnreadableInput(
        f"{path} is a damaged tracemalloc dump, or not tracemalloc's own: {reason}",
        "nothing in it was executed; write it anew with tracemalloc.Snapshot.dump()",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it ends too early"
    if isinstance(error, (MemoryError, OverflowError)):
        return "it asks for more memory than there is"
    return "its instructions make no sense"


# --- the machine ----------------------------------------------------------------------------------------------


class _Refused(Exception):
    """Something that tracemalloc does not write."""


def _refuse(what: str) -> NoReturn:
    raise _Refused(what)


class _Bytes(io.BytesIO):
    """Cuts every length to what there is, and says when that is not enough."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if size is not None and len(data) < size:
            raise EOFError
        return data


class _StandIn:
    """What an object of the dump becomes: its attributes, and no behaviour."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: dict[str, object] = {}


class _SnapshotStandIn(_StandIn):
    __slots__ = ()


class _TracesStandIn(_StandIn):
    __slots__ = ()


_CLASSES: dict[tuple[str, str], type[_StandIn]] = {
    ("tracemalloc", "Snapshot"): _SnapshotStandIn,
    ("tracemalloc", "_Traces"): _TracesStandIn,
}


class _Instructions(dict[int, Any]):
    """Opcode to instruction; one that is not there is refused by name."""

    def __missing__(self, opcode: int) -> NoReturn:
        _refuse(f"instruction {opcode:#04x} has no place in such a dump")


class _Machine(pickle._Unpickler):
    """A pickle machine for tracemalloc's snapshots and nothing else."""

    # What the base class keeps, and does not declare to type checkers:
    stack: list[Any]
    metastack: list[list[Any]]
    read: Callable[[int], bytes]
    append: Callable[[object], None]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, data: bytes) -> None:
        super().__init__(_Bytes(data))
        self.remembered: list[object] = []

    def find_class(self, module: str, name: str) -> type[_StandIn]:
        return _CLASSES.get((module, name)) or _refuse(f"it refers to {module[:60]!a}.{name[:60]!a}")

    def pop(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def load_proto(self) -> None:
        if self.read(1) not in (b"\x04", b"\x05"):
            _refuse("its pickle protocol is neither 4 nor 5")

    def load_mark(self) -> None:
        if len(self.metastack) >= NESTING_LIMIT:
            _refuse("it nests too deeply")
        self.metastack.append(self.stack)
        self.stack = []
        self.append = self.stack.append

    def load_memoize(self) -> None:
        self.remembered.append(self.stack[-1])

    def load_binget(self) -> None:
        self.append(self.remembered[self.read(1)[0]])

    def load_long_binget(self) -> None:
        self.append(self.remembered[int.from_bytes(self.read(4), "little")])

    def load_long1(self) -> None:  # a number beyond 31 bits: the size of a large block, or a domain
        self.append(int.from_bytes(self.read(self.read(1)[0]), "little", signed=True))

    def load_short_binunicode(self) -> None:
        self.push_text(self.read(1)[0])

    def load_binunicode(self) -> None:
        self.push_text(int.from_bytes(self.read(4), "little"))

    def push_text(self, length: int) -> None:
        self.push(str(self.read(length), "utf-8", "surrogatepass"))

    def push(self, value: object) -> None:
        """Append what takes much more memory than the bytes that make it."""
        if len(self.stack) > PENDING_LIMIT:
            _refuse("too many values wait for a place")
        self.append(value)

    def load_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            _refuse("it refers to something without a name")
        self.append(self.find_class(module, name))

    def load_newobj(self) -> None:
        arguments, stand_in = self.stack.pop(), self.stack.pop()
        if arguments != () or stand_in not in (_SnapshotStandIn, _TracesStandIn):
            _refuse("it makes an object of another kind")
        self.push(stand_in())

    def load_build(self) -> None:
        state, stand_in = self.stack.pop(), self.stack[-1]
        if type(state) is not dict or not isinstance(stand_in, _StandIn):
            _refuse("it gives attributes to something that has none")
        stand_in.state = state

    def load_empty_dict(self) -> None:
        self.push({})

    def load_setitem(self) -> None:
        _set(self.pop(2), self.stack[-1])

    def load_setitems(self) -> None:
        _set(self.pop_mark(), self.stack[-1])

    def load_empty_list(self) -> None:
        self.push([])

    def load_append(self) -> None:
        _extend(self.pop(1), self.stack[-1])

    def load_appends(self) -> None:
        _extend(self.pop_mark(), self.stack[-1])

    def load_tuple1(self) -> None:
        self.append(_checked(self.pop(1)))

    def load_tuple2(self) -> None:
        self.append(_checked(self.pop(2)))

    def load_tuple3(self) -> None:
        self.append(_checked(self.pop(3)))

    def load_tuple(self) -> None:
        items = self.pop_mark()  # first: it changes where append leads
        self.append(_checked(items))


_ADMITTED = (
    "PROTO FRAME MARK STOP MEMOIZE BINGET LONG_BINGET BININT BININT1 BININT2 LONG1 SHORT_BINUNICODE BINUNICODE "
    "STACK_GLOBAL NEWOBJ BUILD EMPTY_DICT SETITEM SETITEMS EMPTY_LIST APPEND APPENDS "
    "EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE"
)
_Machine.dispatch = _Instructions(
    {getattr(pickle, name)[0]: getattr(_Machine, f"load_{name.lower()}") for name in _ADMITTED.split()}
)


def _set(items: list[Any], target: object) -> None:
    if type(target) is not dict or len(items) % 2 or len(items) > 8:
        _refuse("its attributes make no sense")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) is not str:
            _refuse("the name of an attribute is not text")
        target[key] = value


def _extend(items: list[Any], target: object) -> None:
    if type(target) is not list:
        _refuse("a trace lies outside the list of traces")
    for item in items:
        if type(item) is not tuple or not item or type(item[0]) is not int:
            _refuse("the list of traces holds something else")
    target += items


def _checked(value: list[Any]) -> tuple[Any, ...]:
    """The tuple of *value* if it is a frame, a stack or a trace. Its first item tells which it has to be."""
    first = type(value[0]) if value else None
    if first is int:
        _check_trace(value)
    elif first is str:
        if len(value) != 2 or not _in_range(value[1], LINE_LIMIT):
            _refuse("a frame is not a file and a line")
    elif first is tuple:
        _check_stack(value)
    else:
        _refuse("a tuple is neither a frame nor a stack nor a trace")
    return tuple(value)


def _check_stack(value: list[Any]) -> None:
    if len(value) > FRAMES_LIMIT:
        _refuse("a stack has too many frames")
    for frame in value:
        if type(frame) is not tuple or not frame or type(frame[0]) is not str:
            _refuse("a stack holds something that is not a frame")


def _check_trace(value: list[Any]) -> None:
    if len(value) not in (3, 4) or not (_in_range(value[0], BYTES_LIMIT) and _in_range(value[1], BYTES_LIMIT)):
        _refuse("a trace is not a domain, a size and a stack")
    if len(value) == 4 and not _in_range(value[3], BYTES_LIMIT):
        _refuse("the total of a trace's frames makes no sense")
    stack = value[2]
    if type(stack) is not tuple or not stack or type(stack[0]) is not tuple:
        _refuse("a trace has no stack")


def _in_range(number: object, limit: int) -> bool:
    return type(number) is int and 0 <= number < limit


# --- from the machine's values to the model -------------------------------------------------------------------


def _unwrap(snapshot: object) -> tuple[list[RawTrace], int]:
    """The list of traces and the limit of frames of a snapshot's stand-in."""
    if type(snapshot) is not _SnapshotStandIn or snapshot.state.keys() != {"traces", "traceback_limit"}:
        _refuse("it holds no snapshot")
    limit, holder = snapshot.state["traceback_limit"], snapshot.state["traces"]
    if type(limit) is not int or not 1 <= limit <= FRAMES_LIMIT:
        _refuse("its limit of frames makes no sense")
    if type(holder) is not _TracesStandIn or holder.state.keys() != {"_traces"}:
        _refuse("it holds no traces")
    traces = holder.state["_traces"]
    if type(traces) is not list:
        _refuse("its traces are not a list")
    return traces, limit


def _to_model(path: Path, traces: list[RawTrace], limit: int) -> Traces:
    totals = _merge(traces)
    if sum(size for size, _ in totals.values()) >= BYTES_LIMIT:
        raise _damaged(path, "its blocks add up to more than any memory")
    frames: dict[RawFrame, Frame] = {}

    def model_stack(stack: RawStack) -> Stack:
        return tuple(frames.get(raw) or frames.setdefault(raw, Frame(*raw)) for raw in stack)

    amounts = np.array(list(totals.values()), dtype=np.int64).reshape(-1, 2)
    nothing = np.zeros(len(totals), dtype=np.int64)
    return Traces(
        tracer="tracemalloc",
        stacks=tuple(map(model_stack, totals)),
        moments=(Moment(0.0, "sample"),),
        live_bytes=amounts[:, 0].reshape(1, -1),
        live_blocks=amounts[:, 1].reshape(1, -1),
        awaiting_bytes=nothing,
        awaiting_blocks=nothing.copy(),
        frames_limit=limit,
    )


def _merge(traces: list[RawTrace]) -> dict[RawStack, tuple[int, int]]:
    """(bytes, blocks) of every stack, in order of first appearance.

    First by identity, since traces share their stacks and hashing a stack once a trace would let a small file with
    one long stack cost a great deal.
    """
    by_identity: defaultdict[int, list[Any]] = defaultdict(lambda: [0, 0, None])
    for trace in traces:
        amount = by_identity[id(trace[2])]
        amount[0] += trace[1]
        amount[1] += 1
        amount[2] = trace[2]
    merged: dict[RawStack, tuple[int, int]] = {}
    for size, count, stack in by_identity.values():
        before = merged.get(stack, (0, 0))
        merged[stack] = (before[0] + size, before[1] + count)
    return merged
