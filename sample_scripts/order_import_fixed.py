"""An importer that reads files of orders; every way out of a file closes it.

Truth:
    Importer.load opens with `with`; what it puts aside are the paths of old files, a set of at most 8.
Expect:
    verdict: clean
"""

import random
import sys
import tempfile
from pathlib import Path

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
        self.postponed: set[Path] = set()

    def load(self, path: Path) -> int:
        with open(path) as reader:
            if reader.readline().strip() != "format 2":
                self.postponed.add(path)
                return 0
            orders = 0
            for line in reader:
                article, pieces, _price = line.split(",")
                self.stock[article] = self.stock.get(article, 0) + int(pieces)
                orders += 1
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
