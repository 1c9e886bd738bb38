"""A telephone line that writes down what is said and keeps the last 4,000 characters.

Truth:
    Call.transcript is never longer than some 4,040 characters; it gets there within 150 iterations.
Expect:
    verdict: clean
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
        self.transcript = self.transcript[-4000:] + sentence + ". "

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
