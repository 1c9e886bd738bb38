"""Starts a thread for each alarm, which waits until somebody acknowledges it; all are, sooner or later.

Truth:
    At most four threads wait: an alarm that nobody acknowledges is closed by the fourth after it.
Expect:
    verdict: clean
"""

import random
import sys
import threading
from collections import deque
from hashlib import sha256


class Desk:
    def __init__(self) -> None:
        self.closed = 0

    def raise_alarm(self, level: bytes) -> threading.Event:
        acknowledged = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(acknowledged, level), daemon=True)
        watcher.start()
        return acknowledged

    def watch(self, acknowledged: threading.Event, level: bytes) -> None:
        sha256(level).digest()
        acknowledged.wait()
        self.closed += 1


def main() -> None:
    alarms = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    rng = random.Random(89)
    desk = Desk()
    waiting: deque[threading.Event] = deque()
    for number in range(alarms):
        waiting.append(desk.raise_alarm(rng.randbytes(50_000)))
        if number % 4 == 0 or len(waiting) > 3:
            waiting.popleft().set()
    print(f"{alarms} alarms raised")


if __name__ == "__main__":
    main()
