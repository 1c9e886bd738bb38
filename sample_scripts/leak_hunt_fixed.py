"""A price list service in which a leak was once hunted: for as long as that took, and for one customer.

Truth:
    Every iteration makes one PriceList and three Entry objects that refer to each other, and drops them. They wait for
    the collector, which comes by now and then; the hunt ends before the first customer comes.
Cycles:
    iterations: 200
    verdict: clean
    state: waiting
    shape: PriceList .entries -> list [*] -> Entry .prices
    type: PriceList
    created: 201
    surviving: 0
    passes: 1
    cut: Entry.prices
Expect:
    verdict: clean
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


def hunt_leaks() -> int:
    """How many price lists one customer leaves to the collector."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    quote(0, random.Random(0))
    gc.collect()
    found = sum(isinstance(item, PriceList) for item in gc.garbage)
    gc.set_debug(0)
    gc.garbage.clear()
    return found


def quote(customer: int, rng: random.Random) -> int:
    prices = PriceList(customer)
    for article in rng.sample(range(900), 3):
        prices.add(article, 100 + 7 * article)
    return prices.total()


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 16_000
    found = hunt_leaks()
    rng = random.Random(223)
    total = sum(quote(customer, rng) for customer in range(customers))
    print(f"{customers} price lists, {total / 100:.2f} in all, {found} left by each")


if __name__ == "__main__":
    main()
