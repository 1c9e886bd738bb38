"""A pool of channels to workers: one that has failed is set aside, and stays open.

Truth:
    ChannelPool.retired gains one Channel, with two open sockets, for each call that fails, one in four iterations.
    Nothing takes one out or closes it.
Expect:
    verdict: leak|suspect
    kind: resource
    pattern: handles
    rule: MEM-004
    holder: ChannelPool.retired
    type: Channel
    site: channel_pool_leaky.py:Channel.__init__
"""

import random
import socket
import sys


class Channel:
    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()  # <- the leak
        self.calls = 0

    def call(self, request: bytes) -> bytes:
        self.calls += 1
        self.near.sendall(request)
        self.far.sendall(self.far.recv(256)[::-1])
        return self.near.recv(256)


class ChannelPool:
    def __init__(self, size: int) -> None:
        self.idle = [Channel() for _ in range(size)]
        self.retired: list[Channel] = []

    def take(self) -> Channel:
        return self.idle.pop() if self.idle else Channel()

    def give_back(self, channel: Channel, failed: bool) -> None:
        if failed:
            self.retired.append(channel)
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
