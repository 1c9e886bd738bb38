"""Whatever is written comes back, and whatever is damaged never comes back as something else."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from memdiag.capture.spool import Stream
from memdiag.probe.wire import pack, to_json, unpack

if TYPE_CHECKING:
    from memdiag.probe.wire import Column

    Drawn = tuple[str, dict[str, Any], dict[str, Column]]

texts = st.text(st.characters(), max_size=20)  # lone surrogates, control characters and the rest
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=20
)
names = texts.filter(lambda name: name != "arrays")
headers = st.dictionaries(names, values, max_size=5)
columns = st.one_of(
    st.tuples(st.just("I"), st.lists(st.integers(0, 2**32 - 1), max_size=20)),
    st.tuples(st.just("Q"), st.lists(st.integers(0, 2**64 - 1), max_size=20)),
    st.tuples(st.just("q"), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20)),
)
kinds = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8)
records = st.tuples(kinds, headers, st.dictionaries(texts, columns, max_size=4))


def told(data: bytes) -> list[tuple[str, dict[str, Any], dict[str, list[int]]]]:
    """What the reader makes of it."""
    return [
        (one.kind, one.header, {name: array.tolist() for name, array in one.arrays.items()}) for one in unpack(data)
    ]


def meant(drawn: Drawn) -> tuple[str, dict[str, Any], dict[str, list[int]]]:
    kind, header, arrays = drawn
    return kind, header, {name: list(items) for name, (_, items) in arrays.items()}


@given(values)
def test_json_means_what_it_says(value: Any) -> None:
    assert json.loads(to_json(value)) == json.loads(json.dumps(value)) == value


@given(st.lists(records, max_size=5))
def test_round_trip(drawn: list[Drawn]) -> None:
    assert told(b"".join(pack(*one) for one in drawn)) == [meant(one) for one in drawn]


@given(st.lists(records, max_size=3), records, st.data())
def test_a_torn_tail_costs_the_last_record_alone(drawn: list[Drawn], last: Drawn, data: st.DataObject) -> None:
    torn = pack(*last)
    kept = data.draw(st.integers(0, len(torn) - 1))
    assert told(b"".join(pack(*one) for one in drawn) + torn[:kept]) == [meant(one) for one in drawn]


@given(st.lists(records, min_size=1, max_size=4), st.lists(st.binary(max_size=60), min_size=5, max_size=5))
def test_garbage_between_records_is_skipped(drawn: list[Drawn], garbage: list[bytes]) -> None:
    data = garbage[0]
    for one, noise in zip(drawn, garbage[1:], strict=False):
        data += pack(*one) + noise
    assert told(data) == [meant(one) for one in drawn]


@given(st.lists(records, min_size=1, max_size=4), st.data())
def test_damaged_bytes_lose_records_but_never_change_them(drawn: list[Drawn], data: st.DataObject) -> None:
    """Beyond the kind, which the checksum does not cover, a record is as it was written, or it is gone."""
    stream = bytearray(b"".join(pack(*one) for one in drawn))
    for _ in range(data.draw(st.integers(1, 3))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    expected = [meant(one)[1:] for one in drawn]
    for found in told(bytes(stream)):
        assert found[1:] in expected
    assert len(told(bytes(stream))) <= len(drawn)


@given(st.binary(max_size=200))
def test_any_bytes_are_readable(data: bytes) -> None:
    list(unpack(data))
    list(unpack(b"mdg1" + data))


@given(st.lists(records, min_size=1, max_size=4), st.data())
def test_a_stream_that_is_read_while_it_grows_is_read_once(drawn: list[Drawn], data: st.DataObject) -> None:
    stream = b"".join(pack(*one) for one in drawn)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "stream"
        reader = Stream(path)
        seen = [record.kind for record in reader.fresh()]
        for cut in [*cuts, len(stream), len(stream)]:
            path.write_bytes(stream[:cut])
            seen += [record.kind for record in reader.fresh()]
    assert seen == [kind for kind, _, _ in drawn]
