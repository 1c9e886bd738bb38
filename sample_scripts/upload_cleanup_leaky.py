"""Uploads that come in parts; abandoned ones go only when an administrator asks for a clean-up.

Truth:
    Uploads.open gains one Upload for each that is never finished, one in eight iterations. cleanup() would remove the
    abandoned ones; it is called only where the second argument is "cleanup".
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: registry|cache|history
    rule: MEM-005
    holder: Uploads.open
    type: Upload
    site: upload_cleanup_leaky.py:Uploads.begin
"""

import random
import sys
from hashlib import sha256


class Upload:
    def __init__(self, begun: int, parts: int) -> None:
        self.begun = begun
        self.parts = parts
        self.received: list[bytes] = []


class Uploads:
    patience = 50

    def __init__(self) -> None:
        self.open: dict[int, Upload] = {}
        self.finished = 0

    def begin(self, number: int, parts: int) -> None:
        self.open[number] = Upload(number, parts)  # <- the leak

    def receive(self, number: int, part: bytes) -> None:
        upload = self.open[number]
        upload.received.append(part)
        if len(upload.received) == upload.parts:
            sha256(b"".join(upload.received)).digest()
            self.finished += 1
            del self.open[number]

    def cleanup(self, now: int) -> None:
        for number in [number for number in self.open if now - number > self.patience]:
            del self.open[number]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8_000
    rng = random.Random(61)
    uploads = Uploads()
    for number in range(count):
        uploads.begin(number, 6)
        for _ in range(3 if number % 8 == 7 else 6):
            uploads.receive(number, rng.randbytes(300))
    if sys.argv[2:] == ["cleanup"]:
        uploads.cleanup(count)
    print(f"{count} uploads begun, {uploads.finished} finished")


if __name__ == "__main__":
    main()
