"""A router that loads the table of a town when it is first asked for: a warm-up that ends when it knows them all.

Truth:
    Router.tables gains a Table for each of 300 towns, and nothing more once all were asked for: after some 800
    iterations of 60,000.
Expect:
    verdict: clean
"""

import random
import sys

TOWNS = 300


class Table:
    def __init__(self, town: int) -> None:
        self.town = town
        self.hops = {other: (town * other) % 17 for other in range(0, TOWNS, 10)}


class Router:
    def __init__(self) -> None:
        self.tables: dict[int, Table] = {}

    def table(self, town: int) -> Table:
        if town not in self.tables:
            self.tables[town] = Table(town)
        return self.tables[town]

    def hops(self, start: int, end: int) -> int:
        hub = end - end % 10
        return self.table(start).hops[hub] + self.table(end).hops[hub]


def main() -> None:
    parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    rng = random.Random(3)
    router = Router()
    hops = sum(router.hops(rng.randrange(TOWNS), rng.randrange(TOWNS)) for _ in range(parcels))
    print(f"{parcels} parcels, {hops} hops, {len(router.tables)} tables")


if __name__ == "__main__":
    main()
