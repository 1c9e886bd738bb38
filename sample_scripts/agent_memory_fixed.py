"""An agent's long-term memory that keeps the 400 most important observations and forgets the others.

Truth:
    MemoryStore.memories never holds more than 500 Memory objects; it is full after 500 iterations.
Expect:
    verdict: clean
"""

import heapq
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
    most = 500
    kept = 400

    def __init__(self) -> None:
        self.memories: dict[int, Memory] = {}
        self.recent: deque[int] = deque(maxlen=40)

    def remember(self, number: int, text: str, importance: float) -> None:
        self.memories[number] = Memory(number, text, importance)
        self.recent.append(number)
        if len(self.memories) > self.most:
            self.prune()

    def prune(self) -> None:
        important = heapq.nlargest(self.kept, self.memories.values(), key=lambda memory: memory.importance)
        self.memories = {memory.number: memory for memory in important}

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
