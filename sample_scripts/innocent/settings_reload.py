"""A service that reads its settings anew from time to time and puts them in the place of the old ones.

Truth:
    Service.settings is replaced every 150 iterations by a Settings of 400 Option objects, and the old one is freed: two
    live at a time during a reload, and one otherwise.
Expect:
    verdict: clean
"""

import json
import random
import sys

OPTIONS = 400


class Option:
    def __init__(self, name: str, value: int) -> None:
        self.name = name
        self.value = value


class Settings:
    def __init__(self, text: str) -> None:
        self.options = {name: Option(name, value) for name, value in json.loads(text).items()}


class Service:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.settings = self.load()
        self.reloads = 0

    def load(self) -> Settings:
        return Settings(json.dumps({f"option-{number}": self.rng.randrange(100) for number in range(OPTIONS)}))

    def handle(self, number: int) -> int:
        if number % 150 == 149:
            self.settings = self.load()
            self.reloads += 1
        names = [f"option-{self.rng.randrange(OPTIONS)}" for _ in range(4)]
        return sum(self.settings.options[name].value for name in names)


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    service = Service(71)
    total = sum(service.handle(number) for number in range(requests))
    print(f"{requests} requests, {service.reloads} reloads, total {total}")


if __name__ == "__main__":
    main()
