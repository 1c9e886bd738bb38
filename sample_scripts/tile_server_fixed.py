"""A map server, run under a limit on its address space, that keeps the tiles drawn last.

Truth:
    TileServer.tiles holds at most 300 tiles; the oldest makes room.
Expect:
    verdict: clean
"""

import random
import resource
import sys

LIMIT = 8 << 30


class TileServer:
    most = 300

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tiles: dict[tuple[int, int], bytes] = {}

    def tile(self, x: int, y: int) -> bytes:
        if (x, y) not in self.tiles:
            self.tiles[x, y] = self.rng.randbytes(16_000)
            if len(self.tiles) > self.most:
                del self.tiles[next(iter(self.tiles))]
        return self.tiles[x, y]


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    server = TileServer(random.Random(11))
    sent = sum(len(server.tile(number // 256, number % 256)) for number in range(requests))
    print(f"{requests} tiles sent, {sent} bytes")


if __name__ == "__main__":
    main()
