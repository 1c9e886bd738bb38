"""A crawler that knows a page by its address alone, and begins its next round when it has seen the whole site.

Truth:
    Crawler.visited holds at most the 600 pages of the site, Crawler.pending at most 200; the first round lasts some
    600 iterations.
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque

PAGES = 600


class Site:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.visits = 0

    def links(self, _url: str) -> list[str]:
        pages = self.rng.sample(range(PAGES), 3)
        self.visits += 1
        return [f"https://shop.example/page/{page}?visit={self.visits}" for page in pages]


class Crawler:
    most_pending = 200

    def __init__(self, site: Site) -> None:
        self.site = site
        self.visited: set[str] = set()
        self.pending: deque[str] = deque()
        self.words = 0

    def step(self) -> None:
        if not self.pending:
            self.visited.clear()
            self.pending.append("https://shop.example/page/0")
        url = self.pending.popleft()
        self.visited.add(url)
        self.words += sum(map(len, url.split("/")))
        for link in (link.partition("?")[0] for link in self.site.links(url)):
            if link not in self.visited and len(self.pending) < self.most_pending:
                self.pending.append(link)


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    crawler = Crawler(Site(19))
    for _ in range(steps):
        crawler.step()
    print(f"{steps} pages read, {crawler.words} letters")


if __name__ == "__main__":
    main()
