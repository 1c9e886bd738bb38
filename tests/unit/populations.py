"""Populations of a manager's history, and the sources that may go with them: for tests of what is judged of these."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import Any

import numpy as np

from memdiag.analysis.judgement import findings
from memdiag.analysis.owner import read_owner
from memdiag.model import Finding, HeapEvidence, Moment, OwnerFacts, Population

MOMENTS = 17
ITEM = 500  # bytes

KEEPS = """
class Manager:
    def __init__(self):
        self.history = []
    def ask(self, turn):
        self.history.append(turn)
Manager().ask(1)
"""
TRIMS = KEEPS.replace("append(turn)", "append(turn)\n        if len(self.history) > 1000: self.history.pop(0)")
EXPIRES = KEEPS.replace("append(turn)", "append(turn)\n        while self.history[0].old: self.history.pop(0)")
FORGETS = KEEPS.replace("Manager().ask(1)", "    def close(self):\n        self.history.clear()\nManager().ask(1)\n")
CLOSES = FORGETS + "Manager().close()\n"
SKIPS = KEEPS.replace("append(turn)", "append(turn)\n        turn.run()\n        self.history.remove(turn)")


def facts(text: str, owner: str = "Manager", attribute: str = "history") -> OwnerFacts:
    return read_owner(textwrap.dedent(text), "/app/app.py", owner, attribute)


def population(counts: Any, source: str = KEEPS, **changes: Any) -> Population:
    numbers = tuple(int(count) for count in counts)
    made = Population(
        kind="container",
        path="__main__.main().manager.history",
        holder_type="list",
        owner="Manager.history",
        item_type="Message",
        counts=numbers,
        retained_bytes=max(numbers[-1], 0) * ITEM,
        owner_module="__main__",
        owner_file="/app/app.py",
        attribute="history",
        source=facts(source) if source else OwnerFacts(),
    )
    return dataclasses.replace(made, **changes)


def evidence(*populations: Population, span_s: float = 3.0, work: bool = True) -> HeapEvidence:
    count = len(populations[0].counts) if populations else MOMENTS
    times = np.linspace(0.1, span_s, count)
    moments = tuple(Moment(float(t), "sample", float(t) * 0.9 if work else 0.0) for t in times)
    return HeapEvidence(moments, populations)


def judged(*populations: Population, **changes: Any) -> list[Finding]:
    return findings(evidence(*populations, **changes), duration_s=3.0)


def verdict(one: Population, **changes: Any) -> str:
    found = judged(one, **changes)
    return found[0].verdict if found else "silent"


def ramp(step: float = 100, count: int = MOMENTS) -> list[int]:
    return [round(at * step) for at in range(count)]


def wild(seed: int, spread: int = 400, count: int = MOMENTS) -> list[int]:
    return [int(one) for one in np.random.default_rng(seed).integers(0, spread, count)]
