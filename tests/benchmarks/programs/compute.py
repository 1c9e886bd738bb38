"""Compute-bound: arithmetic over tables of floats and small integers, with next to no allocation that stays."""

import sys

SIZE = 64


def step(table: list[list[float]], weights: list[float]) -> list[list[float]]:
    changed = []
    for row in table:
        total = 0.0
        for value, weight in zip(row, weights, strict=True):
            total = total * 0.5 + value * weight
        changed.append([(value + total) % 1.0 for value in row])
    return changed


def main(rounds: int) -> float:
    table = [[(i * j % 97) / 97 for j in range(SIZE)] for i in range(SIZE)]
    weights = [(i * 31 % 17) / 17 for i in range(SIZE)]
    for _ in range(rounds):
        table = step(table, weights)
    return sum(map(sum, table))


if __name__ == "__main__":
    main(int(sys.argv[1]))
