"""An agent's long-term memory: every observation is stored with its importance, and none is ever forgotten.

Truth:
    MemoryStore.memories gains one Memory an iteration and nothing takes one out: recall() only sorts what is recent.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: history|cache|registry
    rule: MEM-005
    holder: MemoryStore.memories
    type: Memory
    site: agent_memory_leaky.py:MemoryStore.remember
    fix: bound|evict|prune|trim|weak
"""

import random
import sys
from collections import deque

PLACES = ("kitchen", "garage", "garden", "office", "attic")


class Memory:
    def __init__(self, number: int, text: str, importance: float) -> None:
        self.number = number
        self.text = text
        self.importance = importance
        self.words = frozenset(text.split())


class MemoryStore:
    def __init__(self) -> None:
        self.memories: dict[int, Memory] = {}
        self.recent: deque[int] = deque(maxlen=40)

    def remember(self, number: int, text: str, importance: float) -> None:
        self.memories[number] = Memory(number, text, importance)  # <- the leak
        self.recent.append(number)

    def recall(self, place: str) -> list[Memory]:
        found = [self.memories[number] for number in self.recent if number in self.memories]
        found = [memory for memory in found if place in memory.words]
        return sorted(found, key=lambda memory: memory.importance)[-3:]


class Agent:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.store = MemoryStore()

    def step(self, number: int) -> float:
        place = self.rng.choice(PLACES)
        self.store.remember(number, f"saw {number} things in the {place}", self.rng.random())
        return sum(memory.importance for memory in self.store.recall(place))


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    agent = Agent(5)
    score = sum(agent.step(number) for number in range(steps))
    print(f"{steps} steps, score {score:.1f}")


if __name__ == "__main__":
    main()
