"""A map server, run under a limit on its address space, that keeps every tile it has ever drawn.

Truth:
    TileServer.tiles gains one tile of 16 kB an iteration and nothing takes one out. The limit is 8 GiB of address
    space, as ``ulimit -v`` would set it; the machine may have less room than that.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: cache
    rule: MEM-005
    holder: TileServer.tiles
    type: bytes
    site: tile_server_leaky.py:TileServer.tile
"""

import random
import resource
import sys

LIMIT = 8 << 30


class TileServer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tiles: dict[tuple[int, int], bytes] = {}

    def tile(self, x: int, y: int) -> bytes:
        if (x, y) not in self.tiles:
            self.tiles[x, y] = self.rng.randbytes(16_000)  # <- the leak
        return self.tiles[x, y]


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    server = TileServer(random.Random(11))
    sent = sum(len(server.tile(number // 256, number % 256)) for number in range(requests))
    print(f"{requests} tiles sent, {sent} bytes")


if __name__ == "__main__":
    main()
