"""Documents whose nodes know their parents: garbage that waits for the collector, which comes by now and then.

Truth:
    Nothing holds a document once it was counted. Its Node objects refer to each other, hence they wait for the
    collector: thousands may, and none is left after a collection.
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator


class Node:
    def __init__(self, name: str, parent: Node | None) -> None:
        self.name = name
        self.parent = parent
        self.children: list[Node] = []
        if parent is not None:
            parent.children.append(self)

    def depth(self) -> int:
        return 0 if self.parent is None else 1 + self.parent.depth()

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


def document(number: int, rng: random.Random) -> Node:
    nodes = [Node(f"document-{number}", None)]
    for place in range(11):
        nodes.append(Node(f"section-{place}", rng.choice(nodes)))
    return nodes[0]


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
    rng = random.Random(37)
    total = 0
    for number in range(documents):
        total += max(node.depth() for node in document(number, rng).walk())
    print(f"{documents} documents, mean depth {total / documents:.2f}")


if __name__ == "__main__":
    main()
