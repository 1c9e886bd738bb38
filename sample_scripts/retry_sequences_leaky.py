"""A client that retries in sequences ten times as long as its window of attempts, and files a report of each.

Truth:
    RetryClient.attempts is a window of 20. RetryClient.reports gains one Report an iteration, with the 20 attempts that
    were in the window then; an iteration is a sequence of 200 attempts.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: history|cache|registry
    rule: MEM-005
    holder: RetryClient.reports
    type: Report|Attempt
    site: retry_sequences_leaky.py:RetryClient.send|retry_sequences_leaky.py:RetryClient.attempt
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
        self.reports: list[Report] = []

    def attempt(self, number: int) -> None:
        self.attempts.append(Attempt(number, self.rng.random() * min(number, 30)))

    def send(self, message: int) -> float:
        for number in range(10 * self.window_size):
            self.attempt(number)
        report = Report(message, list(self.attempts))
        self.reports.append(report)  # <- the leak
        return report.slowest_s


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_200
    client = RetryClient(47)
    slowest_s = max(client.send(message) for message in range(messages))
    print(f"{messages} messages sent, slowest attempt {slowest_s:.2f} s")


if __name__ == "__main__":
    main()
