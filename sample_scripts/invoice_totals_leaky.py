"""Invoices that compute their total once, by an lru_cache on the method, which thereby holds every invoice.

Truth:
    The cache of Invoice.total gains one entry an iteration; its key holds the Invoice, with its lines. cache_clear()
    is never called.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: cache
    rule: MEM-005
    holder: Invoice.total
    type: Invoice
    site: invoice_totals_leaky.py:invoice
    fix: cached_property|maxsize|module
"""

import random
import sys
from functools import lru_cache


class Line:
    def __init__(self, article: int, pieces: int, cents: int) -> None:
        self.article = article
        self.pieces = pieces
        self.cents = cents


class Invoice:
    def __init__(self, number: int, lines: list[Line]) -> None:
        self.number = number
        self.lines = lines

    @lru_cache(maxsize=None)  # noqa: B019, UP033 - <- the leak
    def total(self) -> int:
        return sum(line.pieces * line.cents for line in self.lines)

    def tax(self) -> int:
        return self.total() * 19 // 100


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
        owed += current.total() + current.tax()
    print(f"{count} invoices, {owed / 100:.2f} owed")


if __name__ == "__main__":
    main()
