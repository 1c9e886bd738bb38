"""A server that notes, for each request, what a shutdown would have to undo: closures that hold the whole request.

Truth:
    Server.on_shutdown gains one closure an iteration, which holds a Request with a body of 4 KB though it needs only
    its number. Nothing takes one out when the request is done.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: closure|listener
    rule: MEM-001|MEM-005
    holder: Server.on_shutdown
    type: function|Request
    site: shutdown_hooks_leaky.py:Server.handle|shutdown_hooks_leaky.py:main
"""

import random
import sys
from collections.abc import Callable
from zlib import crc32


class Request:
    def __init__(self, number: int, body: bytes) -> None:
        self.number = number
        self.body = body


class Server:
    def __init__(self) -> None:
        self.on_shutdown: list[Callable[[], None]] = []
        self.locked: set[int] = set()

    def handle(self, request: Request) -> int:
        self.locked.add(request.number)

        def unlock() -> None:
            self.locked.discard(request.number)

        self.on_shutdown.append(unlock)  # <- the leak
        reply = crc32(request.body)
        self.locked.discard(request.number)
        return reply

    def shut_down(self) -> None:
        while self.on_shutdown:
            self.on_shutdown.pop()()


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
    rng = random.Random(71)
    server = Server()
    checksum = 0
    for number in range(requests):
        checksum ^= server.handle(Request(number, rng.randbytes(4096)))
    print(f"{requests} requests, checksum {checksum:08x}, {len(server.locked)} locked")


if __name__ == "__main__":
    main()
