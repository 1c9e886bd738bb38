"""A registry that refers to its agents weakly, and to what it noted about each only as long as the agent lives.

Truth:
    WeakRegistry.agents and WeakRegistry.metadata, which is keyed by the Agent itself, lose their entries when an Agent
    dies: two live at most.
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys
import weakref

ROLES = ("planner", "critic", "writer")


class Agent:
    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.rng = random.Random(seed)

    def work(self) -> int:
        return sum(self.rng.randrange(100) for _ in range(12))


class WeakRegistry:
    def __init__(self) -> None:
        self.agents: weakref.WeakValueDictionary[str, Agent] = weakref.WeakValueDictionary()
        self.metadata: weakref.WeakKeyDictionary[Agent, dict[str, object]] = weakref.WeakKeyDictionary()

    def register(self, agent: Agent, role: str, number: int) -> None:
        self.agents[agent.name] = agent
        self.metadata[agent] = {"role": role, "created": number, "tokens": 0}

    def count_tokens(self, name: str, tokens: int) -> None:
        self.metadata[self.agents[name]]["tokens"] = tokens

    def role_of(self, name: str) -> object:
        return self.metadata[self.agents[name]]["role"] if name in self.agents else None


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8_000
    rng = random.Random(43)
    registry = WeakRegistry()
    total = 0
    for number in range(count):
        agent = Agent(f"agent-{number}", number)
        registry.register(agent, rng.choice(ROLES), number)
        tokens = agent.work()
        registry.count_tokens(agent.name, tokens)
        total += tokens if registry.role_of(agent.name) != "critic" else 0
    print(f"{count} agents used {total} tokens, {len(registry.agents)} still live")


if __name__ == "__main__":
    main()
