"""A module-wide registry of running agents; one that runs out of time is never signed off.

Truth:
    agents gains one Agent in 50 iterations: the 2 % that raise TimeoutError skip the line that removes them. The other
    98 % of the same class are freed normally.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: registry|cache
    rule: MEM-003|MEM-005
    holder: agents
    type: Agent
    site: agent_registry_leaky.py:delegate
"""

from __future__ import annotations

import random
import sys
from collections import Counter


class Agent:
    def __init__(self, name: str, goal: str) -> None:
        self.name = name
        self.goal = goal
        self.notes: list[str] = []

    def run(self, rng: random.Random, number: int) -> int:
        for step in range(rng.randrange(2, 6)):
            self.notes.append(f"{self.name}: step {step} towards {self.goal}")
        if number % 50 == 49:
            raise TimeoutError(self.name)
        return sum(map(len, self.notes))


agents: dict[str, Agent] = {}


def delegate(number: int, rng: random.Random) -> int:
    agent = Agent(f"agent-{number}", rng.choice(("search", "summarise", "translate")))
    agents[agent.name] = agent  # <- the leak
    result = agent.run(rng, number)
    del agents[agent.name]
    return result


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    rng = random.Random(31)
    outcomes: Counter[str] = Counter()
    letters = 0
    for number in range(count):
        try:
            letters += delegate(number, rng)
            outcomes["done"] += 1
        except TimeoutError:
            outcomes["timed out"] += 1
    print(f"{count} goals: {outcomes['done']} done, {outcomes['timed out']} timed out, {letters} letters")


if __name__ == "__main__":
    main()
