"""A telephone line that writes down all that is said into one string, of which only the end is ever read.

Truth:
    Call.transcript is rebuilt about 30 characters longer each iteration: one str that swells.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: buffer|history
    rule: MEM-005
    holder: Call.transcript
    type: str
    site: call_transcript_leaky.py:Call.say
"""

import random
import sys

WORDS = ("yes", "no", "perhaps", "tomorrow", "please", "thanks", "which", "invoice", "number")


class Call:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.transcript = ""

    def say(self) -> None:
        sentence = " ".join(self.rng.choices(WORDS, k=5))
        self.transcript += sentence + ". "  # <- the leak

    def last_words(self) -> list[str]:
        return self.transcript[-80:].split()


def main() -> None:
    sentences = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
    call = Call(101)
    polite = 0
    for _ in range(sentences):
        call.say()
        polite += "please" in call.last_words()
    print(f"{sentences} sentences, {polite} times politely")


if __name__ == "__main__":
    main()
