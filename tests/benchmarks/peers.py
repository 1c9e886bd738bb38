"""In a process of its own: asks one peer who holds a leaking session, in the heap of the leaking program.

Peers look from inside: each is given the object itself, which memdiag has to find. Prints JSON: seconds, the bytes by
which the peak of the resident set grew, and the answer.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.children import forget_peak, peak_bytes, resident_bytes
from tests.benchmarks.programs import leaking, shop

PEERS: dict[str, str] = {  # and the modules they need
    "objgraph": "objgraph",
    "pympler": "pympler",
    "guppy3": "guppy",
    "guppy3 path": "guppy",
    "refcycle": "refcycle",
    "refcycle components": "refcycle",
}
QUESTIONS = {
    "objgraph": "find_backref_chain() of one session, which it is given",
    "pympler": "muppy.get_objects() and summary: which types there are",
    "guppy3": "hpy().heap().byrcs: who refers to what kind",
    "guppy3 path": "iso(session).sp: the path to one session, which it is given",
    "refcycle": "snapshot() and shortest_path() from the module to one session, which it is given",
    "refcycle components": "snapshot() and strongly_connected_components()",
}


def _session(number: int) -> leaking.Session:
    """Not kept in a variable, which some peers would find to hold it."""
    return leaking.SERVICE.sessions[number]


def _objgraph(number: int) -> str:
    objgraph = importlib.import_module("objgraph")
    chain = objgraph.find_backref_chain(_session(number), objgraph.is_proper_module, max_depth=20)
    return " > ".join(type(item).__name__ for item in chain)


def _pympler(_number: int) -> str:
    muppy = importlib.import_module("pympler.muppy")
    summary = importlib.import_module("pympler.summary")
    rows = summary.summarize(muppy.get_objects())
    return "types: " + ", ".join(str(row[0]) for row in sorted(rows, key=lambda row: -row[2])[:3])


def _guppy(_number: int) -> str:
    heap = importlib.import_module("guppy").hpy()
    by_referrers = str(heap.heap().byrcs)
    return "kinds of referrers: " + "; ".join(line[34:].strip() for line in by_referrers.splitlines()[2:4])


def _guppy_path(number: int) -> str:
    return str(importlib.import_module("guppy").hpy().iso(_session(number)).sp).strip()


def _refcycle(number: int) -> str:
    graph = importlib.import_module("refcycle").snapshot()
    path = graph.shortest_path(sys.modules[leaking.__name__], _session(number))
    return "on the path: " + ", ".join(sorted(type(item).__name__ for item in path))


def _refcycle_components(_number: int) -> str:
    components = importlib.import_module("refcycle").snapshot().strongly_connected_components()
    return f"{len(components):,} components, the largest of {max(map(len, components)):,} objects"


_ASK: dict[str, Callable[[int], str]] = {
    "objgraph": _objgraph,
    "pympler": _pympler,
    "guppy3": _guppy,
    "guppy3 path": _guppy_path,
    "refcycle": _refcycle,
    "refcycle components": _refcycle_components,
}


def main(name: str, tracked: int) -> dict[str, Any]:
    leaking.ORDERS.extend(shop.build(tracked * 9 // 10))
    for number in range(tracked // 30):
        leaking.SERVICE.handle(number)
    importlib.import_module(PEERS[name])
    gc.collect()
    forget_peak()
    before = resident_bytes()
    begun = time.perf_counter()
    answer = _ASK[name](tracked // 60)
    return {"seconds": time.perf_counter() - begun, "grown_bytes": peak_bytes() - before, "answer": answer}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
