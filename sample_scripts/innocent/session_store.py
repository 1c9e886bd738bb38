"""A session store with eviction: at sign-on the idlest session makes room where there are too many.

Truth:
    Store.sessions never holds more than 500 Session objects, each with 10 visits at most. It has 500 after some 700
    iterations of 40,000.
Expect:
    verdict: clean
"""

import random
import sys
from collections import OrderedDict


class Session:
    def __init__(self, user: int) -> None:
        self.user = user
        self.visits: list[str] = []

    def visit(self, page: str) -> int:
        self.visits.append(page)
        if len(self.visits) > 10:
            self.visits.pop(0)
        return len(self.visits)


class Store:
    def __init__(self, most: int) -> None:
        self.most = most
        self.sessions: OrderedDict[int, Session] = OrderedDict()
        self.evicted = 0

    def session(self, user: int) -> Session:
        if user not in self.sessions:
            while len(self.sessions) >= self.most:
                self.sessions.popitem(last=False)
                self.evicted += 1
            self.sessions[user] = Session(user)
        self.sessions.move_to_end(user)
        return self.sessions[user]


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rng = random.Random(67)
    store = Store(500)
    visits = sum(store.session(rng.randrange(1_200)).visit(f"/page/{rng.randrange(40)}") for _ in range(requests))
    print(f"{requests} requests, {store.evicted} sessions evicted, {visits / requests:.1f} visits remembered")


if __name__ == "__main__":
    main()
