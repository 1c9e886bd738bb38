"""A pool of channels to workers: one that has failed is closed, and replaced when it is wanted.

Truth:
    At most four Channel objects are open at any time; one that has failed is closed.
Expect:
    verdict: clean
"""

import random
import socket
import sys


class Channel:
    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.calls = 0

    def call(self, request: bytes) -> bytes:
        self.calls += 1
        self.near.sendall(request)
        self.far.sendall(self.far.recv(256)[::-1])
        return self.near.recv(256)

    def close(self) -> None:
        self.near.close()
        self.far.close()


class ChannelPool:
    def __init__(self, size: int) -> None:
        self.idle = [Channel() for _ in range(size)]

    def take(self) -> Channel:
        return self.idle.pop() if self.idle else Channel()

    def give_back(self, channel: Channel, failed: bool) -> None:
        if failed:
            channel.close()
        else:
            self.idle.append(channel)


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1_200
    rng = random.Random(37)
    pool = ChannelPool(4)
    answered = 0
    for number in range(calls):
        channel = pool.take()
        for _ in range(40):
            answered += len(channel.call(rng.randbytes(100)))
        pool.give_back(channel, failed=number % 4 == 3)
    print(f"{calls} calls, {answered} bytes answered")


if __name__ == "__main__":
    main()
