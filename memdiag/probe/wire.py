"""The bytes that the probe writes and the parent reads: a stream of records, each complete in itself.

A record is ``MAGIC, kind, header length, body length, crc``, then a JSON header, then a zlib body that holds plain
arrays of machine integers one after the other, as the header's ``arrays`` lists them: ``[[name, typecode, count]]``.
A killed target loses at most the record it was writing: the reader stops or skips at the first damage.
"""

from __future__ import annotations

from _json import encode_basestring_ascii as _quote
from _struct import Struct as _Struct
from zlib import compress as _compress
from zlib import crc32 as _crc32
from zlib import error as _ZlibError

TYPE_CHECKING = False  # typing and collections.abc would be imports beyond need in the target
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    import numpy.typing as npt

    Column = tuple[
        str, Sequence[int] | bytes
    ]  # struct's letter for the kind of integer, and the integers, or their bytes

MAGIC = b"mdg1"
_PREFIX = len(MAGIC) + 8 + 4 + 4 + 4
MAX_BODY = 1 << 31
_SIZES = {"I": 4, "Q": 8, "q": 8}
_KINDS = {"I": "<u4", "Q": "<u8", "q": "<i8"}  # struct's letters, as numpy writes them


class Record:
    """One record as it was read."""

    __slots__ = ("arrays", "end", "header", "kind")

    def __init__(self, kind: str, header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], end: int) -> None:
        self.end = end  # where in the data the next record begins
        self.kind = kind
        self.header = header
        self.arrays = arrays


def to_json(value: Any) -> str:
    """JSON text of plain values; the ``json`` module would import a dozen others into the target."""
    kind = type(value)
    if kind is str:
        return _quote(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is float:
        return repr(value)
    if kind is dict:
        return "{" + ",".join([_quote(key) + ":" + to_json(item) for key, item in value.items()]) + "}"
    return "[" + ",".join([to_json(item) for item in value]) + "]"


def pack(kind: str, header: Mapping[str, Any], columns: Mapping[str, Column] | None = None) -> bytes:
    """One record. ``struct`` makes the arrays: the ``array`` module would import ``collections`` into the target."""
    index, parts = _packed(columns or {})
    text = to_json({**header, "arrays": index}).encode("ascii")
    body = _compress(b"".join(parts), 1) if parts else b""
    return _prefix(kind, text, len(body), _crc32(body, _crc32(text))) + text + body


def pieces(kind: str, header: Mapping[str, Any], columns: Mapping[str, Column] | None = None) -> list[bytes]:
    """One record as it is written where time counts for more than space: neither joined nor compressed nor summed up.

    For files that are complete or absent. Long joins and checksums let go of the interpreter's lock.
    """
    index, parts = _packed(columns or {})
    text = to_json({**header, "arrays": index, "plain": True}).encode("ascii")
    return [_prefix(kind, text, sum(map(len, parts)), 0), text, *parts]


def _packed(columns: Mapping[str, Column]) -> tuple[list[list[Any]], list[bytes]]:
    """Packed by formats of their own: ``struct.pack`` would keep each in the program's cache, which is of its heap."""
    parts = []
    index = []
    for name, (letter, items) in columns.items():
        packed = items if type(items) is bytes else _Struct(f"<{len(items)}{letter}").pack(*items)
        index.append([name, letter, len(packed) // _SIZES[letter]])
        parts.append(packed)
    return index, parts


def _prefix(kind: str, text: bytes, body_length: int, crc: int) -> bytes:
    lengths = len(text).to_bytes(4, "little") + body_length.to_bytes(4, "little")
    return MAGIC + kind.encode("ascii").ljust(8) + lengths + crc.to_bytes(4, "little")


def unpack(data: bytes, checked: bool = True) -> Iterator[Record]:
    """The whole records in ``data``; damaged stretches are skipped, a torn last record is left out."""
    at = data.find(MAGIC)
    while at >= 0:
        record, end = _unpack_one(data, at, checked)
        if record is not None:
            yield record
        at = data.find(MAGIC, end)


def _unpack_one(data: bytes, at: int, checked: bool) -> tuple[Record | None, int]:
    import json  # only readers come here, never the target

    damaged = None, at + len(MAGIC)
    start = at + _PREFIX
    text_length = int.from_bytes(data[at + 12 : at + 16], "little")
    body_length = int.from_bytes(data[at + 16 : at + 20], "little")
    end = start + text_length + body_length
    if end > len(data):
        return damaged
    text = data[start : start + text_length]
    body = memoryview(data)[start + text_length : end]
    if checked and _crc32(body, _crc32(text)) != int.from_bytes(data[at + 20 : at + 24], "little"):
        return damaged
    try:
        header = json.loads(text)
        arrays = _arrays(header.pop("arrays"), body, bool(header.pop("plain", False)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, _ZlibError):
        return damaged
    return Record(data[at + 4 : at + 12].decode("ascii", "replace").strip(), header, arrays, end), end


def _arrays(index: list[Any], body: memoryview, is_plain: bool) -> dict[str, npt.NDArray[Any]]:
    import zlib

    import numpy as np

    plain = body if is_plain or not body else zlib.decompressobj().decompress(body, MAX_BODY)
    found = {}
    at = 0
    for name, letter, count in index:
        kind = np.dtype(_KINDS[letter])
        found[name] = np.frombuffer(plain, kind, count, at)
        at += count * kind.itemsize
    return found
