"""A mailer whose relay fails in the middle of the run; from then on it puts letters aside that nobody sends again.

Truth:
    Mailer.unsent is empty during the first half of the iterations and gains one Letter an iteration in the second.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: history|registry|cache|queue
    rule: MEM-005
    holder: Mailer.unsent
    type: Letter
    site: mail_failover_leaky.py:Mailer.post
"""

import random
import sys
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
        self.unsent: list[Letter] = []
        self.checksum = 0

    def post(self, number: int, rng: random.Random) -> None:
        letter = Letter(f"user{number}@example.org", " ".join(rng.choices(("dear", "sir", "madam", "regards"), k=12)))
        try:
            self.checksum ^= self.relay.send(letter)
        except ConnectionRefusedError:
            self.unsent.append(letter)  # <- the leak


def main() -> None:
    letters = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(109)
    mailer = Mailer(Relay(letters // 2))
    for number in range(letters):
        mailer.post(number, rng)
    print(f"{letters} letters, {mailer.relay.sent} sent, checksum {mailer.checksum:08x}")


if __name__ == "__main__":
    main()
