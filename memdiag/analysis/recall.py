"""The variables of a function whose end is being looked at: it is off the stack already, though they still live.

What they were called is known from an earlier snapshot, in which the function was running.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from memdiag.model import FrameRoot, HeapGraph

# A frame, and for each of its variables the object's id and type.
Remembered = tuple[tuple[FrameRoot, tuple[tuple[str, int, str], ...]], ...]


def remember(graph: HeapGraph) -> Remembered:
    """The frames of one snapshot, free of its nodes."""
    return tuple(
        (
            dataclasses.replace(frame, locals=()),
            tuple((name, int(graph.ids[node]), graph.type_names[graph.types[node]]) for name, node in frame.locals),
        )
        for frame in graph.frames
    )


def recall(graph: HeapGraph, remembered: Remembered) -> HeapGraph:
    """The graph with the function whose end its moment is (and those that called it), as they ran in an earlier one.

    An object counts as the same if its id and its type are. The graph itself where that function did not run.
    """
    ended = graph.moment.label.removeprefix("end of ").removesuffix("()")
    main = [pair for pair in remembered if pair[0].thread == "main"]
    at = next((at for at, (frame, _) in enumerate(main) if frame.function.rpartition(".")[2] == ended), len(main))
    running = {(frame.file, frame.function) for frame in graph.frames if frame.thread == "main"}
    found = []
    for frame, variables in main[at:]:
        alive = tuple((name, node) for name, key, kind in variables if (node := _node(graph, key, kind)) >= 0)
        if (frame.file, frame.function) not in running:
            found.append(dataclasses.replace(frame, locals=alive))
    return dataclasses.replace(graph, frames=(*found, *graph.frames)) if found else graph


def _node(graph: HeapGraph, key: int, kind: str) -> int:
    at = int(np.searchsorted(graph.ids, np.uint64(key)))
    if at < len(graph.ids) and int(graph.ids[at]) == key and graph.type_names[graph.types[at]] == kind:
        return at
    return -1
