"""An importer that reads files of orders; a file in the old format is left open on the way out.

Truth:
    Importer.load returns early for one file in eight and puts its open reader aside in Importer.postponed,
    where nobody closes it: one file descriptor, with its buffer, for every 8 iterations.
Expect:
    verdict: leak|suspect
    kind: resource
    rule: MEM-004
    holder: Importer.postponed
    type: TextIOWrapper
    site: order_import_leaky.py:Importer.load
"""

import random
import sys
import tempfile
from pathlib import Path
from typing import TextIO

FILES = 8


def write_orders(folder: Path, rng: random.Random) -> list[Path]:
    paths = []
    for number in range(FILES):
        path = folder / f"orders-{number}.csv"
        lines = [f"{rng.randrange(100)},{rng.randrange(1, 9)},{rng.random():.2f}" for _ in range(250)]
        path.write_text("\n".join([f"format {1 if number == 5 else 2}", *lines]))
        paths.append(path)
    return paths


class Importer:
    def __init__(self) -> None:
        self.stock: dict[str, int] = {}
        self.postponed: list[TextIO] = []

    def load(self, path: Path) -> int:
        reader = open(path)  # noqa: SIM115 - the leak
        if reader.readline().strip() != "format 2":
            self.postponed.append(reader)
            return 0
        orders = 0
        for line in reader:
            article, pieces, _price = line.split(",")
            self.stock[article] = self.stock.get(article, 0) + int(pieces)
            orders += 1
        reader.close()
        return orders


def main() -> None:
    imports = int(sys.argv[1]) if len(sys.argv) > 1 else 800
    importer = Importer()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_orders(Path(folder), random.Random(17))
        orders = sum(importer.load(paths[number % FILES]) for number in range(imports))
    print(f"{imports} files, {orders} orders, {len(importer.postponed)} postponed")


if __name__ == "__main__":
    main()
