"""A shop whose open baskets follow price changes, until they are paid for.

Truth:
    EventBus.listeners['price'] holds one bound method while a customer is served, and none between customers.
Expect:
    verdict: clean
"""

import random
import sys
from collections.abc import Callable

Listener = Callable[[int, int], None]


class EventBus:
    def __init__(self) -> None:
        self.listeners: dict[str, list[Listener]] = {"price": [], "closing": []}

    def subscribe(self, event: str, listener: Listener) -> None:
        self.listeners[event].append(listener)

    def unsubscribe(self, event: str, listener: Listener) -> None:
        self.listeners[event].remove(listener)

    def publish(self, event: str, article: int, price: int) -> None:
        for listener in self.listeners[event]:
            listener(article, price)


class Basket:
    def __init__(self, bus: EventBus) -> None:
        self.bus = bus
        self.prices: dict[int, int] = {}
        bus.subscribe("price", self.on_price)

    def on_price(self, article: int, price: int) -> None:
        if article in self.prices:
            self.prices[article] = price

    def close(self) -> int:
        total = sum(self.prices.values())
        self.bus.unsubscribe("price", self.on_price)
        return total


class Shop:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.bus = EventBus()

    def serve(self, number: int) -> int:
        basket = Basket(self.bus)
        for article in self.rng.sample(range(200), 6):
            basket.prices[article] = self.rng.randrange(1, 90)
        if number % 400 == 0:
            self.bus.publish("price", number % 200, 50)
        return basket.close()


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    shop = Shop(11)
    income = sum(shop.serve(number) for number in range(customers))
    print(f"{customers} customers paid {income}")


if __name__ == "__main__":
    main()
