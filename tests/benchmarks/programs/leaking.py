"""A shop that never forgets a session: what ``Service.sessions`` holds grows with every request."""

import sys
from typing import Any

from tests.benchmarks.programs import shop


class Session:
    def __init__(self, number: int) -> None:
        self.token = f"token {number}"
        self.data: dict[str, Any] = {"number": number, "seen": [number]}


class Service:
    def __init__(self) -> None:
        self.sessions: dict[int, Session] = {}

    def handle(self, number: int) -> int:
        self.sessions[number] = Session(number)
        return len(self.sessions)


SERVICE = Service()
ORDERS: list[shop.Order] = []


def main(tracked: int) -> int:
    ORDERS.extend(shop.build(tracked * 9 // 10))
    total = 0
    for number in range(tracked // 30):
        total += SERVICE.handle(number)
        total += sum([line.amount for order in ORDERS[number : number + 200] for line in order.lines])
    return total


if __name__ == "__main__":
    main(int(sys.argv[1]))
