"""A memory manager that collects by a schedule, and itself holds the sessions that it waits for to be let go of.

Truth:
    MemoryManager.watched gains one Session an iteration. clean_up() collects, then drops the sessions that nobody else
    refers to by their reference count, and there is none: the Channel of a session refers back to it. The collections
    free nothing, and what the manager adds up as collected, gc.get_count(), are allocations since the last ones.
Cycles:
    iterations: 4000
    verdict: leak|suspect|inconclusive
    state: reachable
    pattern: parent and child|cycle
    shape: Session .channel -> Channel .session
    holder: manager.watched
    type: Session
    created: 4000
    surviving: 4000
    passes: 0
    cut: Channel.session|MemoryManager.watched
Expect:
    verdict: leak|suspect
    kind: growth|cycle
    rule: MEM-001|MEM-005
    holder: MemoryManager.watched
    type: Session|Channel
    site: memory_manager_leaky.py:MemoryManager.open|memory_manager_leaky.py:Session.__init__
"""

from __future__ import annotations

import gc
import random
import sys
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
        self.watched: list[Session] = []
        self.opened = 0
        self.collected = 0

    def open(self) -> Session:
        session = Session(self.opened)
        self.watched.append(session)  # <- the leak
        self.opened += 1
        if self.opened % self.every == 0:
            self.clean_up()
        return session

    def clean_up(self) -> None:
        gc.collect()
        self.collected += sum(gc.get_count())
        watched, self.watched = self.watched, []
        while watched:
            session = watched.pop()
            if sys.getrefcount(session) > 2:  # somebody uses it
                self.watched.append(session)


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
