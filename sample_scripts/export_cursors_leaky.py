"""An export that hands out pages from generators; a client that leaves early leaves its generator suspended.

Truth:
    Exporter.cursors gains one suspended generator for every client that reads only the first page, one in four
    iterations. Each holds its frame, with a batch of 100 rows in a local variable.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: generator|registry
    rule: MEM-001|MEM-003|MEM-004|MEM-005
    holder: Exporter.cursors
    type: generator
    site: export_cursors_leaky.py:Exporter.serve|export_cursors_leaky.py:Exporter.pages
"""

import random
import sys
from collections.abc import Iterator


class Exporter:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.cursors: dict[int, Iterator[list[int]]] = {}

    def pages(self, client: int) -> Iterator[list[int]]:
        batch = [client * 1000 + self.rng.randrange(1000) for _ in range(100)]
        for first in range(0, len(batch), 25):
            yield batch[first : first + 25]

    def serve(self, client: int) -> int:
        self.cursors[client] = self.pages(client)  # <- the leak
        total = sum(next(self.cursors[client]))
        if client % 4 == 3:
            return total
        for page in self.cursors[client]:
            total += sum(page)
        del self.cursors[client]
        return total


def main() -> None:
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    exporter = Exporter(107)
    total = sum(exporter.serve(client) for client in range(clients))
    print(f"{clients} clients, total {total}")


if __name__ == "__main__":
    main()
