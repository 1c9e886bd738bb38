"""A retry loop that remembers the type and the text of its last failures, trimmed as they are added.

Truth:
    Retry.failures is a deque of at most 20 pairs of strings, full after some 50 iterations; no exception, traceback
    or frame outlives its handler.
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque
from hashlib import sha256


class Gateway:
    def __init__(self) -> None:
        self.rng = random.Random(53)
        self.delivered = 0

    def send(self, text: str) -> int:
        packet = bytearray(text.encode().ljust(4096, b"."))
        checksum = sha256(packet).digest()[0]
        if self.rng.random() < 0.3:
            raise TimeoutError(f"no answer to {text!r}")
        self.delivered += 1
        return checksum


class Retry:
    window_size = 20

    def __init__(self, gateway: Gateway, attempts: int = 6) -> None:
        self.gateway = gateway
        self.attempts = attempts
        self.failures: deque[tuple[str, str]] = deque(maxlen=self.window_size)
        self.waited = 0.0

    def send(self, text: str) -> int:
        for attempt in range(self.attempts):
            try:
                return self.gateway.send(text)
            except TimeoutError as error:
                self.failures.append((type(error).__name__, str(error)))
                self.waited += 0.1 * 2**attempt * (1 + len(self.failures) / self.window_size)
        return 0


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    gateway = Gateway()
    retry = Retry(gateway)
    checksum = 0
    for number in range(messages):
        checksum ^= retry.send(f"message {number}")
    print(f"{gateway.delivered} of {messages} delivered, {retry.waited:.0f} s waited, checksum {checksum:02x}")


if __name__ == "__main__":
    main()
