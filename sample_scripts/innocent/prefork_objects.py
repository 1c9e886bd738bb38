"""Two workers forked from a parent with a large table: what they read becomes their own, page by page.

Truth:
    Nothing grows but the private pages of the workers: to read an object writes its reference count, so the kernel
    copies the page. What the workers hold together stays the same.
Expect:
    verdict: clean
    finding: info
    kind: fragmentation
    pattern: copy-on-write
"""

import os
import random
import sys
import time
from hashlib import sha256


def work(table: list[tuple[int, str]], rounds: int) -> int:
    total = 0
    for at in range(rounds):
        part = len(table) // rounds
        total += sum(key + len(name) for key, name in table[at * part : (at + 1) * part])
        time.sleep(0.03)
    return total


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    rng = random.Random(3)
    table = [(rng.randrange(1 << 40), f"product {number}") for number in range(150_000)]
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
    print(f"checked {checked}; {len(workers)} workers read {len(table)} products")


if __name__ == "__main__":
    main()
