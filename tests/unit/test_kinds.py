"""What is known of objects without running their code, and which of them can die without anyone noticing."""

from __future__ import annotations

import abc
import array
import asyncio
import collections
import ctypes
import dataclasses
import enum
import functools
import io
import itertools
import mmap
import socket
import sys
import threading
import types
import typing
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memdiag.probe import kinds, wire
from memdiag.probe.native import Native
from memdiag.probe.walk import Walk
from tests.heaps import noticed_by


class Plain:
    limit = 3

    def method(self) -> None: ...


class Slotted:
    __slots__ = ("left", "right")


class Derived(Slotted):
    pass


class Finalized:
    def __del__(self) -> None: ...


class FinalizedChild(Finalized):
    pass


class Words(list[str]):
    pass


class Point(typing.NamedTuple):
    x: int


@dataclasses.dataclass
class Record:
    x: int = 1


class Colour(enum.Enum):
    RED = 1


class Abstract(abc.ABC):
    @abc.abstractmethod
    def method(self) -> None: ...


T = typing.TypeVar("T")


class Generic(typing.Generic[T]):
    pass


def function() -> None: ...


def generator() -> Any:
    yield


# --- who dies unheard -----------------------------------------------------------------------------------------

UNHEARD = [
    *(object, int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice),
    *(collections.OrderedDict, collections.defaultdict, collections.deque, collections.Counter, functools.partial),
    *(types.FunctionType, types.MethodType, types.CellType, types.ModuleType, property, staticmethod, classmethod),
    *(Plain, Slotted, Derived, Words, Point, Record, Colour, Abstract, Generic),
]

HEARD = [
    *(Finalized, FinalizedChild, io.FileIO, io.BufferedReader, io.BufferedWriter, io.TextIOWrapper, io.StringIO),
    *(socket.socket, mmap.mmap, asyncio.Future),
    *(types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, weakref.ref),
    *(np.ndarray, memoryview, type(threading.Lock()), ctypes.c_int, ctypes.Structure, array.array),
    *(itertools.count, threading.local),
]


@pytest.mark.parametrize("kind", UNHEARD, ids=lambda kind: kind.__name__)
def test_memory_is_all_that_these_let_go_of(kind: type) -> None:
    assert kinds.dies_unheard(kind)


@pytest.mark.parametrize("kind", HEARD, ids=lambda kind: kind.__qualname__)
def test_the_death_of_these_does_something(kind: type) -> None:
    assert not kinds.dies_unheard(kind)


@pytest.mark.parametrize("kind", HEARD, ids=lambda kind: kind.__qualname__)
def test_a_class_of_the_programs_inherits_what_its_base_does(kind: type) -> None:
    try:
        child = type("Child", (kind,), {})
    except TypeError:
        pytest.skip("it cannot be a base")
    assert not kinds.dies_unheard(child)


def test_a_finalizer_that_is_put_on_a_class_later_counts() -> None:
    class Late:
        pass

    assert kinds.dies_unheard(Late)
    Late.__del__ = lambda _: None  # type: ignore[attr-defined]
    assert not kinds.dies_unheard(Late)


# --- names and places -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (int, ("builtins", "int")),
        (Plain, (__name__, "Plain")),
        (collections.OrderedDict, ("collections", "OrderedDict")),
        (types.SimpleNamespace, ("types", "SimpleNamespace")),
        (type("Nested.Inner", (), {"__module__": "app"}), ("app", "Nested.Inner")),
        (type("Placeless", (), {"__module__": None}), ("", "Placeless")),
        (type("Odd", (), {"__module__": property(lambda _: "lie")}), ("", "Odd")),
    ],
)
def test_type_names(kind: type, name: tuple[str, str]) -> None:
    assert kinds.type_name(kind) == name


@pytest.mark.parametrize(
    ("kind", "role"),
    [(type, "class"), (abc.ABCMeta, "class"), (types.ModuleType, "module"), (Plain, ""), (types.FunctionType, "")],
)
def test_roles(kind: type, role: str) -> None:
    assert kinds.role(kind) == role
    if kind is not types.FunctionType:
        assert kinds.role(type("Child", (kind,), {})) == role


def home(item: object) -> str:
    homes = kinds.Homes()
    place = homes(item)
    return next(name for name, at in homes.names.items() if at == place)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Plain(), __name__),
        (Plain, __name__),
        (function, __name__),
        ([], "builtins"),
        (collections.OrderedDict(), "collections"),
        (collections.OrderedDict, "collections"),
        (functools.wraps, "functools"),
        (Plain().method, "builtins"),
        (sys, "builtins"),
    ],
)
def test_homes(item: object, expected: str) -> None:
    assert home(item) == expected


def test_places_are_numbered_in_order_and_remembered() -> None:
    homes = kinds.Homes()
    items: list[object] = [Plain(), [], Plain(), function, {}, collections.OrderedDict()]
    places = [homes(item) for item in items]
    assert places == [0, 1, 0, 0, 1, 2]
    assert list(homes.names) == [__name__, "builtins", "collections"]


@pytest.mark.parametrize(
    ("module", "library"),
    [
        ("asyncio.events", True),
        ("builtins", True),
        ("_memdiag_probe.recorder", kinds.__package__.startswith("_memdiag_probe")),
        ("__main__", False),
        ("asynciotools", False),
        ("numpy.random", False),
        ("", False),
    ],
)
def test_libraries(module: str, library: bool) -> None:
    assert kinds.is_library(module) == library


# --- looking in -----------------------------------------------------------------------------------------------


def test_lookup_finds_what_the_class_means_and_not_the_instance() -> None:
    instance = Plain()
    instance.method = instance.limit = None  # type: ignore[method-assign,assignment]
    assert kinds.lookup(Plain, "limit") == 3
    assert kinds.lookup(type("Child", (Plain,), {}), "method") is Plain.__dict__["method"]
    assert kinds.lookup(Plain, "absent") is None


def test_an_instances_namespace_is_the_very_dictionary() -> None:
    instance: Any = Derived()
    assert kinds.instance_namespace(instance) is instance.__dict__
    assert kinds.instance_namespace(Slotted()) is None
    assert kinds.instance_namespace(sys) is sys.__dict__
    assert kinds.instance_namespace([]) is None
    assert kinds.instance_namespace(Plain) is None


def test_a_dict_that_is_not_the_interpreters_is_not_believed() -> None:
    lying: Any = type("Lying", (), {"__slots__": (), "__dict__": property(lambda _: {"invented": 1})})
    assert kinds.instance_namespace(lying()) is None


def test_slots_are_those_of_all_classes_and_filled() -> None:
    instance = Derived()
    instance.left = left = object()  # type: ignore[attr-defined]
    found = kinds.slots(instance)
    assert [(name, value) for name, value in found if name in ("left", "right")] == [("left", left)]


def test_sizes_are_the_interpreters_own() -> None:
    sizes = kinds.Sizes()
    plain: list[object] = [
        [],
        [1] * 100,
        {},
        {"a": 1},
        "text",
        10**40,
        Plain,
        Plain(),
        Words("ab"),
        function,
        sys,
        set(),
    ]
    assert [sizes(item) for item in plain] == [sys.getsizeof(item) for item in plain]


def test_a_size_that_the_program_made_up_is_not_believed() -> None:
    class Liar:
        def __sizeof__(self) -> int:
            raise AssertionError("this must not be called")

    class LyingList(list[int]):
        def __sizeof__(self) -> int:
            raise AssertionError("this must not be called")

    sizes = kinds.Sizes()
    assert 0 < sizes(Liar()) < 200
    assert 0 < sizes(LyingList(range(1000))) < 200


# --- nobody is disturbed --------------------------------------------------------------------------------------

QUESTIONS: list[Callable[[Any], object]] = [
    lambda item: kinds.type_name(type(item)),
    lambda item: kinds.lookup(type(item), "held"),
    lambda item: kinds.role(type(item)),
    lambda item: kinds.dies_unheard(type(item)),
    kinds.instance_namespace,
    kinds.slots,
    lambda item: kinds.Homes()(item),
    lambda item: kinds.Sizes()(item),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_no_code_of_the_programs_is_run(question: Callable[[Any], object]) -> None:
    assert noticed_by(lambda objects: [question(item) for item in objects]) == []


def walked(objects: list[object]) -> list[wire.Record]:
    parts: list[bytes] = []
    walk = Walk(parts.extend, Native().addresses)
    walk.objects(objects)
    walk.types()
    return list(wire.unpack(b"".join(parts), checked=False))


def test_a_walk_runs_no_code_of_the_programs() -> None:
    assert noticed_by(walked) == []


def test_a_walk_is_not_stopped_by_classes_that_cannot_be_hashed() -> None:
    """A metaclass that defines ``__eq__`` alone makes its classes unhashable; that is the program's business."""
    unhashable: Any = type("Meta", (type,), {"__eq__": lambda one, other: one is other})
    objects: list[object] = [unhashable("One", (), {})(), unhashable("Two", (), {})()]
    (types_,) = [record for record in walked(objects) if record.kind == "types"]
    assert [name for _, name, _ in types_.header["types"]][:2] == ["One", "Two"]


def test_classes_that_say_they_are_equal_are_two() -> None:
    equal: Any = type("Meta", (type,), {"__eq__": lambda *_: True, "__hash__": lambda _: 1})
    objects: list[object] = [equal("One", (), {})(), equal("Two", (), {})(), equal("One", (), {})()]
    chunk, *_, types_, _ = walked(objects)
    names = dict(zip(types_.arrays["ids"].tolist(), [name for _, name, _ in types_.header["types"]], strict=True))
    assert [names[key] for key in chunk.arrays["types"].tolist()] == ["One", "Two", "One"]


def test_every_class_says_where_it_is_from() -> None:
    made: Any = type("Local", (), {"__module__": "shop"})
    (classes,) = [record for record in walked([made]) if record.kind == "classes"]
    homes = dict(zip(classes.arrays["ids"].tolist(), classes.header["modules"], strict=True))
    assert homes[id(made)] == "shop"


def test_looking_leaves_no_trace(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        items: list[object] = [Plain, Plain(), Slotted(), function, file, sys, generator(), Colour.RED, Record()]
        before = [(set(vars(item)) if hasattr(item, "__dict__") else None) for item in items]
        for item in items:
            for question in QUESTIONS:
                question(item)
        walked(items)
        assert before == [(set(vars(item)) if hasattr(item, "__dict__") else None) for item in items]
