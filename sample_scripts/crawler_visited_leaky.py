"""A crawler on a site that adds a visit number to every link, so that no page is ever recognised.

Truth:
    Crawler.visited gains one str an iteration. The site has 600 pages, but each URL is new. Crawler.pending is a queue
    that is never longer than 200.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: registry|history|cache
    rule: MEM-005
    holder: Crawler.visited
    type: str
    site: crawler_visited_leaky.py:Site.links
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
        self.pending: deque[str] = deque(["https://shop.example/page/0"])
        self.words = 0

    def step(self) -> None:
        url = self.pending.popleft()
        self.visited.add(url)  # <- the leak
        self.words += sum(map(len, url.split("/")))
        for link in self.site.links(url):
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
