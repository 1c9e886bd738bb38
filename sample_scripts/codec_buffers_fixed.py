"""A codec that works in memory of the C library's; every frame is given back, skipped or not.

Truth:
    One frame of malloc's is in use at any time.
Expect:
    verdict: clean
"""

import ctypes
import random
import sys

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

FRAME = 4096


class Codec:
    def __init__(self) -> None:
        self.skipped = 0
        self.decoded = 0

    def decode(self, number: int, data: bytes) -> int:
        buffer = libc.malloc(FRAME)
        ctypes.memset(buffer, number % 256, FRAME)
        ctypes.memmove(buffer, data, len(data))
        try:
            if number % 2:
                self.skipped += 1
                return 0
            self.decoded += 1
            return sum(ctypes.string_at(buffer, 200))
        finally:
            libc.free(buffer)


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(23)
    codec = Codec()
    checksum = 0
    for number in range(frames):
        checksum += codec.decode(number, rng.randbytes(500))
    print(f"{codec.decoded} frames decoded, {codec.skipped} skipped, checksum {checksum}")


if __name__ == "__main__":
    main()
