"""A producer and two worker threads with a queue between them: jobs come in bursts and are all done in the end.

Truth:
    jobs holds at most 400 Job objects, a burst; each burst is drained before the next one begins, though now and then
    there is a stretch in which it only fills.
Expect:
    verdict: clean
"""

import random
import sys
import threading
from queue import Queue
from zlib import crc32

BURST = 400


class Job:
    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text


class Worker(threading.Thread):
    def __init__(self, jobs: "Queue[Job | None]") -> None:
        super().__init__()
        self.jobs = jobs
        self.checksum = 0

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            self.checksum ^= crc32(job.text.encode())
            self.jobs.task_done()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    rng = random.Random(47)
    jobs: Queue[Job | None] = Queue()
    workers = [Worker(jobs) for _ in range(2)]
    for worker in workers:
        worker.start()
    for number in range(count):
        jobs.put(Job(number, f"resize picture {rng.randrange(10**6)}"))
        if number % BURST == BURST - 1:
            jobs.join()
    for _ in workers:
        jobs.put(None)
    for worker in workers:
        worker.join()
    print(f"{count} jobs done, checksum {workers[0].checksum ^ workers[1].checksum:08x}")


if __name__ == "__main__":
    main()
