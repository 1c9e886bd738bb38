"""A parser that makes a great many dataclass objects, sums them up, and keeps none.

Truth:
    An Order with its Item and Address objects lives for one iteration; totals has a key for each of 12 countries.
Expect:
    verdict: clean
"""

import json
import random
import sys
from collections import Counter
from dataclasses import dataclass

COUNTRIES = ("at", "be", "ch", "cz", "de", "dk", "es", "fr", "it", "nl", "pl", "se")


@dataclass(frozen=True)
class Item:
    article: int
    pieces: int
    cents: int


@dataclass
class Address:
    street: str
    country: str


@dataclass
class Order:
    number: int
    address: Address
    items: list[Item]

    def total(self) -> int:
        return sum(item.pieces * item.cents for item in self.items)


def text(number: int, rng: random.Random) -> str:
    items = [{"article": rng.randrange(900), "pieces": 2, "cents": rng.randrange(100, 900)} for _ in range(5)]
    address = {"street": f"{rng.randrange(200)} High Street", "country": rng.choice(COUNTRIES)}
    return json.dumps({"number": number, "address": address, "items": items})


def parse(order: str) -> Order:
    fields = json.loads(order)
    return Order(fields["number"], Address(**fields["address"]), [Item(**item) for item in fields["items"]])


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
    rng = random.Random(83)
    totals: Counter[str] = Counter()
    for number in range(orders):
        order = parse(text(number, rng))
        totals[order.address.country] += order.total()
    print(f"{orders} orders from {len(totals)} countries, {totals.total() / 100:.2f} in all")


if __name__ == "__main__":
    main()
