"""Holds a heap of so many tracked objects for a while, and says at its end how much memory it had resident at most."""

import re
import sys
import time
from pathlib import Path

from tests.benchmarks.programs import shop

SECONDS = 3.0  # of CPU


def main(tracked: int, place: Path) -> None:
    orders = shop.build(tracked)
    while time.process_time() < SECONDS:
        sum([line.amount for order in orders for line in order.lines])
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    place.write_text(found[1] if found else "0")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
