"""A particle system that reuses its particles: those that went out wait on a free list.

Truth:
    Particle objects are made only when the free list is empty. Never more than 150 burn at once, hence there are no
    more than 150, on System.burning or on System.free.
Expect:
    verdict: clean
"""

import random
import sys


class Particle:
    def __init__(self) -> None:
        self.age = 0
        self.place = [0.0, 0.0]


class System:
    most = 150

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.burning: list[Particle] = []
        self.free: list[Particle] = []
        self.lit = 0

    def light(self) -> None:
        particle = self.free.pop() if self.free else Particle()
        particle.age = self.rng.randrange(20, 60)
        self.burning.append(particle)
        self.lit += 1

    def step(self) -> None:
        for _ in range(min(self.rng.randrange(6), self.most - len(self.burning))):
            self.light()
        for particle in self.burning:
            particle.age -= 1
            particle.place[0] += 0.1
        self.free.extend(particle for particle in self.burning if particle.age <= 0)
        self.burning = [particle for particle in self.burning if particle.age > 0]


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    system = System(59)
    for _ in range(steps):
        system.step()
    print(f"{steps} steps, {system.lit} particles lit")


if __name__ == "__main__":
    main()
