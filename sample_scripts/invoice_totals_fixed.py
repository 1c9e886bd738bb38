"""Invoices that compute their total once and remember it themselves.

Truth:
    No more than two Invoice objects live at a time: each takes its total with it when it goes.
Expect:
    verdict: clean
"""

import random
import sys
from functools import cached_property


class Line:
    def __init__(self, article: int, pieces: int, cents: int) -> None:
        self.article = article
        self.pieces = pieces
        self.cents = cents


class Invoice:
    def __init__(self, number: int, lines: list[Line]) -> None:
        self.number = number
        self.lines = lines

    @cached_property
    def total(self) -> int:
        return sum(line.pieces * line.cents for line in self.lines)

    def tax(self) -> int:
        return self.total * 19 // 100


def invoice(number: int, rng: random.Random) -> Invoice:
    articles = rng.sample(range(500), 4)
    lines = [Line(article, rng.randrange(1, 9), rng.randrange(100, 9_000)) for article in articles]
    return Invoice(number, lines)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8_000
    rng = random.Random(67)
    owed = 0
    for number in range(count):
        current = invoice(number, rng)
        owed += current.total + current.tax()
    print(f"{count} invoices, {owed / 100:.2f} owed")


if __name__ == "__main__":
    main()
