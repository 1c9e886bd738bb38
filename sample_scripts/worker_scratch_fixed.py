"""Three workers that live as long as the program; each forgets the traces of a job when the next one begins.

Truth:
    scratch.traces, a thread-local list in each of three threads, holds one Trace at most.
Expect:
    verdict: clean
"""

import sys
import threading
from collections.abc import Iterator
from queue import Queue
from zlib import crc32

WORKERS = 3
scratch = threading.local()


class Trace:
    def __init__(self, job: int) -> None:
        self.job = job
        self.steps: list[str] = []

    def step(self, name: str) -> None:
        self.steps.append(f"{self.job}: {name}")


def work(job: int) -> int:
    trace = Trace(job)
    scratch.traces = [trace]
    checksum = 0
    for name in ("parse", "resolve", "render"):
        trace.step(name)
        checksum = crc32(trace.steps[-1].encode(), checksum)
    return checksum


def serve(jobs: Queue[int], checksums: list[int], number: int) -> None:
    for job in iter(jobs.get, None):
        checksums[number] ^= work(job)
        jobs.task_done()


def start(checksums: list[int]) -> Iterator[Queue[int]]:
    for number in range(WORKERS):
        jobs: Queue[int] = Queue(maxsize=50)
        threading.Thread(target=serve, args=(jobs, checksums, number), daemon=True).start()
        yield jobs


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    checksums = [0] * WORKERS
    queues = list(start(checksums))
    for job in range(count):
        queues[job % WORKERS].put(job)
    for jobs in queues:
        jobs.join()
    print(f"{count} jobs done, checksum {checksums[0] ^ checksums[1] ^ checksums[2]:08x}")


if __name__ == "__main__":
    main()
