"""Reads label files by their descriptors; where a label does not make sense, the descriptor is never closed.

Truth:
    One descriptor stays open for each label that is malformed, one in five iterations: os.close() comes after the
    line that raises. No Python object holds it.
Expect:
    verdict: leak|suspect
    kind: resource
    pattern: handles
    rule: MEM-003
    site: label_reader_leaky.py:read_label
"""

import os
import random
import sys
import tempfile


def write_labels(directory: str, rng: random.Random) -> list[str]:
    paths = []
    for number in range(40):
        path = os.path.join(directory, f"label{number}")
        width = rng.randrange(10, 90)
        with open(path, "w") as file:
            file.write(f"{width}x{width * 2}" if number % 5 else "unreadable")
        paths.append(path)
    return paths


def read_label(path: str) -> int:
    descriptor = os.open(path, os.O_RDONLY)  # <- the leak
    width, height = (int(side) for side in os.read(descriptor, 64).split(b"x"))
    os.close(descriptor)
    return width * height


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_500
    rng = random.Random(71)
    areas, malformed = 0, 0
    with tempfile.TemporaryDirectory() as directory:
        paths = write_labels(directory, rng)
        for number in range(count):
            try:
                areas += read_label(paths[number % len(paths)])
                areas += sum(rng.randrange(9) for _ in range(1_000)) % 2  # what is done with a label
            except ValueError:
                malformed += 1
    print(f"{count} labels, {malformed} malformed, {areas} in all")


if __name__ == "__main__":
    main()
