"""What the probe holds is taken out of a heap, what the program holds stays, whoever else refers to it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from memdiag.analysis.own import without_probe
from memdiag.analysis.recall import recall, remember
from memdiag.model import FrameRoot, HeapGraph, ModuleRoot, Moment


def graph(
    edges: Mapping[str, str], own: str = "", module: str = "m", extra: str = "", label: str = "sample"
) -> HeapGraph:
    """One node a letter; ``edges`` from each to all letters of its value; ``extra``: held by native code as well."""
    names = sorted(set("".join(edges) + "".join(edges.values())))
    place = {name: at for at, name in enumerate(names)}
    lists = [[place[target] for target in edges.get(name, "")] for name in names]
    targets = [target for one in lists for target in one]
    counts = np.bincount(targets, minlength=len(names)) if targets else np.zeros(len(names), np.int64)
    return HeapGraph(
        moment=Moment(1.0, label),
        ids=np.array([1000 + 16 * at for at in range(len(names))], np.uint64),
        types=np.zeros(len(names), np.int32),
        sizes=np.full(len(names), 100),
        refcounts=(counts + [int(name in extra) for name in names]).astype(np.int64),
        tracked=np.ones(len(names), np.bool_),
        starts=np.cumsum([0, *map(len, lists)]),
        targets=np.array(targets, np.int32),
        type_names=("object",),
        type_modules=("builtins",),
        type_roles=("",),
        modules=(ModuleRoot("app", place[module]),) if module in place else (),
        own=np.array([place[name] for name in own], np.int32),
    )


def test_what_only_the_probe_leads_to_goes_with_it() -> None:
    found = without_probe(graph({"a": "bc", "b": "d", "m": "c", "e": ""}, own="a"))
    names = "abcdem"
    assert [names[(int(key) - 1000) // 16] for key in found.ids] == ["c", "e", "m"]


def test_the_probes_references_are_not_counted() -> None:
    found = without_probe(graph({"a": "ccc", "m": "c"}, own="a"))
    kept = dict(zip(found.ids.tolist(), found.refcounts.tolist(), strict=True))
    assert kept[1016] == 1, "c, which a and m refer to"


def test_what_native_code_holds_stays_though_the_probe_refers_to_it() -> None:
    found = without_probe(graph({"a": "b", "m": ""}, own="a", extra="b"))
    assert [int(key) for key in found.ids] == [1016, 1032]


def test_edges_and_roots_are_numbered_anew() -> None:
    found = without_probe(graph({"a": "b", "c": "d", "m": "cd", "d": "c"}, own="a"))
    assert found.modules[0].node == 2
    assert found.targets.tolist() == [1, 0, 0, 1]
    assert np.diff(found.starts).tolist() == [1, 1, 2]


def test_nothing_of_the_probe_changes_nothing() -> None:
    before = graph({"m": "ab", "a": "b"})
    after = without_probe(before)
    assert (after.ids.tolist(), after.targets.tolist()) == (before.ids.tolist(), before.targets.tolist())


def frame(function: str, **variables: int) -> FrameRoot:
    return FrameRoot("main", function, "app.py", 1, tuple(variables.items()), "__main__")


def with_frames(found: HeapGraph, *frames: FrameRoot) -> HeapGraph:
    found.__dict__["frames"] = frames
    return found


def test_the_ended_functions_variables_are_recalled_and_those_of_its_callers() -> None:
    before = with_frames(graph({"m": "ab"}), frame("inner", x=1), frame("work", kept=0), frame("<module>", top=1))
    after = graph({"m": "ab"}, label="end of work()")
    recalled = recall(after, remember(before))
    assert [(one.function, one.locals) for one in recalled.frames] == [
        ("work", (("kept", 0),)),
        ("<module>", (("top", 1),)),
    ]


def test_a_variable_whose_object_is_gone_is_not_recalled() -> None:
    before = with_frames(graph({"m": "abz"}), frame("work", kept=0, gone=3))
    recalled = recall(graph({"m": "ab"}, label="end of work()"), remember(before))
    assert recalled.frames[0].locals == (("kept", 0),)


def test_another_functions_end_recalls_nothing() -> None:
    before = with_frames(graph({"m": "ab"}), frame("work", kept=0))
    after = graph({"m": "ab"}, label="end of main()")
    assert recall(after, remember(before)) is after
