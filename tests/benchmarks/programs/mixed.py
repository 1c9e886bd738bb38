"""Mixed: JSON documents are parsed, stored in sqlite, read back and written out."""

import json
import sqlite3
import sys
from typing import Any


def document(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"customer {number}",
        "tags": [f"tag{number % k}" for k in (2, 3, 5, 7)],
        "orders": [{"sku": f"sku-{number}-{k}", "price": k * 1.25, "paid": k % 2 == 0} for k in range(5)],
    }


def main(rounds: int) -> int:
    base = sqlite3.connect(":memory:")
    base.execute("create table documents (id integer primary key, name text, body text)")
    recent = {}
    for start in range(rounds):
        rows = []
        for number in range(start * 50, start * 50 + 50):
            parsed = json.loads(json.dumps(document(number)))
            rows.append((number, parsed["name"], json.dumps(parsed)))
            recent[number % 2000] = parsed
        base.executemany("insert into documents values (?, ?, ?)", rows)
        for (body,) in base.execute("select body from documents order by id desc limit 20").fetchall():
            json.loads(body)
        base.commit()
    return len(recent)


if __name__ == "__main__":
    main(int(sys.argv[1]))
