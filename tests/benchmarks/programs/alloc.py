"""Allocation-heavy: records are built and dropped, while a window of the latest stays alive."""

import sys
from collections import deque


class Event:
    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"event {number}"
        self.parts = [number, number + 1.5, "x" * (number % 50)]
        self.fields = {"kind": number % 7, "parts": self.parts, "at": (number, "text")}
        self.pair = (self.name, [number])


def main(rounds: int) -> int:
    window: deque[Event] = deque(maxlen=20_000)
    total = 0
    for number in range(rounds * 1000):
        event = Event(number)
        window.append(event)
        total += len(event.parts) + len(event.name)
    return total


if __name__ == "__main__":
    main(int(sys.argv[1]))
