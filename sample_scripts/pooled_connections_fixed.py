"""A connection pool to which a connection is given back by a with statement, and which keeps a few of them.

Truth:
    Pool.idle never holds more than eight Connection objects, which refer to their Cursor objects, and these to them;
    a connection that finds the pool full is taken apart, hence is freed at once and needs no collector.
Cycles:
    iterations: 200
    verdict: clean
    type: Connection
    created: 8
    surviving: 8
    passes: 0
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32


class Cursor:
    def __init__(self, connection: Connection) -> None:
        self.connection: Connection | None = connection
        self.row = 0

    def fetch(self, query: str) -> int:
        self.row = crc32(query.encode(), self.connection.shard if self.connection else 0)
        return self.row

    def close(self) -> None:
        self.connection = None


class Connection:
    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.cursor = Cursor(self)


class Pool:
    size = 8

    def __init__(self) -> None:
        self.idle: list[Connection] = []
        self.opened = 0

    @contextmanager
    def connect(self, shard: int) -> Iterator[Connection]:
        connection = next((one for one in self.idle if one.shard == shard), None)
        if connection is None:
            self.opened += 1
            connection = Connection(shard)
        else:
            self.idle.remove(connection)
        try:
            yield connection
        finally:
            if len(self.idle) < self.size:
                self.idle.append(connection)
            else:
                connection.cursor.close()


def fetch(pool: Pool, shard: int, query: str) -> int:
    with pool.connect(shard) as connection:
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
