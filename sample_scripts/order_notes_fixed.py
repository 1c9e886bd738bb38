"""A function that makes itself a list where none is given.

Truth:
    The list of Note objects of each call goes when its caller is done with it.
Expect:
    verdict: clean
"""

import random
import sys


class Note:
    def __init__(self, order: int, text: str) -> None:
        self.order = order
        self.text = text


def annotate(order: int, weight: float, notes: list[Note] | None = None) -> list[Note]:
    notes = [] if notes is None else notes
    if weight > 20:
        notes.append(Note(order, f"{weight:.1f} kg: two people must carry it"))
    else:
        notes.append(Note(order, f"{weight:.1f} kg: may go by bicycle"))
    return notes


def ship(order: int, rng: random.Random) -> int:
    weight = sum(rng.random() * 9 for _ in range(rng.randrange(1, 8)))
    return len(annotate(order, weight)[-1].text)


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rng = random.Random(89)
    letters = sum(ship(order, rng) for order in range(orders))
    print(f"{orders} orders shipped with {letters} letters of notes")


if __name__ == "__main__":
    main()
