"""What kind of leak a population looks like, as far as the heap itself tells."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from memdiag.analysis.items import Items
from memdiag.analysis.roles import CACHE, FUNCTIONS, LOGGERS, MAPPINGS, SETS, THREAD_LOCALS, Roles
from memdiag.analysis.wording import Way
from memdiag.model import HeapGraph

_MEMO = re.compile(r"cache|memo", re.IGNORECASE)
_LISTENERS = re.compile(r"listener|subscri|handler|callback|observer|hook", re.IGNORECASE)
_TASKS = {"_asyncio.Task", "_asyncio.Future", "asyncio.tasks.Task", "asyncio.futures.Future", "coroutine"}
_GENERATORS = {"generator", "async_generator"}
_SAMPLE = 20


def pattern_of(trail: Sequence[int], items: Items, way: Way, kind: str, roles: Roles) -> str:
    graph = roles.graph
    via = [graph.type_names[graph.types[node]] for node in trail]
    if kind == "chain" or kind == "object":
        return "chain" if kind == "chain" else "buffer"
    if CACHE in via[-2:]:
        return "cache"
    if way.pattern in ("contextvar", "atexit", "at-fork"):
        return way.pattern
    of_items = _of_items(items, roles)
    if of_items:
        return of_items
    if THREAD_LOCALS & set(via):
        return "thread-local"
    if (LOGGERS | {"logging.Manager"}) & set(via[-3:]):
        return "logging"
    if way.pattern in ("closure", "default argument"):
        return way.pattern
    return _of_holder(trail, via[-1], way, roles)


def _of_items(items: Items, roles: Roles) -> str:
    if len(items.nodes) and roles.classes[items.nodes].mean() > 0.5:
        return "class"
    if _bear_tracebacks(items, roles):
        return "exception"
    if items.direct in _TASKS:
        return "task"
    if items.direct in _GENERATORS:
        return "generator"
    return "listener" if items.direct in FUNCTIONS else ""


def _of_holder(trail: Sequence[int], holder: str, way: Way, roles: Roles) -> str:
    if _MEMO.search(way.attribute):
        return "cache"
    if _LISTENERS.search(way.attribute):
        return "listener"
    if holder in MAPPINGS | SETS or (_is_shared(trail, roles) and holder != "collections.deque"):
        return "registry"
    return "history"


def _is_shared(trail: Sequence[int], roles: Roles) -> bool:
    """Whether a class or a module holds it, not an instance."""
    near = trail[-3:-1]
    return any(roles.classes[node] or roles.modules[node] for node in near)


def _bear_tracebacks(items: Items, roles: Roles) -> bool:
    """Whether most of the items are exceptions with a traceback, or refer to one."""
    graph = roles.graph
    nodes = items.nodes[np.linspace(0, len(items.nodes) - 1, min(_SAMPLE, len(items.nodes))).astype(np.int64)]
    found = [node for node in nodes.tolist() if _near_traceback(node, graph, 3)]
    return len(found) * 2 > len(nodes)


def _near_traceback(node: int, graph: HeapGraph, depth: int) -> bool:
    if graph.type_names[graph.types[node]] == "traceback":
        return True
    start, end = int(graph.starts[node]), int(graph.starts[node + 1])
    if depth == 0 or end - start > 40:
        return False
    return any(_near_traceback(int(target), graph, depth - 1) for target in graph.targets[start:end])
