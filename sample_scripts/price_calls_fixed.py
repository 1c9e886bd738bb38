"""An asyncio client that forgets a call on which it gives up, and cancels its future.

Truth:
    Client.calls holds the one Call in flight. When a call ends, answered or not, it is taken out, and its Future, which
    is done or cancelled by then, drops the callback that refers to the call: nothing waits for the collector.
Cycles:
    iterations: 200
    verdict: clean
    type: Call
    created: 0
    surviving: 0
    passes: 0
Expect:
    verdict: clean
"""

import asyncio
import random
import sys


class Call:
    def __init__(self, number: int) -> None:
        self.number = number
        self.cents = 0
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.answer.add_done_callback(self.arrived)

    def arrived(self, answer: asyncio.Future[int]) -> None:
        if not answer.cancelled():
            self.cents = answer.result()


class Client:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.calls: dict[int, Call] = {}
        self.total = 0

    def receive(self, number: int) -> None:
        if number % 4:
            self.calls[number].answer.set_result(self.rng.randrange(100, 10_000))

    async def price(self, number: int) -> None:
        call = Call(number)
        self.calls[number] = call
        asyncio.get_running_loop().call_soon(self.receive, number)
        try:
            for _ in range(3):  # turns of the loop to wait for
                await asyncio.sleep(0)
            self.total += call.cents
        finally:
            self.calls.pop(number).answer.cancel()


async def serve(client: Client, calls: int) -> None:
    for number in range(calls):
        await client.price(number)


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    client = Client(239)
    asyncio.run(serve(client, calls))
    print(f"{calls} calls, {client.total / 100:.2f} in all")


if __name__ == "__main__":
    main()
