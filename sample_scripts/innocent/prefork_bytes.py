"""Two workers forked from a parent with a large table of plain bytes: what they read stays shared.

Truth:
    The table is one object: to read from it writes to its own page only. Nothing grows.
Expect:
    verdict: clean
"""

import os
import random
import sys
import time
from hashlib import sha256


def work(table: bytes, rounds: int) -> int:
    total = 0
    for at in range(rounds):
        part = len(table) // rounds
        total += table[at * part : (at + 1) * part].count(7)
        time.sleep(0.03)
    return total


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    table = random.Random(3).randbytes(20_000_000)
    workers = []
    for _ in range(2):
        pid = os.fork()
        if not pid:
            work(table, rounds)
            os._exit(0)
        workers.append(pid)
    checked = sum(sha256(bytes(3_000_000)).digest()[0] for _ in range(rounds))  # the parent has work of its own
    for pid in workers:
        os.waitpid(pid, 0)
    print(f"checked {checked}; {len(workers)} workers read {len(table)} bytes")


if __name__ == "__main__":
    main()
