"""The file that an image writes of its heap, read into a graph."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memdiag.capture.places import Places
from memdiag.model import Answers, Frame, FrameRoot, HeapGraph, Ints, ModuleRoot, Moment, ObjectFacts, Questions
from memdiag.probe.wire import Record, unpack

PROBE = str(Path(__file__).resolve().parent.parent / "probe")  # what is allocated there is not the program's
Index = npt.NDArray[np.int32]
_BLOCK = 200_000  # nodes whose references are looked up at a time: fresh memory costs more than the looking up


def read_heap(path: Path) -> HeapGraph | None:
    """The graph; ``None`` where the file is absent or not what an image writes."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    records: dict[str, list[Record]] = {}
    for record in unpack(data, checked=False):
        records.setdefault(record.kind, []).append(record)
    if not all(kind in records for kind in ("begin", "nodes", "types", "roots")):
        return None
    graph = _graph(records["begin"][0].header, records["nodes"], records["types"][0], records["roots"][0].header)
    for record in records.get("classes", ()):
        modules = dict(zip(record.arrays["ids"].tolist(), map(str, record.header["modules"]), strict=True))
        graph = dataclasses.replace(graph, class_modules=modules)
    return _with_stacks(graph, records["stacks"][0]) if "stacks" in records else graph


def _with_stacks(graph: HeapGraph, record: Record) -> HeapGraph:
    keys = record.arrays["ids"].astype(np.uint64)
    places = np.searchsorted(graph.ids, keys)
    places[places == len(graph.ids)] = 0
    stacks = [tuple(Frame(str(file), int(line)) for file, line in stack) for stack in record.header["stacks"]]
    theirs = np.array([not stack or not stack[0].file.startswith(PROBE) for stack in stacks], np.bool_)
    there = (graph.ids[places] == keys) & theirs[record.arrays["stacks"]]
    return dataclasses.replace(
        graph,
        traced=places[there].astype(np.int32),
        traced_stacks=record.arrays["stacks"][there].astype(np.int32),
        stacks=tuple(stacks),
    )


def _graph(begin: dict[str, Any], nodes: list[Record], types: Record, roots: dict[str, Any]) -> HeapGraph:
    rows = _column(nodes, "ids", np.uint64)
    ids, first = np.unique(rows, return_index=True)
    starts, targets = _edges(nodes, ids, first)
    tracked_rows = np.concatenate([np.full(len(one.arrays["ids"]), one.header["tracked"]) for one in nodes])
    refcounts = np.zeros(len(rows), np.int64)
    refcounts[tracked_rows] = _column(nodes, "refcounts", np.int64)
    classes = types.arrays["ids"].astype(np.uint64)
    order = np.argsort(classes)
    graph = HeapGraph(
        moment=Moment(float(begin["t"]), str(begin["label"]), float(begin["worked"])),
        ids=ids,
        types=order[np.searchsorted(classes[order], _column(nodes, "types", np.uint64)[first])].astype(np.int32),
        sizes=_column(nodes, "sizes", np.int64)[first],
        refcounts=refcounts[first],
        tracked=tracked_rows[first],
        starts=starts,
        targets=targets,
        type_names=tuple(_named(module, name) for module, name, _ in types.header["types"]),
        type_modules=tuple(str(module) for module, _, _ in types.header["types"]),
        type_roles=tuple(str(role) for _, _, role in types.header["types"]),
        type_ids=classes,
    )
    return _with_roots(graph, roots, classes)


def _named(module: str, name: str) -> str:
    return name if module in ("builtins", "") else f"{module}.{name}"


def _column(nodes: Iterable[Record], name: str, kind: Any) -> Any:
    parts = [one.arrays[name] for one in nodes if name in one.arrays]
    return np.concatenate(parts).astype(kind, copy=False) if parts else np.zeros(0, kind)


def _edges(nodes: list[Record], ids: npt.NDArray[np.uint64], first: Ints) -> tuple[Ints, Index]:
    """References by node, in the order in which each visits them; those to objects that are not there are left out.

    ``first`` is the row that speaks for each node: its references are taken over as they stand, nothing is sorted.
    """
    told = [_referents(one) for one in nodes]
    by_row = np.concatenate([degrees for degrees, _ in told])
    degrees = by_row[first]
    ends = np.cumsum(degrees)
    begins = (np.cumsum(by_row) - by_row)[first]
    shifts = begins - ends + degrees  # from the place of an edge here to that in the file
    referents = np.concatenate([found for _, found in told])
    known = Places(ids)
    targets = np.zeros(int(degrees.sum()), np.int32)
    there = np.zeros(len(targets), np.bool_)
    for at in range(0, len(ids), _BLOCK):
        block = slice(at, at + _BLOCK)
        edges = slice(int(ends[at] - degrees[at]), int(ends[block][-1]))
        rows = np.arange(edges.start, edges.stop) + np.repeat(shifts[block], degrees[block])
        targets[edges], there[edges] = known.of(referents[rows])
    if not there.all():
        owners = np.repeat(np.arange(len(ids), dtype=np.int32), degrees)
        ends = np.cumsum(np.bincount(owners[there], minlength=len(ids)))
        targets = targets[there]
    return np.concatenate([np.zeros(1, np.int64), ends]), targets


def _referents(record: Record) -> tuple[Ints, npt.NDArray[np.uint64]]:
    """How many referents each node of a record has, and their ids; after those of a node stands the id of ``end``."""
    found = record.arrays.get("referents")
    if found is None:
        return np.zeros(len(record.arrays["ids"]), np.int64), np.zeros(0, np.uint64)
    ends = found == np.uint64(record.header["end"])
    return np.diff(np.flatnonzero(ends), prepend=-1) - 1, found[~ends]


def _with_roots(graph: HeapGraph, roots: dict[str, Any], classes: npt.NDArray[np.uint64]) -> HeapGraph:
    """The graph with its modules and frames, and what in it is the probe's own: instances of its classes as well."""
    own = np.array(roots["own"], np.uint64)

    def node(key: int) -> int:
        at = int(np.searchsorted(graph.ids, np.uint64(key)))
        return at if at < len(graph.ids) and int(graph.ids[at]) == key else -1

    ours = np.isin(classes, own)[graph.types]
    ours[[node(key) for key in roots["own"] if node(key) >= 0]] = True
    return dataclasses.replace(
        graph,
        own=np.flatnonzero(ours).astype(np.int32),
        registries=tuple(
            (f"the handler of {name}", node(key)) for name, key in roots.get("signals", ()) if node(key) >= 0
        ),
        exit_callbacks=int(roots.get("exit_callbacks", 0)),
        opened=np.array([node(key) for key in roots.get("opened", ()) if node(key) >= 0], np.int32),
        unheard=tuple(str(file) for name, _, file in roots["modules"] if file and name in roots.get("unheard", ())),
        modules=tuple(
            ModuleRoot(str(name), node(key), str(file)) for name, key, file in roots["modules"] if node(key) >= 0
        ),
        frames=tuple(
            FrameRoot(
                thread=str(frame["thread"]),
                function=str(frame["function"]),
                file=str(frame["file"]),
                line=int(frame["line"]),
                locals=tuple((str(name), node(key)) for name, key in frame["locals"] if node(key) >= 0),
                module=str(frame["module"]),
            )
            for frame in roots["frames"]
        ),
    )


def questions_text(questions: Questions) -> str:
    edges = " ".join(f"{source}:{target}" for source, target in questions.edges)
    return edges + "\n" + " ".join(map(str, questions.objects)) + "\n"


def read_answers(path: Path) -> Answers | None:
    """``None`` where the file is absent or damaged."""
    known = {field.name for field in dataclasses.fields(ObjectFacts)}
    try:
        found = json.loads(path.read_text())
        return Answers(
            edges={(int(source), int(target)): str(label) for source, target, label in found["edges"]},
            objects={
                int(key): ObjectFacts(**{name: _plain(value) for name, value in facts.items() if name in known})
                for key, facts in found["objects"]
            },
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _plain(value: Any) -> Any:
    return tuple(map(str, value)) if isinstance(value, list) else value
