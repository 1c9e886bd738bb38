"""A reader of tables that makes one class for the rows of each kind of table.

Truth:
    Row.kinds holds four classes, the last of which is made within some 30 iterations.
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys
from functools import cache

HEADERS = (("name", "city"), ("article", "price"), ("day", "hours", "rate"), ("isbn", "title", "author"))


class Row:
    kinds: list[type[Row]] = []  # noqa: RUF012
    fields: tuple[str, ...] = ()

    def __init__(self, values: list[int]) -> None:
        for field, value in zip(self.fields, values, strict=True):
            setattr(self, field, value)

    def __init_subclass__(cls) -> None:
        Row.kinds.append(cls)


@cache
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
