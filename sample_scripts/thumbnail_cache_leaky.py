"""A gallery that caches each thumbnail under its picture and width, and forgets none.

Truth:
    Gallery.thumbnails gains a Thumbnail for each picture and width not met before, about 0.96 an iteration.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: cache
    rule: MEM-005
    holder: Gallery.thumbnails
    type: Thumbnail
    site: thumbnail_cache_leaky.py:Gallery.show
"""

import random
import sys
from collections.abc import Iterator
from zlib import crc32


class Thumbnail:
    def __init__(self, picture: int, width: int) -> None:
        self.width = width
        self.pixels = bytes((picture * step) % 251 for step in range(width))


class Gallery:
    def __init__(self) -> None:
        self.thumbnails: dict[tuple[int, int], Thumbnail] = {}
        self.hits = 0

    def show(self, picture: int, width: int) -> int:
        key = picture, width
        found = self.thumbnails.get(key)
        if found is None:
            found = self.thumbnails[key] = Thumbnail(picture, width)
        else:
            self.hits += 1
        return crc32(found.pixels)


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
