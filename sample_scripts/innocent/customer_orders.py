"""Customers and their orders, mapped both ways as object-relational mappers do: the data that the program works on.

Truth:
    Session.identities holds 300 Customer and 1,200 Order objects, loaded before the first iteration, and as many after
    the last. Customers refer to their orders and these to them, and all of them to the session: they survive every
    pass, as they should, and none of them is garbage.
Cycles:
    iterations: 2000
    verdict: clean|inconclusive
    state: reachable
    holder: Session
    type: Customer
    created: 300
    surviving: 300
    passes: 0
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys


class Order:
    def __init__(self, session: Session, customer: Customer, cents: int) -> None:
        self.session = session
        self.customer = customer
        self.cents = cents


class Customer:
    def __init__(self, session: Session, number: int) -> None:
        self.session = session
        self.number = number
        self.orders: list[Order] = []

    def owes(self) -> int:
        return sum(order.cents for order in self.orders)


class Session:
    def __init__(self) -> None:
        self.identities: dict[tuple[str, int], Customer | Order] = {}

    def load(self, rng: random.Random) -> None:
        customers = [Customer(self, number) for number in range(300)]
        self.identities |= {("customer", customer.number): customer for customer in customers}
        for number in range(1_200):
            customer = rng.choice(customers)
            order = Order(self, customer, rng.randrange(100, 10_000))
            customer.orders.append(order)
            self.identities["order", number] = order

    def pay(self, number: int) -> int:
        order = self.identities["order", number]
        assert isinstance(order, Order)
        order.cents = order.cents // 2 + 50
        return order.customer.owes()


def main() -> None:
    payments = int(sys.argv[1]) if len(sys.argv) > 1 else 80_000
    rng = random.Random(263)
    session = Session()
    session.load(rng)
    owed = sum(session.pay(rng.randrange(1_200)) for _ in range(payments))
    print(f"{payments} payments, {owed / payments / 100:.2f} owed on average")


if __name__ == "__main__":
    main()
