"""A lifecycle manager that knows its agents weakly and cleans up after each in a finalizer.

Truth:
    LifecycleManager.agents holds at most the two Agent objects that main() has in hand; the finalizer of an agent runs
    as soon as the next one takes its place.
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys
import weakref
from zlib import crc32


class Agent:
    def __init__(self, number: int, context: str) -> None:
        self.number = number
        self.context = context

    def answer(self) -> int:
        return crc32(self.context.encode())


class LifecycleManager:
    def __init__(self) -> None:
        self.agents: weakref.WeakValueDictionary[int, Agent] = weakref.WeakValueDictionary()
        self.workspaces: dict[int, str] = {}
        self.cleaned = 0

    def create(self, number: int, context: str) -> Agent:
        agent = Agent(number, context)
        self.agents[number] = agent
        self.workspaces[number] = f"workspace-{number}"
        weakref.finalize(agent, self.clean_up, number)
        return agent

    def clean_up(self, number: int) -> None:
        self.workspaces.pop(number, None)
        self.cleaned += 1

    def living(self) -> int:
        return len(self.agents)


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    rng = random.Random(37)
    manager = LifecycleManager()
    checksum = 0
    for number in range(requests):
        agent = manager.create(number, f"question {rng.randrange(10**9)} " * 4)
        checksum ^= agent.answer()
    print(f"{requests} requests, checksum {checksum:08x}, {manager.living()} agents live, {manager.cleaned} cleaned up")


if __name__ == "__main__":
    main()
