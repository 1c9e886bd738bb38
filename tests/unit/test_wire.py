"""The stream of records: what is written comes back, and damage costs only the record that it hits."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from memdiag.probe.wire import MAGIC, pack, to_json, unpack

if TYPE_CHECKING:
    from memdiag.probe.wire import Column

COLUMNS: dict[str, Column] = {"counts": ("I", [0, 1, 2**32 - 1]), "ids": ("Q", [2**64 - 1]), "sizes": ("q", [-(2**63)])}


def kinds(data: bytes) -> list[str]:
    return [record.kind for record in unpack(data)]


def test_a_record_comes_back() -> None:
    (record,) = unpack(pack("heap", {"look": 1, "label": "exit"}, COLUMNS))
    assert record.kind == "heap"
    assert record.header == {"look": 1, "label": "exit"}
    assert {name: array.tolist() for name, array in record.arrays.items()} == {
        "counts": [0, 1, 2**32 - 1],
        "ids": [2**64 - 1],
        "sizes": [-(2**63)],
    }


def test_records_come_back_in_their_order() -> None:
    data = pack("one", {}) + pack("two", {"n": 2}, {"empty": ("I", [])}) + pack("three", {})
    assert kinds(data) == ["one", "two", "three"]


def test_an_end_tells_where_to_read_on() -> None:
    first, second = pack("one", {}, COLUMNS), pack("two", {})
    ends = [record.end for record in unpack(first + second)]
    assert ends == [len(first), len(first) + len(second)]


def test_a_column_may_be_empty() -> None:
    (record,) = unpack(pack("heap", {}, {"first": ("Q", []), "second": ("I", [7]), "third": ("q", [])}))
    assert {name: array.tolist() for name, array in record.arrays.items()} == {"first": [], "second": [7], "third": []}


def test_a_number_that_does_not_fit_is_an_error_for_the_writer() -> None:
    with pytest.raises(Exception, match=r"format requires|out of range|too large"):
        pack("heap", {}, {"ids": ("I", [2**32])})


@pytest.mark.parametrize("kept", range(len(pack("last", {"a": 1}, COLUMNS))))
def test_a_torn_last_record_is_left_out(kept: int) -> None:
    assert kinds(pack("first", {}) + pack("last", {"a": 1}, COLUMNS)[:kept]) == ["first"]


def test_damage_costs_one_record() -> None:
    """The checksum covers all but the kind, so a record is as it was written, or gone; its neighbours stay."""
    before, middle, after = pack("one", {}, COLUMNS), pack("two", {"text": "x" * 40}, COLUMNS), pack("three", {})
    for at in range(len(middle)):
        damaged = bytearray(middle)
        damaged[at] ^= 0x40
        first, *found, last = unpack(before + bytes(damaged) + after)
        assert (first.kind, last.kind) == ("one", "three")
        assert [record.header for record in found] == ([{"text": "x" * 40}] if 4 <= at < 12 else [])


def test_a_length_that_lies_does_not_hide_what_follows() -> None:
    """The lengths are not covered by the checksum; a huge one must not swallow the rest of the stream."""
    lying = bytearray(pack("lying", {}, COLUMNS))
    lying[12:16] = (1 << 31).to_bytes(4, "little")
    assert kinds(bytes(lying) + pack("next", {})) == ["next"]


def test_a_record_inside_a_damaged_one_is_found() -> None:
    whole = pack("inner", {"a": 1})
    assert kinds(MAGIC + b"outer   " + b"\xff" * 12 + whole) == ["inner"]


def test_the_magic_in_the_content_is_no_record() -> None:
    header = {"text": MAGIC.decode("ascii")}
    assert [record.header for record in unpack(pack("one", header) + pack("two", {}))] == [header, {}]


def _sealed(text: bytes, body: bytes) -> bytes:
    """A record with a right checksum, whatever it holds."""
    lengths = len(text).to_bytes(4, "little") + len(body).to_bytes(4, "little")
    return MAGIC + b"odd     " + lengths + zlib.crc32(body, zlib.crc32(text)).to_bytes(4, "little") + text + body


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (b"", b""),
        (b"[]", b""),
        (b"{}", b""),
        (b"not json", b""),
        (b'{"arrays": 1}', b""),
        (b'{"arrays": [1]}', b""),
        (b'{"arrays": [["a", "d", 1]]}', zlib.compress(b"\0" * 8)),
        (b'{"arrays": [["a", "Q", 9]]}', zlib.compress(b"\0" * 8)),
        (b'{"arrays": [["a", "Q", "1"]]}', zlib.compress(b"\0" * 8)),
        (b'{"arrays": [["a", "Q", 1]]}', b"not zlib"),
        (b'{"arrays": [["a", "Q", 1]]}', b""),
        (b'{"arrays": [["a", "Q", 1]]}', zlib.compress(b"\0" * 8)[:-6]),
        (b"[" * 100_000, b""),
        (b"\xff\xfe", b""),
    ],
)
def test_nonsense_with_a_right_checksum_is_skipped(text: bytes, body: bytes) -> None:
    assert kinds(pack("one", {}) + _sealed(text, body) + pack("two", {})) == ["one", "two"]


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -1, 2**70, 1.5, -0.0, 1e300, "", 'a "quoted" \\ \n\t\0 text', "é€😀", "\ud800"],
)
def test_json_of_plain_values(value: Any) -> None:
    for nested in (value, [value], (value, [value]), {"key": value}, {"\udc80": {"b": [value, {}]}}):
        assert json.loads(to_json(nested)) == json.loads(json.dumps(nested))


def test_json_is_ascii() -> None:
    assert to_json({"é": "\ud800 😀"}).isascii()
