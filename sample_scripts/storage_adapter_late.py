"""Storage adapters that clean up in __del__ only, and are part of a reference cycle: they wait for the collector.

Truth:
    Every iteration makes a StorageAdapter and a Cursor that refer to each other. Nothing else holds them, but __del__,
    the only clean-up, runs when the collector comes by: late, not leaked. A collection leaves none that was done with.
    The counts are those of 1,000 iterations.
Cycles:
    iterations: 1000
    verdict: clean
    state: waiting
    pattern: parent and child|cycle
    shape: StorageAdapter .cursor -> Cursor .adapter
    type: StorageAdapter
    created: 1000
    surviving: 0
    passes: 1
    cut: Cursor.adapter
Expect:
    command: cycles
    verdict: clean
    finding: info
    kind: cycle
    type: StorageAdapter
    created: 1000
    surviving: 0
"""

from __future__ import annotations

import random
import sys


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
        self.cursor = Cursor(self)

    def put(self, key: int, value: int) -> None:
        if len(self.rows) >= self.max_size:
            del self.rows[next(iter(self.rows))]
        self.rows[key] = value

    def close(self) -> None:
        self.rows.clear()

    def __del__(self) -> None:
        self.close()


def handle(rng: random.Random) -> int:
    adapter = StorageAdapter()
    for _ in range(30):
        adapter.put(rng.randrange(100), rng.randrange(1_000))
    return sum(adapter.cursor.find(key) or 0 for key in range(0, 100, 5))


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    rng = random.Random(127)
    total = sum(handle(rng) for _ in range(requests))
    print(f"{requests} requests, total {total}")


if __name__ == "__main__":
    main()
