"""An asyncio client that gives up on a call without an answer, and neither cancels its future nor forgets the call.

Truth:
    One call in four is never answered. Client.calls keeps its Call, which refers to its Future, whose callback is a
    method of that Call: one reference cycle each. Answered calls are taken out, and their future drops its callback.
Cycles:
    iterations: 2000
    verdict: leak|suspect|inconclusive
    state: reachable
    pattern: asyncio
    shape: Call .answer -> Future
    holder: Client.calls
    type: Call
    created: 500
    surviving: 500
    passes: 0
    cut: Call.answer|Client.calls|Call.arrived
Expect:
    verdict: leak|suspect
    kind: growth|cycle
    rule: MEM-001|MEM-005
    holder: Client.calls
    type: Call|Future
    site: price_calls_leaky.py:Client.price|price_calls_leaky.py:Call.__init__
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
        self.cents = answer.result()


class Client:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.calls: dict[int, Call] = {}
        self.total = 0

    def receive(self, number: int) -> None:
        if number % 4:
            self.calls.pop(number).answer.set_result(self.rng.randrange(100, 10_000))

    async def price(self, number: int) -> None:
        call = Call(number)
        self.calls[number] = call  # <- the leak
        asyncio.get_running_loop().call_soon(self.receive, number)
        for _ in range(3):  # turns of the loop to wait for
            await asyncio.sleep(0)
        self.total += call.cents


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
