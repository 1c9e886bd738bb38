"""Storage adapters that are closed by `with`, which also breaks their reference cycle.

Truth:
    A StorageAdapter and its Cursor refer to each other while they are open. Closing lets go of the Cursor: none is ever
    left to the collector.
Expect:
    command: cycles
    verdict: clean
    type: StorageAdapter
    created: 0
    surviving: 0
"""

from __future__ import annotations

import random
import sys
from contextlib import closing


class Cursor:
    def __init__(self, adapter: StorageAdapter) -> None:
        self.adapter = adapter
        self.read = 0

    def find(self, key: int) -> int | None:
        self.read += 1
        return self.adapter.rows.get(key)


class StorageAdapter:
    max_size = 25

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}
        self.cursor: Cursor | None = Cursor(self)

    def put(self, key: int, value: int) -> None:
        if len(self.rows) >= self.max_size:
            del self.rows[next(iter(self.rows))]
        self.rows[key] = value

    def close(self) -> None:
        self.rows.clear()
        self.cursor = None


def handle(rng: random.Random) -> int:
    with closing(StorageAdapter()) as adapter:
        for _ in range(30):
            adapter.put(rng.randrange(100), rng.randrange(1_000))
        cursor = adapter.cursor
        return sum(cursor.find(key) or 0 for key in range(0, 100, 5)) if cursor else 0


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    rng = random.Random(127)
    total = sum(handle(rng) for _ in range(requests))
    print(f"{requests} requests, total {total}")


if __name__ == "__main__":
    main()
