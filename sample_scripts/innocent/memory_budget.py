"""A picture cache that looks at its own size, and makes room when it has used up its budget.

Truth:
    PictureCache.pictures never holds more than 4 MB: beyond that, store() drops the oldest until it is down to 3 MB.
    The budget is first used up after some 1,300 iterations of 15,000.
Expect:
    verdict: clean
"""

import random
import sys
from zlib import crc32


class Picture:
    def __init__(self, number: int, pixels: bytes) -> None:
        self.number = number
        self.pixels = pixels


class PictureCache:
    budget_bytes = 4_000_000
    target_bytes = 3_000_000

    def __init__(self) -> None:
        self.pictures: dict[int, Picture] = {}
        self.held_bytes = 0
        self.cleanups = 0

    def store(self, picture: Picture) -> None:
        self.pictures[picture.number] = picture
        self.held_bytes += len(picture.pixels)
        if self.held_bytes > self.budget_bytes:
            self.make_room()

    def make_room(self) -> None:
        self.cleanups += 1
        while self.held_bytes > self.target_bytes:
            oldest = self.pictures.pop(next(iter(self.pictures)))
            self.held_bytes -= len(oldest.pixels)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15_000
    rng = random.Random(101)
    cache = PictureCache()
    checksum = 0
    for number in range(count):
        picture = Picture(number, rng.randbytes(rng.randrange(1_000, 5_000)))
        cache.store(picture)
        checksum ^= crc32(picture.pixels)
    print(f"{count} pictures, {cache.cleanups} clean-ups, checksum {checksum:08x}")


if __name__ == "__main__":
    main()
