"""A dashboard of recent events, in a deque with a maxlen that the usual run does not reach.

Truth:
    Dashboard.recent gains an Event an iteration until it holds 30,000 and no more; the usual run is over at 20,000, so
    that all there is to see is a deque that fills. Its maxlen says that it will not go on.
Expect:
    verdict: clean
"""

import random
import sys
from collections import Counter, deque

KINDS = ("login", "logout", "upload", "payment")


class Event:
    def __init__(self, number: int, kind: str, user: int) -> None:
        self.number = number
        self.kind = kind
        self.user = user


class Dashboard:
    def __init__(self) -> None:
        self.recent: deque[Event] = deque(maxlen=30_000)
        self.totals: Counter[str] = Counter()

    def show(self, event: Event) -> int:
        self.recent.append(event)
        self.totals[event.kind] += 1
        return self.recent[-min(len(self.recent), 50)].user


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(5)
    dashboard = Dashboard()
    checksum = 0
    for number in range(events):
        checksum ^= dashboard.show(Event(number, rng.choice(KINDS), rng.randrange(1_000)))
    print(f"{events} events, {dashboard.totals['payment']} payments, checksum {checksum}")


if __name__ == "__main__":
    main()
