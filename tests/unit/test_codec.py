"""Dataclasses to plain values and back, where nothing is believed that the model does not declare."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from memdiag.capture.codec import decode, encode
from memdiag.model import Capture, CycleCluster, CycleEvidence, Moment, PassResult, Sample, TargetInfo, TypeSurvival


@dataclasses.dataclass(frozen=True)
class Inner:
    name: str
    amount: int = 0


@dataclasses.dataclass(frozen=True)
class Outer:
    text: str = ""
    number: int = 0
    ratio: float = 0.0
    flag: bool = False
    maybe: int | None = None
    word: Literal["a", "b"] = "a"
    inner: Inner = Inner("x")
    optional: Inner | None = None
    many: tuple[Inner, ...] = ()
    pair: tuple[str, int] = ("", 0)
    pairs: tuple[tuple[str, int], ...] = ()


FULL = Outer("t", -3, 0.5, True, 7, "b", Inner("y", 2), Inner("z"), (Inner("1"), Inner("2")), ("p", 1), (("q", 2),))


def test_there_and_back() -> None:
    for value in (FULL, Outer()):
        assert decode(Outer, json.loads(json.dumps(encode(value)))) == value


def test_what_is_left_out_is_as_the_model_says() -> None:
    assert decode(Outer, {}) == Outer()
    assert decode(Outer, {"inner": {"name": "n"}}) == Outer(inner=Inner("n", 0))


def test_a_whole_number_may_stand_for_a_float_and_not_the_other_way() -> None:
    assert decode(Outer, {"ratio": 3}) == Outer(ratio=3.0)
    assert type(decode(Outer, {"ratio": 3}).ratio) is float
    with pytest.raises(ValueError, match="number"):
        decode(Outer, {"number": 3.0})


WRONG: dict[str, list[Any]] = {
    "text": [None, 1, [], {}, True],
    "number": [None, "1", 1.5, True, [], 2**63, -(2**63) - 1, 10**400],
    "ratio": [None, "1", True, [], float("inf"), float("-inf"), float("nan"), 10**400],
    "flag": [None, 0, 1, "true"],
    "maybe": ["1", 1.5, [], {}],
    "word": [None, "c", 1, [], {}, ""],
    "inner": [None, 1, "x", [], {}, {"name": 1}, {"name": "x", "other": 1}],
    "optional": [1, "x", [], {}],
    "many": [None, 1, "xx", {}, {"0": {"name": "x"}}, [1], [None], [[]]],
    "pair": [None, [], ["a"], ["a", "b"], ["a", 1, 2], "ab", {"a": 1}],
    "pairs": [None, [1], [[]], [["a"]], [["a", 1, 1]], ["ab"]],
    "unknown": [1],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in WRONG for value in WRONG[field]])
def test_what_does_not_fit(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match="Outer"):
        decode(Outer, {field: value})


@pytest.mark.parametrize("value", [None, 1, "text", [], [1], True, 1.5])
def test_what_is_no_object(value: Any) -> None:
    with pytest.raises(ValueError, match="Outer"):
        decode(Outer, value)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"inner": {"name": 1}}, "Outer.inner.name"),
        ({"many": [{"name": "x"}, {"name": 2}]}, "Outer.many"),
        ({"optional": {"name": "x", "amount": "y"}}, "Outer.optional.amount"),
    ],
)
def test_the_place_is_named(value: Any, place: str) -> None:
    with pytest.raises(ValueError, match="was expected") as caught:
        decode(Outer, value)
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize("key", ["x" * 100_000, "two\nlines", "\x1b[31m", "__class__", "__init__"])
def test_what_went_wrong_is_said_in_one_short_line(key: str) -> None:
    with pytest.raises(ValueError, match="Outer") as caught:
        decode(Outer, {key: 1})
    message = str(caught.value)
    assert len(message) < 200
    assert message.isprintable()


def test_values_that_come_from_the_file_are_shortened() -> None:
    with pytest.raises(ValueError, match="word") as caught:
        decode(Outer, {"word": "y" * 100_000})
    assert len(str(caught.value)) < 200


MODEL = [
    Sample(1.0, rss_bytes=1, fds=2),
    Moment(1.0, "exit", 0.5),
    TargetInfo(("app.py", "--x"), "3.11.7", "/usr/bin/python", "linux", "/home", -9, 1.5),
    CycleCluster(("A", "B"), (".b", ".a"), 1, 2, 3, "waiting", "app.x", own=False),
    CycleEvidence(Moment(0.0, "exit"), 4, (PassResult(1, 2, 3, 4),), (TypeSurvival("A", 1, 1),), ()),
    Capture("run", TargetInfo(()), samples=(Sample(0.0),), notes=("n",)),
]


@pytest.mark.parametrize("value", MODEL, ids=lambda value: type(value).__name__)
def test_the_model_itself(value: Any) -> None:
    plain = encode(value)
    if isinstance(value, Capture):
        del plain["sources"]
    assert decode(type(value), json.loads(json.dumps(plain))) == value


@pytest.mark.parametrize("value", MODEL, ids=lambda value: type(value).__name__)
def test_every_field_of_the_model_is_checked(value: Any) -> None:
    plain = encode(value)
    for field in dataclasses.fields(value):
        if field.name in ("traces", "sources"):
            continue
        for wrong in ({"no": "such"}, [[["nested"]]]):
            with pytest.raises(ValueError, match=type(value).__name__):
                decode(type(value), {**plain, field.name: wrong})


def test_mappings_become_objects() -> None:
    mapping: Mapping[int, Inner] = {1: Inner("x")}
    assert encode(mapping) == {"1": {"name": "x", "amount": 0}}
