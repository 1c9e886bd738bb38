"""In a process of its own: has one peer look for the reference cycles of a large heap, from inside the program.

Prints JSON: seconds, the bytes by which the peak of the resident set grew, and the answer.
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
from tests.benchmarks.programs import circles

PEERS = {"refcycle": "refcycle", "refcycle garbage": "refcycle", "objgraph": "objgraph"}
QUESTIONS = {
    "refcycle": "snapshot() and strongly_connected_components()",
    "refcycle garbage": "garbage() and its strongly_connected_components()",
    "objgraph": "find_backref_chain() of 20 of the kept orders, each of which it is given",
}


def _refcycle() -> str:
    components = importlib.import_module("refcycle").snapshot().strongly_connected_components()
    return f"{len(components):,} components, the largest of {max(map(len, components)):,} objects"


def _refcycle_garbage() -> str:
    components = importlib.import_module("refcycle").garbage().strongly_connected_components()
    return f"{sum(len(one) > 1 for one in components):,} cycles among the garbage"


def _objgraph() -> str:
    objgraph = importlib.import_module("objgraph")
    chains = [
        objgraph.find_backref_chain(circles.KEPT[number], objgraph.is_proper_module, max_depth=20)
        for number in range(0, 200, 10)
    ]
    return " > ".join(type(item).__name__ for item in chains[0])


_ASK: dict[str, Callable[[], str]] = {
    "refcycle": _refcycle,
    "refcycle garbage": _refcycle_garbage,
    "objgraph": _objgraph,
}


def main(name: str, tracked: int) -> dict[str, Any]:
    circles.make(tracked)
    importlib.import_module(PEERS[name])
    gc.disable()
    forget_peak()
    before = resident_bytes()
    begun = time.perf_counter()
    answer = _ASK[name]()
    return {"seconds": time.perf_counter() - begun, "grown_bytes": peak_bytes() - before, "answer": answer}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
