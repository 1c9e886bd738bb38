"""Agents that delegate: each context, its parent, the parent's subtasks and their callbacks refer to each other.

Truth:
    Every iteration creates two AgentContext objects in one reference cycle:
    agent_context.parent_context -> parent.subtasks -> [Subtask].callbacks -> [agent_context.report] -> agent_context.
    One pair in ten stays in registry; the collector reclaims the others. An attribute to weaken:
    AgentContext.parent_context. The counts are those of 100 iterations.
Cycles:
    iterations: 100
    verdict: leak|suspect
    state: reachable
    pattern: delegation
    shape: AgentContext .parent_context -> AgentContext .subtasks
    holder: registry
    type: AgentContext
    created: 200
    surviving: 20
    passes: 1
    cut: AgentContext.parent_context
Expect:
    command: cycles
    verdict: leak|suspect
    kind: cycle
    holder: registry
    type: AgentContext
    created: 200
    surviving: 20
    site: delegation_leaky.py:AgentContext.delegate
"""

from __future__ import annotations

import random
import sys
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
        self.parent_context = parent_context
        self.subtasks: list[Subtask] = []
        self.score = 0

    def delegate(self, goal: str) -> AgentContext:
        agent_context = AgentContext(f"{self.name}/{goal}", parent_context=self)
        self.subtasks.append(Subtask(goal, agent_context.report))
        return agent_context

    def report(self, score: int) -> None:
        self.score += score
        if self.parent_context is not None:
            self.parent_context.score += score


registry: dict[int, AgentContext] = {}


def plan(rng: random.Random) -> int:
    """The work itself: the shortest of many random tours through twelve stations."""
    tours = (rng.sample(range(12), 12) for _ in range(200))
    return min(sum(abs(a - b) for a, b in pairwise(tour)) for tour in tours)


def handle(number: int, rng: random.Random) -> int:
    parent_context = AgentContext(f"planner-{number}")
    agent_context = parent_context.delegate("route")
    parent_context.subtasks[0].finish(plan(rng))
    if number % 10 == 0:
        registry[number] = agent_context
    return parent_context.score


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rng = random.Random(41)
    total = sum(handle(number, rng) for number in range(requests))
    print(f"{requests} requests, total length {total}, {len(registry)} escalated")


if __name__ == "__main__":
    main()
