"""A client that retries in sequences ten times as long as its window, and keeps its last thirty reports.

Truth:
    RetryClient.attempts is a window of 20, full within the first iteration. RetryClient.reports never holds more than
    30 Report objects, and is full after 30 iterations.
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque


class Attempt:
    def __init__(self, number: int, delay_s: float) -> None:
        self.number = number
        self.delay_s = delay_s


class Report:
    def __init__(self, message: int, attempts: list[Attempt]) -> None:
        self.message = message
        self.attempts = attempts
        self.slowest_s = max(attempt.delay_s for attempt in attempts)


class RetryClient:
    window_size = 20

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.attempts: deque[Attempt] = deque(maxlen=self.window_size)
        self.reports: deque[Report] = deque(maxlen=30)

    def attempt(self, number: int) -> None:
        self.attempts.append(Attempt(number, self.rng.random() * min(number, 30)))

    def send(self, message: int) -> float:
        for number in range(10 * self.window_size):
            self.attempt(number)
        report = Report(message, list(self.attempts))
        self.reports.append(report)
        return report.slowest_s


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_200
    client = RetryClient(47)
    slowest_s = max(client.send(message) for message in range(messages))
    print(f"{messages} messages sent, slowest attempt {slowest_s:.2f} s")


if __name__ == "__main__":
    main()
