"""Starts a thread for each alarm, which waits until somebody acknowledges it; most are never acknowledged.

Truth:
    One thread more waits for ever for each alarm that is not acknowledged, three in four iterations.
Expect:
    verdict: leak|suspect
    kind: resource
    pattern: handles
    rule: MEM-001
    site: alarm_threads_leaky.py:Desk.raise_alarm
"""

import random
import sys
import threading
from hashlib import sha256


class Desk:
    def __init__(self) -> None:
        self.closed = 0

    def raise_alarm(self, level: bytes) -> threading.Event:
        acknowledged = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(acknowledged, level), daemon=True)  # <- the leak
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
    for number in range(alarms):
        acknowledged = desk.raise_alarm(rng.randbytes(50_000))
        if number % 4 == 0:
            acknowledged.set()
    print(f"{alarms} alarms raised")


if __name__ == "__main__":
    main()
