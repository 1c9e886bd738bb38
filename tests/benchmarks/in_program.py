"""In a process of its own: takes snapshots of a heap as the probe does, and measures them beside collections.

Prints JSON: lists of seconds, and the bytes by which the process itself grew meanwhile.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.children import forget_peak, peak_bytes, resident_bytes
from tests.benchmarks.programs import shop


class Taker:
    """Takes snapshots into a directory, as the probe of a run does."""

    def __init__(self, directory: Path) -> None:
        from memdiag.probe.image import Images
        from memdiag.probe.native import present
        from memdiag.probe.recorder import Recorder

        self.directory = directory
        self.recorder = Recorder(str(directory), time.monotonic(), present())
        self.images = Images(self.recorder, [module for name, module in sys.modules.items() if _is_ours(name)], "auto")
        self.count = 0

    def take(self, label: str) -> tuple[float, float]:
        """Seconds that the program stood still, and until the file was complete."""
        self.count += 1
        file = self.directory / f"heap-{self.count}"
        self.recorder.begin(wait=True)
        begun = time.perf_counter()
        taken = self.images._take(label)
        paused = time.perf_counter() - begun
        self.recorder.end()
        if not taken:
            raise SystemExit("no image can be made here")
        while not file.exists():
            if list(self.directory.glob("failed-*")):
                raise SystemExit("the image failed")
            time.sleep(0.001)
        return paused, time.perf_counter() - begun

    def leave(self) -> None:
        """Let the latest image end: it does once it has been asked. Its file stays."""
        (self.directory / f"questions-{self.count}").write_text("\n\n")
        while not (self.directory / f"answers-{self.count}").exists():
            time.sleep(0.001)

    def dismiss(self, tracked: int) -> None:
        """Let the latest image end with its file, and its memory go, which takes a moment."""
        self.leave()
        (self.directory / f"heap-{self.count}").unlink()
        time.sleep(0.05 + tracked * 5e-8)


def _is_ours(name: str) -> bool:
    return name.startswith("memdiag.probe")


def timed(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def main(directory: Path, tracked: int, times: int) -> dict[str, Any]:
    orders = shop.build(tracked)
    gc.collect()
    forget_peak()
    before = resident_bytes()
    taker = Taker(directory)
    found: dict[str, Any] = {"pauses": [], "walks": [], "collections": [], "collections_shared": [], "file_bytes": 0}
    for _ in range(times):
        found["collections"].append(timed(gc.collect))
        paused, walked = taker.take("sample")
        found["pauses"].append(paused)
        found["walks"].append(walked)
        found["collections_shared"].append(timed(gc.collect))
        with suppress(OSError):
            found["file_bytes"] = (directory / f"heap-{taker.count}").stat().st_size
        taker.dismiss(tracked)
    found["grown_bytes"] = peak_bytes() - before
    found["tracked"] = len(gc.get_objects())
    found["orders"] = len(orders)
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
