"""A ticket desk: tickets are opened and closed at random, and as many on average the one as the other.

Truth:
    Desk.open holds a random number of Ticket objects that stays about 300: each is closed with a chance of one in 300
    an iteration. It gets there within some 1,000 iterations, and wanders by a few dozen for ever.
Expect:
    verdict: clean
"""

import random
import sys


class Ticket:
    def __init__(self, number: int, customer: int) -> None:
        self.number = number
        self.customer = customer
        self.notes: list[str] = []


class Desk:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.open: list[Ticket] = []
        self.closed = 0

    def receive(self, number: int) -> None:
        ticket = Ticket(number, self.rng.randrange(500))
        ticket.notes.append(f"ticket {number} received")
        self.open.append(ticket)

    def work(self) -> None:
        closing = sum(self.rng.random() < 1 / 30 for _ in range(len(self.open) // 10))
        for _ in range(closing):
            place = self.rng.randrange(len(self.open))
            self.open[place], self.open[-1] = self.open[-1], self.open[place]
            self.open.pop()
            self.closed += 1


def main() -> None:
    tickets = int(sys.argv[1]) if len(sys.argv) > 1 else 25_000
    desk = Desk(29)
    for number in range(tickets):
        desk.receive(number)
        desk.work()
    print(f"{tickets} tickets, {desk.closed} closed")


if __name__ == "__main__":
    main()
