"""A retry loop that remembers each failure as the exception itself, and is cleaned up only by a call nobody makes.

Truth:
    Retry.failures gains one TimeoutError per failed attempt, about 0.42 an iteration. window() slices the list,
    cleanup() would empty it and is never called. Each exception keeps its traceback, hence the frame of
    Gateway.send and its 4 KB `packet`.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: exception
    rule: MEM-005
    holder: Retry.failures
    type: TimeoutError
    site: retry_errors_leaky.py:Gateway.send
"""

import random
import sys
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
        self.failures: list[TimeoutError] = []
        self.waited = 0.0

    def send(self, text: str) -> int:
        for attempt in range(self.attempts):
            try:
                return self.gateway.send(text)
            except TimeoutError as error:
                self.failures.append(error)
                self.waited += 0.1 * 2**attempt * (1 + len(self.window()) / self.window_size)
        return 0

    def window(self) -> list[TimeoutError]:
        return self.failures[-self.window_size :]

    def cleanup(self) -> None:
        self.failures.clear()


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
