"""A till that writes its journal into memory, to be sent at closing time, which never comes.

Truth:
    journal, one bytearray of the module, swells by about 40 bytes an iteration; no object more comes into being.
    send() would empty it, at closing time.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: buffer|history
    rule: MEM-005
    holder: journal
    type: bytearray
    site: audit_journal_leaky.py:record
"""

import random
import sys
import zlib

journal = bytearray()


def record(number: int, article: int, cents: int) -> None:
    journal.extend(f"{number:09d} sold article {article:05d} for {cents:06d}\n".encode())  # <- the leak


def send() -> int:
    packed = zlib.compress(journal)
    journal.clear()
    return len(packed)


class Till:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.cents = 0

    def sell(self, number: int) -> None:
        article, cents = self.rng.randrange(10_000), self.rng.randrange(1, 90_000)
        self.cents += cents
        record(number, article, cents)


def main() -> None:
    sales = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    till = Till(97)
    for number in range(sales):
        till.sell(number)
    if sys.argv[2:] == ["close"]:
        print(f"{send()} bytes sent")
    print(f"{sales} sales, {till.cents / 100:.2f} taken")


if __name__ == "__main__":
    main()
