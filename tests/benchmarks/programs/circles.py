"""A large heap of which a tenth is in reference cycles: one order in ten of these is kept, the others are garbage."""

from __future__ import annotations

import gc
import sys

from tests.benchmarks.programs import shop

ORDERS: list[object] = []
KEPT: dict[int, Order] = {}


class Order:
    def __init__(self, number: int) -> None:
        self.number = number
        self.lines = [Line(self) for _ in range(2)]


class Line:
    def __init__(self, order: Order) -> None:
        self.order = order


def make(tracked: int) -> None:
    """So many objects that the collector tracks; it rests meanwhile, so that all garbage is still there."""
    gc.disable()
    ORDERS.extend(shop.build(tracked * 9 // 10))
    for number in range(tracked // 40):
        order = Order(number)
        if number % 10 == 0:
            KEPT[number] = order


def main() -> None:
    make(int(sys.argv[1]))
    print(len(KEPT))


if __name__ == "__main__":
    main()
