"""A reader of tables that makes a class for the rows of each table, though there are only four kinds of table.

Truth:
    Row.kinds gains one class an iteration, with its methods, and never loses one; four would do.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: class|registry
    rule: MEM-005
    holder: Row.kinds
    type: type
    site: row_classes_leaky.py:row_class
"""

from __future__ import annotations

import random
import sys

HEADERS = (("name", "city"), ("article", "price"), ("day", "hours", "rate"), ("isbn", "title", "author"))


class Row:
    kinds: list[type[Row]] = []  # noqa: RUF012
    fields: tuple[str, ...] = ()

    def __init__(self, values: list[int]) -> None:
        for field, value in zip(self.fields, values, strict=True):
            setattr(self, field, value)

    def __init_subclass__(cls) -> None:
        Row.kinds.append(cls)  # <- the leak


def row_class(header: tuple[str, ...]) -> type[Row]:
    return type("_".join(header).title(), (Row,), {"fields": header, "__slots__": header})


def read(header: tuple[str, ...], rng: random.Random) -> int:
    kind = row_class(header)
    rows = [kind([rng.randrange(100) for _ in header]) for _ in range(8)]
    return sum(getattr(row, header[0]) for row in rows)


def main() -> None:
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    rng = random.Random(83)
    total = sum(read(rng.choice(HEADERS), rng) for _ in range(tables))
    print(f"{tables} tables, total {total}")


if __name__ == "__main__":
    main()
