"""A crawler that marks a URL as pending while it is fetched, and unmarks it whatever happens.

Truth:
    Crawler.pending holds one URL during a fetch and none between two; Crawler.pages is bounded by 100 and full after
    some 105 iterations.
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque


class Page:
    def __init__(self, url: str, text: str) -> None:
        self.url = url
        self.words = text.split()


class Crawler:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.pending: set[str] = set()
        self.pages: deque[Page] = deque(maxlen=100)
        self.failures = 0

    def fetch(self, url: str) -> Page:
        if self.rng.random() < 0.04:
            raise ConnectionError("connection reset")
        return Page(url, f"{url} says " + "lorem ipsum " * self.rng.randrange(4, 12))

    def visit(self, url: str) -> int:
        self.pending.add(url)
        try:
            page = self.fetch(url)
        finally:
            self.pending.discard(url)
        self.pages.append(page)
        return len(page.words)

    def try_to_visit(self, url: str) -> int:
        try:
            return self.visit(url)
        except ConnectionError:
            self.failures += 1
            return 0


def main() -> None:
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    crawler = Crawler(23)
    words = 0
    for number in range(visits):
        words += crawler.try_to_visit(f"https://news.example/{number // 100}/{number}")
    print(f"{visits} visits, {words} words, {crawler.failures} failures")


if __name__ == "__main__":
    main()
