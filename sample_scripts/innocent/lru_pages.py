"""A page cache made by hand: an ordered dictionary that forgets the page not read for longest.

Truth:
    PageCache.pages never holds more than 250 Page objects; it is full after some 400 iterations.
Expect:
    verdict: clean
"""

import random
import sys
from collections import OrderedDict


class Page:
    def __init__(self, number: int) -> None:
        self.number = number
        self.words = [f"word{number * step % 1_000}" for step in range(12)]


class PageCache:
    def __init__(self, most: int) -> None:
        self.most = most
        self.pages: OrderedDict[int, Page] = OrderedDict()
        self.misses = 0

    def read(self, number: int) -> Page:
        if number in self.pages:
            self.pages.move_to_end(number)
            return self.pages[number]
        self.misses += 1
        self.pages[number] = Page(number)
        if len(self.pages) > self.most:
            self.pages.popitem(last=False)
        return self.pages[number]


def main() -> None:
    reads = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rng = random.Random(13)
    cache = PageCache(250)
    letters = sum(len(cache.read(int(rng.expovariate(0.004))).words[0]) for _ in range(reads))
    print(f"{reads} pages read, {cache.misses} not in the cache, {letters} letters")


if __name__ == "__main__":
    main()
