"""A batch job whose very purpose is a list of results, which it sorts and prints when it has them all.

Truth:
    rows, a local variable of main(), gains one Row an iteration and is used whole at the end: it is the job's product.
    The heap cannot tell that from a leak, hence no more than a suspicion, and certainly no verdict.
Expect:
    verdict: clean|suspect
"""

import random
import sys
from collections.abc import Iterator


class Row:
    def __init__(self, customer: int, orders: int, cents: int) -> None:
        self.customer = customer
        self.orders = orders
        self.cents = cents

    def line(self) -> str:
        return f"customer {self.customer:>6}  {self.orders:>3} orders  {self.cents / 100:>10.2f}"


def orders_of(rng: random.Random) -> Iterator[int]:
    for _ in range(rng.randrange(1, 9)):
        yield rng.randrange(500, 20_000)


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 25_000
    rng = random.Random(31)
    rows = []
    for customer in range(customers):
        cents = list(orders_of(rng))
        rows.append(Row(customer, len(cents), sum(cents)))
    rows.sort(key=lambda row: row.cents, reverse=True)
    for row in rows[:3]:
        print(row.line())
    print(f"{customers} customers, {sum(row.cents for row in rows) / 100:.2f} in all")


if __name__ == "__main__":
    main()
