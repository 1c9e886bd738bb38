"""A solver that defines its recursive function and its memory anew for each puzzle: garbage that the collector takes.

Truth:
    In every iteration a Memory refers to the function that computes what it does not know, and the function, by its
    closure, to the Memory: a reference cycle. Nothing holds it once the puzzle is solved; none is left after a
    collection.
Cycles:
    iterations: 300
    verdict: clean
    state: waiting
    pattern: closure
    shape: Memory .compute -> function
    type: Memory
    created: 300
    surviving: 0
    passes: 1
Expect:
    verdict: clean
"""

import random
import sys
from collections.abc import Callable


class Memory:
    def __init__(self, compute: Callable[[int, int], int]) -> None:
        self.compute = compute
        self.known: dict[tuple[int, int], int] = {}

    def ask(self, left: int, kinds: int) -> int:
        if (left, kinds) not in self.known:
            self.known[left, kinds] = self.compute(left, kinds)
        return self.known[left, kinds]


def solve(amount: int, coins: list[int]) -> int:
    def ways(left: int, kinds: int) -> int:
        if left == 0:
            return 1
        if left < 0 or kinds == 0:
            return 0
        return memory.ask(left - coins[kinds - 1], kinds) + memory.ask(left, kinds - 1)

    memory = Memory(ways)
    return memory.ask(amount, len(coins))


def main() -> None:
    puzzles = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
    rng = random.Random(257)
    total = sum(solve(rng.randrange(20, 60), rng.sample((2, 5, 10, 20, 25), 3)) for _ in range(puzzles))
    print(f"{puzzles} puzzles, {total} ways")


if __name__ == "__main__":
    main()
