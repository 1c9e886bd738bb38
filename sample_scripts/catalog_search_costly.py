"""A catalogue that is loaded once, and a memory manager that collects after every request lest memory grow.

Truth:
    Nothing leaks. The Hit objects of a request refer to their Search, and that to them; the collection after the
    request frees them, and visits the 20,000 Article objects of the catalogue as well, which never go away: most of
    the program's time is the collector's.
Cycles:
    iterations: 40
    verdict: clean
    type: Search
    created: 40
    surviving: 0
    collector: costly
Expect:
    command: cycles
    verdict: clean
"""

from __future__ import annotations

import gc
import random
import sys


class Article:
    def __init__(self, number: int) -> None:
        self.number = number
        self.tags = [number % 7, number % 11]


class Hit:
    def __init__(self, search: Search, article: Article) -> None:
        self.search = search
        self.article = article

    def score(self) -> int:
        return self.article.number ^ self.search.seed


class Search:
    def __init__(self, seed: int, articles: list[Article]) -> None:
        self.seed = seed
        self.hits = [Hit(self, article) for article in articles]

    def best(self) -> int:
        return max(hit.score() for hit in self.hits)


def load() -> list[Article]:
    return [Article(number) for number in range(20_000)]


def answer(catalogue: list[Article], rng: random.Random) -> int:
    best = Search(rng.randrange(1_000), rng.sample(catalogue, 40)).best()
    gc.collect()
    return best


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    rng = random.Random(241)
    catalogue = load()
    total = sum(answer(catalogue, rng) for _ in range(requests))
    print(f"{requests} requests, total {total}")


if __name__ == "__main__":
    main()
