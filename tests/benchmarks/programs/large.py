"""A large heap at work: a million tracked objects, some of which are read and replaced all the time."""

import random
import sys

from tests.benchmarks.programs import shop


def main(rounds: int) -> int:
    orders = shop.build(1_000_000)
    chance = random.Random(1)
    total = 0
    for number in range(rounds * 1000):
        order = orders[chance.randrange(len(orders))]
        total += sum(line.amount for line in order.lines)
        if number % 4 == 0:
            place = chance.randrange(len(orders))
            orders[place] = shop.Order(number, order.customer)
    return total


if __name__ == "__main__":
    main(int(sys.argv[1]))
