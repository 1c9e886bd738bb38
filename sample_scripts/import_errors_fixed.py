"""A bank statement reader that keeps what it has to say of the last wrong lines, and no error.

Truth:
    Statement.errors never holds more than 50 texts. No local variable holds an error that its own frame has caught, so
    that each is freed, and its traceback and frames with it, as soon as it was handled.
Cycles:
    iterations: 200
    verdict: clean
    type: BadLine
    created: 0
    surviving: 0
    passes: 0
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque


class BadLine(ValueError):
    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")
        self.number = number


def parse(number: int, line: str) -> int:
    fields = line.ljust(400).split(";")
    if not fields[1].isdigit():
        raise BadLine(number, "no amount")
    return int(fields[1])


class Statement:
    def __init__(self) -> None:
        self.errors: deque[str] = deque(maxlen=50)
        self.wrong = 0
        self.balance = 0

    def read(self, number: int, line: str) -> None:
        try:
            self.balance += parse(number, line)
        except BadLine as error:
            self.errors.append(str(error))
            self.wrong += 1

    def summary(self) -> str:
        return f"balance {self.balance}, {self.wrong} lines are wrong, the last one is {self.errors[-1]}"


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    rng = random.Random(227)
    statement = Statement()
    for number in range(lines):
        statement.read(2 * number, f"rent;{rng.randrange(100_000)};DE")
        statement.read(2 * number + 1, f"rent;{rng.randrange(100_000)} EUR;DE")
    print(f"{lines} lines twice: {statement.summary()}")


if __name__ == "__main__":
    main()
