"""The walk over a real heap, read back: objects known here are found there with their figures and references."""

from __future__ import annotations

import gc
import os
import sys
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

import pytest

from memdiag.capture.heap_file import questions_text, read_answers, read_heap
from memdiag.model import HeapGraph, Questions
from memdiag.probe import heap, roots
from memdiag.probe.native import Native
from memdiag.probe.walk import Walk
from memdiag.probe.wire import pieces, to_json


class Record:
    def __init__(self, number: int) -> None:
        self.number = number
        self.payload = {"text": "x" * number, "numbers": (number, number + 0.5)}


class Slotted:
    __slots__ = ("left", "right")


@pytest.fixture(scope="module")
def native() -> Native:
    return Native()


def write_heap(native: Native, path: Path, objects: list[Any], own: list[int] | None = None) -> HeapGraph:
    """As an image does, of these objects alone."""
    with path.open("wb") as stream:

        def write(parts: list[bytes]) -> None:
            stream.writelines(parts)

        write(pieces("begin", {"t": 1.5, "worked": 0.5, "label": "sample"}))
        walk = Walk(write, native.addresses)
        walk.objects(objects)
        walk.types()
        write(pieces("roots", {"modules": roots.modules(), "frames": [], "own": own or []}))
    graph = read_heap(path)
    assert graph is not None
    return graph


def node_of(graph: HeapGraph, item: object) -> int:
    found = [at for at, key in enumerate(graph.ids.tolist()) if key == id(item)]
    assert len(found) == 1, "an object is one node, however often it is met"
    return found[0]


def targets_of(graph: HeapGraph, item: object) -> list[int]:
    node = node_of(graph, item)
    return [int(graph.ids[target]) for target in graph.targets[graph.starts[node] : graph.starts[node + 1]]]


def test_every_reference_of_an_object_is_an_edge_in_its_order(native: Native, tmp_path: Path) -> None:
    shared = Record(7)
    holders: list[Any] = [[shared, shared, 10**30], deque([shared, "text"]), OrderedDict(a=shared), {1: shared}]
    graph = write_heap(native, tmp_path / "heap", [*holders, shared])
    for holder in (holders[0], holders[1], holders[3]):
        known = set(graph.ids.tolist())
        assert targets_of(graph, holder) == [key for key in map(id, gc.get_referents(holder)) if key in known]
    assert targets_of(graph, holders[0])[-2:] == [id(shared)] * 2, "as often as it is referred to"


def test_texts_that_are_keys_are_there_too(native: Native, tmp_path: Path) -> None:
    """The collector passes over these where all the keys are texts: they take part in no cycle."""
    key, other = "".join(["key ", "one"]), "".join(["key ", "two"])
    value = Record(7)
    holders: list[Any] = [{key: value}, OrderedDict({key: value}), Counts({key: 3}), {key: 1, other: 2}]
    graph = write_heap(native, tmp_path / "heap", [*holders, value])
    for holder in holders:
        assert id(key) in targets_of(graph, holder)
    assert id(other) in targets_of(graph, holders[-1])


class Counts(dict[str, int]):
    def __iter__(self) -> Any:
        raise AssertionError("nothing of the program's is run")


def test_what_the_collector_does_not_track_is_there_with_what_it_holds(native: Native, tmp_path: Path) -> None:
    inner = {"numbers": (10**20, 10**21)}
    assert not gc.is_tracked(inner) or sys.version_info >= (3, 14)
    graph = write_heap(native, tmp_path / "heap", [[inner]])
    assert id(inner["numbers"]) in targets_of(graph, inner)
    assert sorted(targets_of(graph, inner["numbers"])) == sorted(map(id, inner["numbers"]))
    assert not graph.tracked[node_of(graph, inner["numbers"][0])]


@pytest.mark.parametrize("item", [Record(3), bytearray(5000), [1] * 100, Slotted(), deque(range(500)), {1: [2]}])
def test_sizes_are_those_of_the_interpreter(item: Any, native: Native, tmp_path: Path) -> None:
    graph = write_heap(native, tmp_path / "heap", [[item], *([item] if gc.is_tracked(item) else [])])
    assert graph.sizes[node_of(graph, item)] == sys.getsizeof(item)


def test_counts_are_those_of_the_interpreter_without_the_walkers_own(native: Native, tmp_path: Path) -> None:
    one = Record(1)
    held = [one, one, {"one": one}]
    count = sys.getrefcount(one) - 1  # the call's own
    graph = write_heap(native, tmp_path / "heap", [held, held[2], one])
    assert graph.refcounts[node_of(graph, one)] == count == 4


def test_a_size_is_not_asked_of_the_programs_own_code(native: Native, tmp_path: Path) -> None:
    class Boastful:
        def __sizeof__(self) -> int:
            raise AssertionError("the program's code was run")

    item = Boastful()
    graph = write_heap(native, tmp_path / "heap", [item])
    assert graph.sizes[node_of(graph, item)] == object.__sizeof__(item)


def test_names_and_roles_of_types(native: Native, tmp_path: Path) -> None:
    graph = write_heap(native, tmp_path / "heap", [Record(1), Record, sys, []])
    named = {graph.type_names[graph.types[node_of(graph, item)]] for item in (Record, sys)}
    assert named == {"type", "module"}
    roles = dict(zip(graph.type_names, graph.type_roles, strict=True))
    assert (roles["type"], roles["module"], roles["list"]) == ("class", "module", "")
    assert f"{__name__}.Record" in graph.type_names


def test_modules_are_roots_by_name(native: Native, tmp_path: Path) -> None:
    graph = write_heap(native, tmp_path / "heap", [sys.modules[__name__], os])
    by_name = {module.name: module for module in graph.modules}
    assert by_name[__name__].node == node_of(graph, sys.modules[__name__])
    assert by_name[__name__].file == __file__


def test_what_is_ours_is_marked_with_the_instances_of_our_classes(native: Native, tmp_path: Path) -> None:
    one, other = Slotted(), Record(1)
    graph = write_heap(native, tmp_path / "heap", [one, other, Slotted], own=[id(Slotted)])
    assert sorted(graph.own.tolist()) == sorted([node_of(graph, one), node_of(graph, Slotted)])


def test_a_list_across_many_chunks(native: Native, tmp_path: Path) -> None:
    kept = [[number] for number in range(25_000)]
    graph = write_heap(native, tmp_path / "heap", [kept, *kept])
    assert targets_of(graph, kept) == list(map(id, gc.get_referents(kept)))


def test_questions_are_answered_by_names_and_facts(native: Native, tmp_path: Path) -> None:
    record, bounded = Record(4), deque([1], maxlen=9)
    namespace = vars(record)
    questions = Questions(
        edges=((id(record), id(namespace)), (id(namespace), id(record.payload)), (id(record.payload), id("x"))),
        objects=(id(Record), id(bounded), id(vars(Record)["__init__"])),
    )
    told_of = heap.told(native.objects_at, questions_text(questions).encode(), copied=True)
    (tmp_path / "answers").write_text(to_json(told_of))
    answers = read_answers(tmp_path / "answers")
    assert answers is not None
    assert answers.edges[id(namespace), id(record.payload)] == ".payload"
    assert answers.objects[id(bounded)].limit == 9
    assert answers.objects[id(bounded)].length == 1
    told = answers.objects[id(Record)]
    assert (told.module, told.file) == (__name__, __file__)
    assert answers.objects[questions.objects[2]].line == Record.__init__.__code__.co_firstlineno


class Finalized:
    def __del__(self) -> None: ...


class Derived(Finalized):
    pass


def test_a_class_tells_which_finalizer_its_instances_have(native: Native, tmp_path: Path) -> None:
    asked = Questions(objects=(id(Derived), id(Finalized), id(Slotted)))
    told_of = heap.told(native.objects_at, questions_text(asked).encode(), copied=True)
    (tmp_path / "answers").write_text(to_json(told_of))
    answers = read_answers(tmp_path / "answers")
    assert answers is not None
    assert [answers.objects[key].finalizer for key in asked.objects] == ["Finalized.__del__", "Finalized.__del__", ""]


def test_types_and_classes_come_with_their_ids_and_modules(native: Native, tmp_path: Path) -> None:
    one = Slotted()
    graph = write_heap(native, tmp_path / "heap", [one, Slotted, Derived])
    assert int(graph.type_ids[graph.types[node_of(graph, one)]]) == id(Slotted)
    assert graph.class_modules[id(Derived)] == __name__


@pytest.mark.parametrize("text", ["", "{", "[]", '{"edges": 1, "objects": []}', '{"edges": [[1]], "objects": []}'])
def test_damaged_answers_are_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text(text)
    assert read_answers(tmp_path / "answers") is None


def test_a_file_that_is_cut_short_is_none(native: Native, tmp_path: Path) -> None:
    write_heap(native, tmp_path / "heap", [[1]])
    data = (tmp_path / "heap").read_bytes()
    for cut in (0, 10, len(data) // 2, len(data) - 1):
        (tmp_path / "cut").write_bytes(data[:cut])
        assert read_heap(tmp_path / "cut") is None
    assert read_heap(tmp_path / "absent") is None
