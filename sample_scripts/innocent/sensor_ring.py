"""A ring buffer of measurements: a list of fixed length that is written round and round.

Truth:
    Ring.slots is as long as it was made, 2,000. Measurement objects fill it during the first 2,000 iterations of
    40,000; from then on each takes the place of an old one.
Expect:
    verdict: clean
"""

import random
import sys


class Measurement:
    def __init__(self, number: int, celsius: float) -> None:
        self.number = number
        self.celsius = celsius


class Ring:
    def __init__(self, size: int) -> None:
        self.slots: list[Measurement | None] = [None] * size
        self.written = 0

    def write(self, measurement: Measurement) -> None:
        self.slots[self.written % len(self.slots)] = measurement
        self.written += 1

    def last(self, count: int) -> list[Measurement]:
        places = [(self.written - back) % len(self.slots) for back in range(1, count + 1)]
        return [found for place in places if (found := self.slots[place]) is not None]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rng = random.Random(61)
    ring = Ring(2_000)
    warm = 0
    for number in range(count):
        ring.write(Measurement(number, rng.gauss(20, 4)))
        warm += sum(measurement.celsius for measurement in ring.last(3)) > 66
    print(f"{count} measurements, warm {warm} times")


if __name__ == "__main__":
    main()
