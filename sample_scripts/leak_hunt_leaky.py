"""A price list service in which a leak was once hunted: the collector was told to keep what it finds, and still does.

Truth:
    Every iteration makes one PriceList and three Entry objects that refer to each other, and drops them. Under
    DEBUG_SAVEALL, a part of DEBUG_LEAK, the collector puts them into gc.garbage instead of freeing them: the program
    leaks nothing but what is kept to find a leak.
Cycles:
    iterations: 200
    verdict: leak|suspect
    state: uncollectable
    pattern: parent and child|cycle
    shape: PriceList .entries -> list [*] -> Entry .prices
    holder: gc.garbage
    type: PriceList
    created: 200
    surviving: 200
    passes: 0
    fix: DEBUG_SAVEALL
Expect:
    verdict: leak|suspect
    kind: growth|cycle
    holder: gc.garbage
    type: PriceList|Entry
    site: leak_hunt_leaky.py:quote|leak_hunt_leaky.py:PriceList.add
    fix: DEBUG_SAVEALL|set_debug
"""

from __future__ import annotations

import gc
import random
import sys


class Entry:
    def __init__(self, prices: PriceList, article: int, cents: int) -> None:
        self.prices = prices
        self.article = article
        self.cents = cents

    def discounted(self) -> int:
        return self.cents * (100 - self.prices.discount) // 100


class PriceList:
    def __init__(self, customer: int) -> None:
        self.discount = customer % 15
        self.entries: list[Entry] = []

    def add(self, article: int, cents: int) -> None:
        self.entries.append(Entry(self, article, cents))

    def total(self) -> int:
        return sum(entry.discounted() for entry in self.entries)


def hunt_leaks() -> None:
    """Remove once the leak is found."""
    gc.set_debug(gc.DEBUG_SAVEALL | gc.DEBUG_UNCOLLECTABLE)  # <- the leak


def quote(customer: int, rng: random.Random) -> int:
    prices = PriceList(customer)
    for article in rng.sample(range(900), 3):
        prices.add(article, 100 + 7 * article)
    return prices.total()


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 16_000
    hunt_leaks()
    rng = random.Random(223)
    total = sum(quote(customer, rng) for customer in range(customers))
    print(f"{customers} price lists, {total / 100:.2f} in all")


if __name__ == "__main__":
    main()
