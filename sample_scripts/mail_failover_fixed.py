"""A mailer whose relay fails in the middle of the run; from then on it keeps the last 250 letters to be sent again.

Truth:
    Mailer.unsent is empty during the first half of the iterations; it never holds more than 250 Letter objects.
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque
from zlib import crc32


class Letter:
    def __init__(self, to: str, text: str) -> None:
        self.to = to
        self.text = text


class Relay:
    def __init__(self, lasts: int) -> None:
        self.lasts = lasts
        self.sent = 0

    def send(self, letter: Letter) -> int:
        if self.sent >= self.lasts:
            raise ConnectionRefusedError(letter.to)
        self.sent += 1
        return crc32(letter.text.encode())


class Mailer:
    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.unsent: deque[Letter] = deque(maxlen=250)
        self.checksum = 0

    def post(self, number: int, rng: random.Random) -> None:
        letter = Letter(f"user{number}@example.org", " ".join(rng.choices(("dear", "sir", "madam", "regards"), k=12)))
        try:
            self.checksum ^= self.relay.send(letter)
        except ConnectionRefusedError:
            self.unsent.append(letter)


def main() -> None:
    letters = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(109)
    mailer = Mailer(Relay(letters // 2))
    for number in range(letters):
        mailer.post(number, rng)
    print(f"{letters} letters, {mailer.relay.sent} sent, checksum {mailer.checksum:08x}")


if __name__ == "__main__":
    main()
