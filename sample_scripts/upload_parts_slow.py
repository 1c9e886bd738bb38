"""Uploads whose finalizers hand on what remains to a follow-up, which is garbage in its turn: one pass is not enough.

Truth:
    Every iteration drops an Upload that refers to itself through its Part objects. Upload.__del__ makes a Receipt, part
    of a cycle too, and Receipt.__del__ a Stamp, likewise. The first pass finds the uploads and frees them once their
    finalizers ran, the second the receipts, the third the stamps: late three times over, and nothing leaks.
Cycles:
    iterations: 200
    verdict: clean
    state: slow
    shape: Upload .parts -> list [*] -> Part .upload
    type: Upload
    created: 200
    surviving: 0
    passes: 3
    finalizer: Upload.__del__|Receipt.__del__
    cut: Part.upload
Expect:
    command: cycles
    verdict: clean
    finding: info
    kind: cycle
    type: Upload
    created: 200
    surviving: 0
"""

from __future__ import annotations

import random
import sys
from zlib import adler32


class Part:
    def __init__(self, upload: Upload, payload: str) -> None:
        self.upload = upload
        self.checksum = adler32(payload.encode(), upload.number)


class Upload:
    def __init__(self, number: int, payload: str) -> None:
        self.number = number
        self.parts = [Part(self, payload[start : start + 64]) for start in range(0, len(payload), 64)]

    def __del__(self) -> None:
        Receipt(self.number, sum(part.checksum for part in self.parts))


class Receipt:
    def __init__(self, number: int, checksum: int) -> None:
        self.text = f"{number}:{checksum:x}"
        self.undo = self.cancel

    def cancel(self) -> None:
        self.text = ""

    def __del__(self) -> None:
        Stamp(self.text)


class Stamp:
    def __init__(self, text: str) -> None:
        self.fields = {"text": text, "stamp": self}


def main() -> None:
    uploads = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    rng = random.Random(233)
    parts = sum(len(Upload(number, f"{rng.randrange(10**9)};" * 20).parts) for number in range(uploads))
    print(f"{uploads} uploads, {parts} parts")


if __name__ == "__main__":
    main()
