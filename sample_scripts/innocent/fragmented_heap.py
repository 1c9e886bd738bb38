"""A service that reads a large file as it starts, and keeps a sample of it: what that took is free again, and stays.

Truth:
    Archive.sample holds 500 of 200,000 rows; the others are gone before the first question comes. But the rows that are
    kept lie all over the pages that the file had: RSS stays high, and nothing leaks.
Expect:
    verdict: clean
    finding: info
    kind: fragmentation
    pattern: fragmentation
"""

import random
import sys
from hashlib import sha256


class Archive:
    def __init__(self) -> None:
        rows = [bytes(200 + number % 50 if number % 8 else 700) for number in range(200_000)]
        self.sample = rows[::400]
        self.answered = 0

    def answer(self, question: bytes) -> int:
        self.answered += 1
        words = [question[at : at + 8] for at in range(0, len(question), 8)]
        best = max(words, key=lambda word: sha256(word).digest())
        return len(best) + len(self.sample[best[0] % len(self.sample)])


def main() -> None:
    questions = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    rng = random.Random(5)
    archive = Archive()
    total = sum(archive.answer(rng.randbytes(600)) for _ in range(questions))
    print(f"{archive.answered} questions answered from {len(archive.sample)} rows, {total} bytes")


if __name__ == "__main__":
    main()
