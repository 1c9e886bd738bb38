"""An asyncio notifier that keeps its background tasks in a set, lest they be collected, and discards none.

Truth:
    Notifier.tasks gains one Task an iteration, long done, with a Receipt as its result. The Notifier outlives the
    event loop.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: task|registry
    rule: MEM-001|MEM-005
    holder: Notifier.tasks
    type: Task|Receipt
    site: background_tasks_leaky.py:Notifier.notify|background_tasks_leaky.py:Notifier.deliver
    fix: discard|add_done_callback
"""

import asyncio
import random
import sys


class Receipt:
    def __init__(self, customer: int, text: str) -> None:
        self.customer = customer
        self.text = text


class Notifier:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.tasks: set[asyncio.Task[Receipt]] = set()
        self.delivered = 0

    async def deliver(self, customer: int) -> Receipt:
        for _ in range(self.rng.randrange(1, 4)):
            await asyncio.sleep(0)
        self.delivered += 1
        return Receipt(customer, f"dear customer {customer}, your parcel {self.rng.randrange(10**8)} has left us")

    def notify(self, customer: int) -> None:
        task = asyncio.create_task(self.deliver(customer))
        self.tasks.add(task)  # <- the leak

    async def serve(self, orders: int) -> None:
        for number in range(orders):
            self.notify(number % 997)
            await asyncio.sleep(0)
        await asyncio.gather(*self.tasks)


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    notifier = Notifier(73)
    asyncio.run(notifier.serve(orders))
    print(f"{orders} orders, {notifier.delivered} customers told")


if __name__ == "__main__":
    main()
