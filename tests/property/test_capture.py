"""Any capture that can be made comes back as it was; any bytes that are not one are refused."""

from __future__ import annotations

import dataclasses
import tempfile
import types
import typing
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memdiag.capture.codec import decode, encode
from memdiag.capture.format import read_capture, write_capture
from memdiag.capture.load import load
from memdiag.errors import UnreadableInput
from memdiag.model import Capture, CycleEvidence, Frame, HeapEvidence, Moment, Sample, Source, TargetInfo, Traces
from tests.captures import FULL, same

texts = st.text(st.characters(), max_size=12)  # lone surrogates and control characters too
whole_numbers = st.integers(-(2**63), 2**63 - 1)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: whole_numbers,
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
}


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type of the model, by its own hints: what is added to the model is drawn as well."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([st.none() if one is type(None) else of(one) for one in inner])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple and inner[-1] is Ellipsis:
        return st.lists(of(inner[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of, inner))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return st.builds(
            kind,
            **{name: of(hint) for name, hint in hints.items() if name not in ("heap", "traces", "sources", "repeats")},
        )
    return PLAIN[kind]


frames = st.builds(Frame, texts, whole_numbers, texts)


@st.composite
def all_traces(draw: st.DrawFn) -> Traces:
    stacks = tuple(draw(st.lists(st.lists(frames, max_size=3).map(tuple), max_size=4)))
    moments = tuple(draw(st.lists(of(Moment), max_size=4)))

    def array(*shape: int) -> Any:
        size = int(np.prod(shape))
        values = draw(st.lists(whole_numbers, min_size=size, max_size=size))
        return np.array(values, dtype=np.int64).reshape(shape)

    more = {"tracer", "stacks", "moments", "arenas"}
    hints = {name: hint for name, hint in typing.get_type_hints(Traces).items() if hint is int and name not in more}
    return Traces(
        tracer=draw(texts),
        stacks=stacks,
        moments=moments,
        live_bytes=array(len(moments), len(stacks)),
        live_blocks=array(len(moments), len(stacks)),
        awaiting_bytes=array(len(stacks)),
        awaiting_blocks=array(len(stacks)),
        arenas=draw(st.frozensets(st.integers(0, len(stacks) - 1))) if stacks else frozenset(),
        **{name: draw(whole_numbers) for name in hints},
    )


def fitted(heap: HeapEvidence) -> HeapEvidence:
    """The evidence with series as long as there are moments, of figures that a heap may have."""

    def fit(series: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(figure % 2**48 for figure in (*series, *(0 for _ in heap.moments))[: len(heap.moments)])

    populations = [
        dataclasses.replace(
            one,
            counts=fit(one.counts),
            sizes=fit(one.sizes),
            retained_bytes=one.retained_bytes % 2**48,
            reachable_bytes=one.reachable_bytes % 2**48,
        )
        for one in heap.populations
    ]
    return dataclasses.replace(
        heap,
        populations=tuple(populations),
        objects=fit(heap.objects),
        heap_bytes=fit(heap.heap_bytes),
        garbage_objects=heap.garbage_objects % 2**48,
        garbage_bytes=heap.garbage_bytes % 2**48,
        garbage_types=tuple((name, count % 2**48) for name, count in heap.garbage_types),
        types=tuple(dataclasses.replace(one, counts=fit(one.counts), sizes=fit(one.sizes)) for one in heap.types),
        waiting=tuple(dataclasses.replace(one, counts=fit(one.counts)) for one in heap.waiting),
    )


sources = st.dictionaries(st.tuples(texts, whole_numbers), st.builds(Source, texts, texts), max_size=4)
heaps = st.none() | of(HeapEvidence).map(fitted)
runs = st.builds(dataclasses.replace, of(Capture), heap=heaps, traces=st.none() | all_traces(), sources=sources)
captures = st.builds(dataclasses.replace, runs, repeats=st.just(()) | st.lists(runs, max_size=2).map(tuple))


@pytest.fixture(scope="module", name="path")
def _path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "run.memdiag"


@given(capture=captures)
@example(capture=FULL)
@example(capture=Capture("", TargetInfo(())))
def test_a_capture_comes_back_as_it_was(path: Path, capture: Capture) -> None:
    write_capture(capture, path)
    assert same(read_capture(path), capture)
    assert same(load(path), capture)


@pytest.mark.parametrize("kind", [Sample, Moment, TargetInfo, CycleEvidence])
@given(data=st.data())
def test_a_part_of_the_model_comes_back_as_it_was(kind: Any, data: st.DataObject) -> None:
    value = data.draw(of(kind))
    assert decode(kind, encode(value)) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(kind=st.sampled_from([Sample, Moment, TargetInfo, CycleEvidence, Capture]), value=json_values)
def test_any_plain_value_is_decoded_or_refused(kind: Any, value: Any) -> None:
    try:
        found = decode(kind, value)
    except ValueError:
        return
    assert isinstance(found, kind)
    assert decode(kind, encode(found)) == found


@given(kind=st.sampled_from([Sample, Moment, TargetInfo, CycleEvidence]), data=st.data())
def test_any_value_in_any_field_is_decoded_or_refused(kind: Any, data: st.DataObject) -> None:
    plain = encode(data.draw(of(kind)))
    field = data.draw(st.sampled_from(sorted(plain)))
    plain[field] = data.draw(json_values)
    try:
        found = decode(kind, plain)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert decode(kind, encode(found)) == found
    assert len(refusal) < 300


def refused_or_whole(path: Path) -> None:
    """Reading raises nothing but ``UnreadableInput``, and writes nothing."""
    try:
        found = load(path)
    except UnreadableInput:
        found = FULL
    assert isinstance(found, Capture)
    assert list(path.parent.iterdir()) == [path]


@given(
    data=st.binary(max_size=300), begin=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"memray\0", b"\x80\x04"])
)
def test_any_bytes_are_refused(path: Path, data: bytes, begin: bytes) -> None:
    path.write_bytes(begin + data)
    refused_or_whole(path)


@given(data=st.data())
def test_any_damage_is_refused_or_harmless(path: Path, data: st.DataObject) -> None:
    write_capture(FULL, path)
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        length = data.draw(st.integers(1, 8))
        damaged[at : at + length] = data.draw(st.binary(max_size=12))
    path.write_bytes(damaged)
    refused_or_whole(path)


@given(document=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_document_is_refused(path: Path, document: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("capture.json", document)
    refused_or_whole(path)
