"""A codec that works in memory of the C library's; frames that are skipped are never given back.

Truth:
    4,096 bytes of malloc's stay in use for each frame that is skipped, one in two iterations. No Python object knows.
Expect:
    verdict: leak|suspect
    kind: native
    rule: MEM-002
    site: codec_buffers_leaky.py:Codec.decode
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
        buffer = libc.malloc(FRAME)  # <- the leak
        ctypes.memset(buffer, number % 256, FRAME)
        ctypes.memmove(buffer, data, len(data))
        if number % 2:
            self.skipped += 1
            return 0
        self.decoded += 1
        total = sum(ctypes.string_at(buffer, 200))
        libc.free(buffer)
        return total


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
