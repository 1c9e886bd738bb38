"""Uploads that are closed by those who made them: no finalizer, and no reference back.

Truth:
    Every iteration makes an Upload whose Part objects know its number instead of itself, and closes it, which makes a
    Receipt. None of them is part of a reference cycle; nothing waits for the collector.
Cycles:
    iterations: 200
    verdict: clean
    type: Upload
    created: 0
    surviving: 0
    passes: 0
Expect:
    command: cycles
    verdict: clean
    type: Upload
    created: 0
    surviving: 0
"""

from __future__ import annotations

import random
import sys
from zlib import adler32


class Part:
    def __init__(self, number: int, payload: str) -> None:
        self.checksum = adler32(payload.encode(), number)


class Upload:
    def __init__(self, number: int, payload: str) -> None:
        self.number = number
        self.parts = [Part(number, payload[start : start + 64]) for start in range(0, len(payload), 64)]

    def close(self) -> Receipt:
        return Receipt(self.number, sum(part.checksum for part in self.parts))


class Receipt:
    def __init__(self, number: int, checksum: int) -> None:
        self.text = f"{number}:{checksum:x}"

    def stamp(self) -> str:
        return f"{self.text} received"


def store(number: int, payload: str) -> int:
    upload = Upload(number, payload)
    upload.close().stamp()
    return len(upload.parts)


def main() -> None:
    uploads = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    rng = random.Random(233)
    parts = sum(store(number, f"{rng.randrange(10**9)};" * 20) for number in range(uploads))
    print(f"{uploads} uploads, {parts} parts")


if __name__ == "__main__":
    main()
