"""A function with a list as a default argument, which all calls share.

Truth:
    The default value of `notes` in annotate() gains one Note an iteration: each call that gives no list adds to the
    same one.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: default argument
    rule: MEM-005
    holder: annotate.__defaults__|annotate.notes|annotate(notes)|annotate
    type: Note
    site: order_notes_leaky.py:annotate
    fix: None
"""

import random
import sys


class Note:
    def __init__(self, order: int, text: str) -> None:
        self.order = order
        self.text = text


def annotate(order: int, weight: float, notes: list[Note] = []) -> list[Note]:  # noqa: B006
    if weight > 20:
        notes.append(Note(order, f"{weight:.1f} kg: two people must carry it"))  # <- the leak
    else:
        notes.append(Note(order, f"{weight:.1f} kg: may go by bicycle"))  # <- the leak
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
