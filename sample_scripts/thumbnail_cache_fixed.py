"""A gallery with an LRU cache of thumbnails, bounded by their number and by their memory.

Truth:
    Gallery.thumbnails never holds more than 400 Thumbnail objects or 40,000 bytes of pixels; it is full
    after some 300 iterations.
Expect:
    verdict: clean
"""

import random
import sys
from collections import OrderedDict
from collections.abc import Iterator
from zlib import crc32


class Thumbnail:
    def __init__(self, picture: int, width: int) -> None:
        self.width = width
        self.pixels = bytes((picture * step) % 251 for step in range(width))


class Gallery:
    most_items = 400
    most_bytes = 40_000

    def __init__(self) -> None:
        self.thumbnails: OrderedDict[tuple[int, int], Thumbnail] = OrderedDict()
        self.held_bytes = 0
        self.hits = 0

    def show(self, picture: int, width: int) -> int:
        key = picture, width
        found = self.thumbnails.get(key)
        if found is None:
            found = self.thumbnails[key] = Thumbnail(picture, width)
            self.held_bytes += len(found.pixels)
            self.trim()
        else:
            self.hits += 1
            self.thumbnails.move_to_end(key)
        return crc32(found.pixels)

    def trim(self) -> None:
        while len(self.thumbnails) > self.most_items or self.held_bytes > self.most_bytes:
            _, oldest = self.thumbnails.popitem(last=False)
            self.held_bytes -= len(oldest.pixels)


def visits(count: int) -> Iterator[tuple[int, int]]:
    """Mostly pictures fresh from the camera; one visit in ten goes back to a recent one."""
    rng = random.Random(29)
    newest = 0
    for _ in range(count):
        if rng.random() < 0.1:
            yield newest - rng.randrange(50), 128
        else:
            newest += 1
            yield newest, rng.choice((96, 128, 192))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    gallery = Gallery()
    checksum = 0
    for picture, width in visits(count):
        checksum ^= gallery.show(picture, width)
    print(f"{count} thumbnails shown, {gallery.hits} from the cache, checksum {checksum:08x}")


if __name__ == "__main__":
    main()
