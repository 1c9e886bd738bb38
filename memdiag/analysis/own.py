"""Takes what memdiag's probe holds out of a heap: it is not the program's."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order

from memdiag.model import HeapGraph, Ints

FORK_LIST = "the functions registered with os.register_at_fork"
Bools = npt.NDArray[np.bool_]


def without_probe(graph: HeapGraph) -> HeapGraph:
    """The graph without what only the probe's own objects lead to, and these themselves."""
    seeds = np.zeros(len(graph.ids), np.bool_)
    seeds[graph.own] = True
    in_use = [module.node for module in graph.modules]
    in_use += [node for frame in graph.frames for _, node in frame.locals]
    keep = ~_only_of(graph, seeds, np.array(in_use, np.int64))
    registries = [*graph.registries, *((FORK_LIST, int(node)) for node in _fork_lists(graph, seeds))]
    new = np.cumsum(keep, dtype=np.int64) - 1
    return dataclasses.replace(
        _without(graph, keep, new),
        modules=tuple(
            dataclasses.replace(module, node=int(new[module.node])) for module in graph.modules if keep[module.node]
        ),
        frames=tuple(
            dataclasses.replace(
                frame, locals=tuple((name, int(new[node])) for name, node in frame.locals if keep[node])
            )
            for frame in graph.frames
        ),
        registries=tuple((name, int(new[node])) for name, node in registries if keep[node]),
        traced=new[graph.traced[keep[graph.traced]]].astype(np.int32),
        traced_stacks=graph.traced_stacks[keep[graph.traced]],
        own=np.zeros(0, np.int32),
        opened=new[graph.opened[keep[graph.opened]]].astype(np.int32),
        own_bytes=int(graph.sizes[~keep].sum()),
    )


def _fork_lists(graph: HeapGraph, seeds: Bools) -> Ints:
    """The lists of what a fork is to call: only the interpreter refers to them, and the probe's functions are there."""
    of_probe = seeds.copy()
    of_probe[_sources(graph, seeds)] = True  # methods of the probe's objects
    found = _sources(graph, of_probe)
    kinds = np.array([name == "list" for name in graph.type_names], np.bool_)
    found = found[kinds[graph.types[found]]]
    return found[~np.isin(found, graph.targets) & (graph.refcounts[found] > 0)]


def _sources(graph: HeapGraph, nodes: Bools) -> Ints:
    """What refers to any of these nodes."""
    edges = np.flatnonzero(nodes[graph.targets])
    return np.unique(np.searchsorted(graph.starts, edges, side="right") - 1)


def _only_of(graph: HeapGraph, seeds: Bools, in_use: Ints) -> Bools:
    """What only the seeds lead to, and these themselves.

    The program's is what its modules, its variables and references that no object makes lead to, not through a seed.
    """
    count = len(graph.ids)
    counts = np.bincount(graph.targets, minlength=count)
    held_elsewhere = graph.tracked & (graph.refcounts > counts)
    begin = np.zeros(count, np.bool_)
    begin[in_use] = True
    begin |= held_elsewhere
    theirs = _reached(graph, begin & ~seeds, cut=seeds)
    return _spread(graph, seeds, within=~theirs)


def _spread(graph: HeapGraph, seeds: Bools, within: Bools) -> Bools:
    """The seeds, and what they lead to through nodes of ``within`` alone, which are few."""
    found: Bools = seeds.copy()
    front = np.flatnonzero(seeds)
    while len(front):
        begins = graph.starts[front]
        degrees = graph.starts[front + 1] - begins
        places = np.arange(degrees.sum()) + np.repeat(begins - np.cumsum(degrees) + degrees, degrees)
        targets = graph.targets[places]
        front = np.unique(targets[within[targets] & ~found[targets]])
        found[front] = True
    return found


def _reached(graph: HeapGraph, begin: Bools, cut: Bools) -> Bools:
    """What the nodes of ``begin`` lead to without passing those of ``cut``."""
    count = len(graph.ids)
    starting = np.flatnonzero(begin).astype(np.int32)
    degrees = np.diff(graph.starts)
    wanted = np.repeat(~cut, degrees)
    indptr = np.concatenate([[0], np.cumsum(np.where(cut, 0, degrees)), [0]])
    indptr[-1] = indptr[-2] + len(starting)
    indices = np.concatenate([graph.targets[wanted], starting])
    matrix = csr_matrix((np.ones(len(indices), np.int8), indices, indptr), shape=(count + 1, count + 1))
    order = breadth_first_order(matrix, count, directed=True, return_predecessors=False)
    found = np.zeros(count + 1, np.bool_)
    found[order] = True
    return found[:count]


def _without(graph: HeapGraph, keep: Bools, new: Ints) -> HeapGraph:
    """The kept nodes alone, numbered anew; the references from those left out are taken off the counts."""
    degrees = np.diff(graph.starts)
    kept_edges = np.repeat(keep, degrees)
    lost = np.bincount(graph.targets[~kept_edges], minlength=len(keep))
    owners = np.repeat(np.arange(len(keep)), degrees)[kept_edges]
    targets = graph.targets[kept_edges]
    inside = keep[targets]
    counts = np.bincount(new[owners[inside]], minlength=int(keep.sum()))
    return dataclasses.replace(
        graph,
        ids=graph.ids[keep],
        types=graph.types[keep],
        sizes=graph.sizes[keep],
        refcounts=(graph.refcounts - lost)[keep],
        tracked=graph.tracked[keep],
        starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        targets=new[targets[inside]].astype(np.int32),
    )
