"""Failures that are forgotten an hour after they happened, by the program's own clock.

Truth:
    FailureLog.failures holds those of the last simulated hour: each is dropped when a newer one is recorded that is an
    hour younger. A failure comes every 2 s on average, hence there are about 1,800, from the 1,800th iteration on.
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque

HOUR_S = 3600.0


class Failure:
    def __init__(self, time_s: float, kind: str, text: str) -> None:
        self.time_s = time_s
        self.kind = kind
        self.text = text


class FailureLog:
    def __init__(self) -> None:
        self.failures: deque[Failure] = deque()

    def record(self, failure: Failure) -> None:
        self.failures.append(failure)
        self.expire(failure.time_s - HOUR_S)

    def expire(self, before_s: float) -> None:
        while self.failures[0].time_s < before_s:
            self.failures.popleft()

    def per_minute(self) -> float:
        return len(self.failures) / 60


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    rng = random.Random(97)
    log = FailureLog()
    clock_s = 0.0
    alarms = 0
    for number in range(count):
        clock_s += rng.random() * 4
        log.record(Failure(clock_s, rng.choice(("timeout", "refused")), f"attempt {number} failed"))
        alarms += log.per_minute() > 30
    print(f"{count} failures in {clock_s / HOUR_S:.1f} h, {alarms} alarms")


if __name__ == "__main__":
    main()
