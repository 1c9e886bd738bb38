"""A converter with an lru_cache that is full early in the run.

Truth:
    The cache of quote() holds 1,024 Quote objects after some 1,200 iterations of 40,000, and from then on as many.
Expect:
    verdict: clean
"""

import random
import sys
from functools import lru_cache


class Quote:
    def __init__(self, currency: int, day: int) -> None:
        self.currency = currency
        self.day = day
        self.rate = 1 + ((currency * 7919 + day * 104_729) % 1_000) / 1_000


@lru_cache(maxsize=1024)
def quote(currency: int, day: int) -> Quote:
    return Quote(currency, day)


def convert(cents: int, currency: int, day: int) -> int:
    return int(cents * quote(currency, day).rate)


def main() -> None:
    payments = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rng = random.Random(11)
    total = 0
    for number in range(payments):
        total += convert(rng.randrange(100, 90_000), rng.randrange(160), number // 50)
    print(f"{payments} payments, {total / 100:.2f} in all, {quote.cache_info().currsize} quotes cached")


if __name__ == "__main__":
    main()
