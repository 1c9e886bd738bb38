"""A memory manager that collects by a schedule, knows the sessions weakly, and counts what the collector says it freed.

Truth:
    MemoryManager.watched holds a Session for as long as somebody else does. The Channel of a session refers back to it,
    so that sessions wait for the collector, which a cleanup calls after every 250; none is left after it.
Cycles:
    iterations: 200
    verdict: clean
    state: waiting
    shape: Session .channel -> Channel .session
    type: Session
    created: 200
    surviving: 0
    passes: 1
    cut: Channel.session
Expect:
    verdict: clean
"""

from __future__ import annotations

import gc
import random
import sys
import weakref
from zlib import crc32


class Channel:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.sent = 0

    def send(self, text: str) -> int:
        self.sent += 1
        return crc32(text.encode(), self.session.number)


class Session:
    def __init__(self, number: int) -> None:
        self.number = number
        self.channel = Channel(self)


class MemoryManager:
    every = 250

    def __init__(self) -> None:
        self.watched: weakref.WeakSet[Session] = weakref.WeakSet()
        self.opened = 0
        self.collected = 0

    def open(self) -> Session:
        session = Session(self.opened)
        self.watched.add(session)
        self.opened += 1
        if self.opened % self.every == 0:
            self.clean_up()
        return session

    def clean_up(self) -> None:
        self.collected += gc.collect()


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    rng = random.Random(211)
    manager = MemoryManager()
    checksum = 0
    for _ in range(requests):
        checksum ^= manager.open().channel.send(f"quote {rng.randrange(10**9)} " * 4)
    print(f"{requests} requests, checksum {checksum:08x}, {manager.collected} objects collected")


if __name__ == "__main__":
    main()
