"""A service that collects the log of each request in a handler of its own, and takes the handler off again.

Truth:
    The logger "shop.checkout" has one handler during a request, and none between two.
Expect:
    verdict: clean
"""

import io
import logging
import random
import sys

log = logging.getLogger("shop.checkout")


def price(rng: random.Random) -> int:
    return sum(rng.randrange(100, 2_000) for _ in range(rng.randrange(1, 12)))


def checkout(number: int, rng: random.Random) -> tuple[int, str]:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    log.addHandler(handler)
    try:
        total = price(rng)
        if number % 1_000 == 999:
            log.error("order %d: the till is out of paper", number)
        return total, text.getvalue()
    finally:
        log.removeHandler(handler)


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    log.propagate = False
    rng = random.Random(79)
    income = complaints = 0
    for number in range(orders):
        total, text = checkout(number, rng)
        income += total
        complaints += len(text.splitlines())
    print(f"{orders} orders, {income / 100:.2f} taken, {complaints} complaints")


if __name__ == "__main__":
    main()
