"""A connection pool to which a forgotten connection returns by itself: its finalizer revives it.

Truth:
    Every iteration opens a Connection, which refers to its Cursor and that to it, and drops it without giving it back.
    When the collector finds it, Connection.__del__ appends it to Pool.idle: revived, and kept, as connect() looks at
    the last one only, which is of another shard. No collection frees one, and no finalizer runs twice.
Cycles:
    iterations: 200
    verdict: leak|suspect|inconclusive
    state: reachable
    shape: Connection .cursor -> Cursor .connection
    holder: Pool
    type: Connection
    created: 200
    surviving: 200
    passes: 0
    finalizer: Connection.__del__
Expect:
    verdict: leak|suspect
    kind: growth|cycle|resource
    rule: MEM-001|MEM-003|MEM-004|MEM-005
    holder: Pool.idle
    type: Connection|Cursor
    site: pooled_connections_leaky.py:Connection.__del__|pooled_connections_leaky.py:Pool.connect
"""

from __future__ import annotations

import random
import sys
from zlib import crc32


class Cursor:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.row = 0

    def fetch(self, query: str) -> int:
        self.row = crc32(query.encode(), self.connection.shard)
        return self.row


class Connection:
    def __init__(self, pool: Pool, shard: int) -> None:
        self.pool = pool
        self.shard = shard
        self.cursor = Cursor(self)

    def __del__(self) -> None:
        self.pool.idle.append(self)  # <- the leak


class Pool:
    def __init__(self) -> None:
        self.idle: list[Connection] = []
        self.opened = 0

    def connect(self, shard: int) -> Connection:
        if self.idle and self.idle[-1].shard == shard:
            return self.idle.pop()
        self.opened += 1
        return Connection(self, shard)


def fetch(pool: Pool, shard: int, query: str) -> int:
    connection = pool.connect(shard)
    return connection.cursor.fetch(query)


def main() -> None:
    queries = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    rng = random.Random(229)
    pool = Pool()
    checksum = 0
    for number in range(queries):
        checksum ^= fetch(pool, number % 5_000, f"select {rng.randrange(10**9)} " * 4)
    print(f"{queries} queries over {pool.opened} connections, checksum {checksum:08x}")


if __name__ == "__main__":
    main()
