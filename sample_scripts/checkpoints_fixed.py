"""A training that saves its weights in memory every hundred steps and keeps the best three.

Truth:
    Trainer.checkpoints never holds more than four Checkpoint objects of 64 KB, from the 400th iteration on.
Expect:
    verdict: clean
"""

import random
import sys
from array import array


class Checkpoint:
    def __init__(self, step: int, loss: float, weights: "array[float]") -> None:
        self.step = step
        self.loss = loss
        self.weights = weights


class Trainer:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.weights = array("d", [0.0]) * 8192
        self.checkpoints: list[Checkpoint] = []

    def step(self, number: int) -> None:
        for place in self.rng.choices(range(len(self.weights)), k=16):
            self.weights[place] += self.rng.random() - 0.5
        if number % 100 == 99:
            self.save(number, abs(sum(self.weights)))

    def save(self, number: int, loss: float) -> None:
        self.checkpoints.append(Checkpoint(number, loss, self.weights[:]))
        self.checkpoints.sort(key=lambda checkpoint: checkpoint.loss)
        del self.checkpoints[3:]

    def best(self) -> Checkpoint:
        return min(self.checkpoints, key=lambda checkpoint: checkpoint.loss)


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    trainer = Trainer(113)
    for number in range(steps):
        trainer.step(number)
    print(f"{steps} steps, best loss {trainer.best().loss:.3f} after {trainer.best().step}")


if __name__ == "__main__":
    main()
