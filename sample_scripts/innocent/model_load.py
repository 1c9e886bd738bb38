"""A classifier that needs its large model from the middle of the run on: one load, and no growth after it.

Truth:
    Classifier.model is None during the first half of the iterations; then it holds 12,000 Rule objects, loaded at once,
    whatever the number of iterations.
Expect:
    verdict: clean
"""

import random
import sys

RULES = 12_000


class Rule:
    def __init__(self, number: int) -> None:
        self.number = number
        self.weight = (number * 7919 % 1_000) / 1_000
        self.label = f"rule-{number}"


class Classifier:
    def __init__(self) -> None:
        self.model: list[Rule] | None = None

    def load(self) -> None:
        self.model = [Rule(number) for number in range(RULES)]

    def score(self, features: list[int]) -> float:
        if self.model is None:
            return float(len(set(features)))
        return sum(self.model[feature].weight for feature in features)


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(23)
    classifier = Classifier()
    total = 0.0
    for number in range(documents):
        if number == documents // 2:
            classifier.load()
        total += classifier.score(rng.choices(range(RULES), k=12))
    print(f"{documents} documents, total score {total:.1f}")


if __name__ == "__main__":
    main()
