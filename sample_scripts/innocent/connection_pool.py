"""A connection pool that opens one connection more whenever all are in use, up to its cap.

Truth:
    Pool.idle and Pool.busy together hold at most 64 Connection objects. The load rises slowly: the cap is reached in
    the middle of the usual run, and never left again.
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque


class Connection:
    def __init__(self, number: int) -> None:
        self.number = number
        self.buffer = bytearray(2048)
        self.queries = 0

    def query(self, text: str) -> int:
        self.queries += 1
        self.buffer[: len(text)] = text.encode()
        return len(text) + self.number


class Pool:
    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.idle: list[Connection] = []
        self.busy: deque[Connection] = deque()
        self.refused = 0

    def acquire(self) -> Connection | None:
        if not self.idle and len(self.busy) >= self.cap:
            self.refused += 1
            return None
        connection = self.idle.pop() if self.idle else Connection(len(self.busy))
        self.busy.append(connection)
        return connection

    def release_oldest(self) -> None:
        self.idle.append(self.busy.popleft())


def main() -> None:
    queries = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    rng = random.Random(17)
    pool = Pool(64)
    answered = 0
    for number in range(queries):
        load = 1 + 126 * number // queries
        connection = pool.acquire()
        if connection is not None:
            answered += connection.query(f"select * from orders where id = {rng.randrange(9_999)}") > 0
        while len(pool.busy) > min(load, 63):
            pool.release_oldest()
    print(f"{queries} queries, {answered} answered, {len(pool.idle) + len(pool.busy)} connections")


if __name__ == "__main__":
    main()
