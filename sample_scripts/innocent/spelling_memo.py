"""A memo without a bound, over a finite number of words: it cannot grow beyond the language.

Truth:
    _stems, a dictionary of the module that nothing is ever removed from, has a key for each of 480 words, and
    sys.intern() one string for each of their stems. Half the words are met within 400 iterations, all within 5,000 or
    so of 200,000.
Expect:
    verdict: clean
"""

import random
import sys
from itertools import product

HEADS = ("walk", "talk", "jump", "paint", "print", "learn", "work", "play")
MIDDLES = ("", "y", "er", "ish", "ful")
TAILS = ("", "s", "ed", "ing", "ly", "ness", "able", "less", "ment", "ward", "wise", "like")
WORDS = ["".join(parts) for parts in product(HEADS, MIDDLES, TAILS)]

_stems: dict[str, tuple[str, int]] = {}


def stem(word: str) -> tuple[str, int]:
    if word not in _stems:
        head = next(head for head in HEADS if word.startswith(head))
        _stems[word] = sys.intern(head.upper()), len(word) - len(head)
    return _stems[word]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    rng = random.Random(53)
    cut = 0
    for _ in range(count):
        cut += stem(rng.choice(WORDS))[1]
    print(f"{count} words, {cut} letters cut, {len(_stems)} stems known")


if __name__ == "__main__":
    main()
