"""A lifecycle manager that cleans up after agents in a finalizer, and itself holds them, so that no finalizer runs.

Truth:
    LifecycleManager.agents gains one Agent an iteration. weakref.finalize waits for the Agent to die, which it cannot
    while the manager's own dictionary holds it: LifecycleManager.cleaned stays 0 to the end of main(), and
    LifecycleManager.workspaces, which the finalizer would empty, grows with it.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: registry|finalizer|cache
    rule: MEM-001|MEM-005
    holder: LifecycleManager.agents
    also: LifecycleManager.workspaces
    type: Agent
    site: agent_lifecycle_leaky.py:LifecycleManager.create
    fix: weak|remove|del
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
        self.agents: dict[int, Agent] = {}
        self.workspaces: dict[int, str] = {}
        self.cleaned = 0

    def create(self, number: int, context: str) -> Agent:
        agent = Agent(number, context)
        self.agents[number] = agent  # <- the leak
        self.workspaces[number] = f"workspace-{number}"
        weakref.finalize(agent, self.clean_up, number)
        return agent

    def clean_up(self, number: int) -> None:
        self.agents.pop(number, None)
        self.workspaces.pop(number, None)
        self.cleaned += 1

    def living(self) -> int:
        return len(self.agents)


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 16_000
    rng = random.Random(37)
    manager = LifecycleManager()
    checksum = 0
    for number in range(requests):
        agent = manager.create(number, f"question {rng.randrange(10**9)} " * 4)
        checksum ^= agent.answer()
    print(f"{requests} requests, checksum {checksum:08x}, {manager.living()} agents live, {manager.cleaned} cleaned up")


if __name__ == "__main__":
    main()
