"""An export that hands out pages from generators and closes each one when its client has left.

Truth:
    Exporter.cursors holds one generator while a client is served, and none between two.
Expect:
    verdict: clean
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
        self.cursors[client] = self.pages(client)
        total = sum(next(self.cursors[client]))
        if client % 4 != 3:
            total += sum(sum(page) for page in self.cursors[client])
        del self.cursors[client]
        return total


def main() -> None:
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    exporter = Exporter(107)
    total = sum(exporter.serve(client) for client in range(clients))
    print(f"{clients} clients, total {total}")


if __name__ == "__main__":
    main()
