"""A menu whose entries know the entry above them: built at the start, used to the end, then dropped as a whole.

Truth:
    The 1,111 Entry objects of the menu refer to each other and are used by every iteration. main() drops the menu as
    the last thing it does: one reference cycle of them all, which waits for the collector and is gone after one pass.
Cycles:
    iterations: 2000
    verdict: clean
    state: waiting
    pattern: parent and child|cycle
    shape: Entry .above -> Entry .below
    type: Entry
    created: 1111
    surviving: 0
    passes: 1
    cut: Entry.above
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys


class Entry:
    def __init__(self, label: str, above: Entry | None) -> None:
        self.label = label
        self.above = above
        self.below: list[Entry] = []

    def grow(self, levels: int) -> None:
        if levels:
            self.below = [Entry(f"{self.label}.{number}", self) for number in range(10)]
            for entry in self.below:
                entry.grow(levels - 1)

    def path(self) -> str:
        return self.label if self.above is None else f"{self.above.path()} > {self.label}"


def choose(menu: Entry, rng: random.Random) -> int:
    entry = menu
    while entry.below:
        entry = rng.choice(entry.below)
    return len(entry.path())


def main() -> None:
    clicks = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    rng = random.Random(251)
    menu = Entry("menu", None)
    menu.grow(3)
    letters = sum(choose(menu, rng) for _ in range(clicks))
    del menu
    print(f"{clicks} clicks, {letters / clicks:.2f} letters each")


if __name__ == "__main__":
    main()
