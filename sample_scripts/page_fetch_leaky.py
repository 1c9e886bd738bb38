"""Fetches pages with a pool of threads for each batch, and keeps the pools: their threads wait for ever.

Truth:
    Fetcher.pools gains one ThreadPoolExecutor an iteration, with two threads that never end: nobody calls shutdown().
Expect:
    verdict: leak|suspect
    kind: resource
    pattern: handles
    rule: MEM-001
    holder: Fetcher.pools
    type: ThreadPoolExecutor|concurrent.futures.thread.ThreadPoolExecutor
    site: page_fetch_leaky.py:Fetcher.fetch
"""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256


class Fetcher:
    def __init__(self) -> None:
        self.pools: list[ThreadPoolExecutor] = []
        self.fetched = 0

    def page(self, seed: int) -> int:
        time.sleep(0.0005)
        return len(sha256(random.Random(seed).randbytes(20_000)).hexdigest())

    def fetch(self, batch: int) -> int:
        pool = ThreadPoolExecutor(max_workers=2)  # <- the leak
        self.pools.append(pool)
        sizes = list(pool.map(self.page, range(batch * 4, batch * 4 + 4)))
        self.fetched += len(sizes)
        return sum(sizes)


def main() -> None:
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    fetcher = Fetcher()
    total = sum(fetcher.fetch(batch) for batch in range(batches))
    print(f"{fetcher.fetched} pages fetched, {total} bytes")


if __name__ == "__main__":
    main()
