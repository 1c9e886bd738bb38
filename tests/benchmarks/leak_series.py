"""In a process of its own: a leaking program of which several snapshots are taken; the last image stays alive.

Prints the path of the directory's stream as JSON, and leaves the rest to whoever reads the files.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

from tests.benchmarks.in_program import Taker
from tests.benchmarks.programs import leaking, shop

SNAPSHOTS = 6


def main(directory: Path, tracked: int) -> dict[str, int]:
    leaking.ORDERS.extend(shop.build(tracked * 9 // 10))
    each = tracked // 30 // SNAPSHOTS  # a session is three tracked objects
    gc.collect()
    taker = Taker(directory)
    for at in range(SNAPSHOTS):
        for number in range(at * each, at * each + each):
            leaking.SERVICE.handle(number)
        last = at == SNAPSHOTS - 1
        taker.take("end of main()" if last else "sample")
        if not last:
            taker.leave()
    return {"tracked": len(gc.get_objects())}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
