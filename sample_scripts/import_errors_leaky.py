"""A bank statement reader that keeps the errors of all lines, and in each reader's frame the error as well.

Truth:
    Statement.errors gains one BadLine an iteration. Each refers to its traceback, that to the frame of
    Statement.read, and that, by the local variable `problem`, to the error: one reference cycle each, with a line of
    400 characters in the frame of parse.
Cycles:
    iterations: 200
    verdict: leak|suspect|inconclusive
    state: reachable
    pattern: exception
    shape: BadLine .__traceback__ -> traceback .tb_frame -> frame
    holder: Statement
    type: BadLine
    created: 200
    surviving: 200
    passes: 0
    cut: problem|BadLine.__traceback__
Expect:
    verdict: leak|suspect
    kind: growth|cycle
    pattern: exception
    rule: MEM-005
    holder: Statement.errors
    type: BadLine
    site: import_errors_leaky.py:Statement.read|import_errors_leaky.py:parse
"""

import random
import sys


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
        self.errors: list[BadLine] = []
        self.balance = 0

    def read(self, number: int, line: str) -> None:
        problem: BadLine | None = None
        try:
            self.balance += parse(number, line)
        except BadLine as error:
            problem = error
        if problem is not None:
            self.errors.append(problem)  # <- the leak

    def summary(self) -> str:
        return f"balance {self.balance}, {len(self.errors)} lines are wrong, the last one is {self.errors[-1].number}"


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
