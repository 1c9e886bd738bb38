"""A converter with an lru_cache whose maxsize the usual run does not reach.

Truth:
    The cache of quote() gains an entry for every new argument, about one an iteration, until it holds 32,768; the usual
    run is over at 20,000. Its maxsize says that it will not go on.
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


@lru_cache(maxsize=32_768)
def quote(currency: int, day: int) -> Quote:
    return Quote(currency, day)


def convert(cents: int, currency: int, day: int) -> int:
    return int(cents * quote(currency, day).rate)


def main() -> None:
    payments = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(7)
    total = sum(convert(rng.randrange(100, 90_000), rng.randrange(160), day) for day in range(payments))
    print(f"{payments} payments, {total / 100:.2f} in all")


if __name__ == "__main__":
    main()
