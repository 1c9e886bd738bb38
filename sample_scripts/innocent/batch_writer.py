"""A writer that collects records and flushes them in batches: a sawtooth.

Truth:
    Writer.buffer gains a Record an iteration and is emptied each time that it holds 700.
Expect:
    verdict: clean
"""

import random
import sys
import zlib


class Record:
    def __init__(self, number: int, value: float) -> None:
        self.number = number
        self.value = value
        self.text = f"{number};{value:.4f}"


class Writer:
    batch = 700

    def __init__(self) -> None:
        self.buffer: list[Record] = []
        self.batches = 0
        self.written_bytes = 0

    def write(self, record: Record) -> None:
        self.buffer.append(record)
        if len(self.buffer) >= self.batch:
            self.flush()

    def flush(self) -> None:
        packed = zlib.compress("\n".join(record.text for record in self.buffer).encode(), 1)
        self.written_bytes += len(packed)
        self.batches += 1
        self.buffer.clear()


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    rng = random.Random(19)
    writer = Writer()
    for number in range(records):
        writer.write(Record(number, rng.random()))
    print(f"{records} records in {writer.batches} batches, {writer.written_bytes} bytes")


if __name__ == "__main__":
    main()
