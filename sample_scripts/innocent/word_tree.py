"""A tree of words that is built once, at the start, and then only walked.

Truth:
    TREE has some 8,500 Branch objects before the first iteration, and as many after the last.
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys

LETTERS = "aeilmnorst"


class Branch:
    def __init__(self) -> None:
        self.branches: dict[str, Branch] = {}
        self.ends = False

    def add(self, word: str) -> None:
        branch = self
        for letter in word:
            branch = branch.branches.setdefault(letter, Branch())
        branch.ends = True

    def prefix(self, word: str) -> int:
        branch, length = self, 0
        for letter in word:
            if letter not in branch.branches:
                break
            branch, length = branch.branches[letter], length + 1
        return length


def build(rng: random.Random) -> Branch:
    tree = Branch()
    for _ in range(4_000):
        tree.add("".join(rng.choices(LETTERS, k=rng.randrange(3, 8))))
    return tree


TREE = build(random.Random(73))


def main() -> None:
    lookups = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rng = random.Random(79)
    letters = sum(TREE.prefix("".join(rng.choices(LETTERS, k=7))) for _ in range(lookups))
    print(f"{lookups} lookups, {letters / lookups:.2f} letters found")


if __name__ == "__main__":
    main()
