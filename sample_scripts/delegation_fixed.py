"""Agents that delegate, with a weak reference to the parent and a registry that keeps names instead of contexts.

Truth:
    Every iteration creates two AgentContext objects. A context refers to its parent weakly, so that none is ever part
    of a reference cycle, and registry keeps the last 10 names. Of the 200 contexts of 100 iterations none survives, nor
    does any wait for the collector.
Cycles:
    iterations: 100
    verdict: clean
    type: AgentContext
    created: 0
    surviving: 0
    passes: 0
Expect:
    command: cycles
    verdict: clean
    type: AgentContext
    created: 0
    surviving: 0
"""

from __future__ import annotations

import random
import sys
import weakref
from collections import deque
from collections.abc import Callable
from itertools import pairwise


class Subtask:
    def __init__(self, goal: str, on_done: Callable[[int], None]) -> None:
        self.goal = goal
        self.callbacks = [on_done]

    def finish(self, score: int) -> None:
        for callback in self.callbacks:
            callback(score)


class AgentContext:
    def __init__(self, name: str, parent_context: AgentContext | None = None) -> None:
        self.name = name
        self.parent_ref = weakref.ref(parent_context) if parent_context else None
        self.subtasks: list[Subtask] = []
        self.score = 0

    def delegate(self, goal: str) -> AgentContext:
        agent_context = AgentContext(f"{self.name}/{goal}", parent_context=self)
        self.subtasks.append(Subtask(goal, agent_context.report))
        return agent_context

    def report(self, score: int) -> None:
        self.score += score
        parent_context = self.parent_ref() if self.parent_ref else None
        if parent_context is not None:
            parent_context.score += score


registry: deque[str] = deque(maxlen=10)


def plan(rng: random.Random) -> int:
    """The work itself: the shortest of many random tours through twelve stations."""
    tours = (rng.sample(range(12), 12) for _ in range(200))
    return min(sum(abs(a - b) for a, b in pairwise(tour)) for tour in tours)


def handle(number: int, rng: random.Random) -> int:
    parent_context = AgentContext(f"planner-{number}")
    agent_context = parent_context.delegate("route")
    parent_context.subtasks[0].finish(plan(rng))
    if number % 10 == 0:
        registry.append(agent_context.name)
    return parent_context.score


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rng = random.Random(41)
    total = sum(handle(number, rng) for number in range(requests))
    print(f"{requests} requests, total length {total}, {len(registry)} escalated")


if __name__ == "__main__":
    main()
