"""A server that notes what a shutdown would have to undo, and forgets it when the request is done.

Truth:
    Server.on_shutdown holds one closure during a request and none between two.
Expect:
    verdict: clean
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
        self.on_shutdown: dict[int, Callable[[], None]] = {}
        self.locked: set[int] = set()

    def handle(self, request: Request) -> int:
        self.locked.add(request.number)

        def unlock() -> None:
            self.locked.discard(request.number)

        self.on_shutdown[request.number] = unlock
        reply = crc32(request.body)
        self.on_shutdown.pop(request.number)()
        return reply

    def shut_down(self) -> None:
        while self.on_shutdown:
            self.on_shutdown.popitem()[1]()


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(71)
    server = Server()
    checksum = 0
    for number in range(requests):
        checksum ^= server.handle(Request(number, rng.randbytes(4096)))
    print(f"{requests} requests, checksum {checksum:08x}, {len(server.locked)} locked")


if __name__ == "__main__":
    main()
