"""A service that collects the log of each request in a handler of its own, and leaves the handler on the logger.

Truth:
    The handlers of the logger "shop.checkout" become one more each iteration: a StreamHandler with its StringIO.
    removeHandler() is never called.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: logging|listener|registry
    rule: MEM-001|MEM-005
    holder: log.handlers|Logger.handlers
    type: StreamHandler|StringIO
    site: request_log_leaky.py:checkout
    fix: removeHandler
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
    log.addHandler(handler)  # <- the leak
    total = price(rng)
    if number % 1_000 == 999:
        log.error("order %d: the till is out of paper", number)
    return total, text.getvalue()


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
