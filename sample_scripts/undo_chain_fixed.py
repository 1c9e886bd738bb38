"""An editor that remembers its last hundred edits.

Truth:
    Editor.edits never holds more than 100 Edit objects, and is full after some 110 iterations.
Expect:
    verdict: clean
"""

from __future__ import annotations

import random
import sys
from collections import deque

WORDS = ("all", "work", "and", "no", "play")


class Edit:
    def __init__(self, place: int, word: str) -> None:
        self.place = place
        self.word = word


class Editor:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.text = ["..."] * 40
        self.edits: deque[Edit] = deque(maxlen=100)

    def type_word(self) -> None:
        place = self.rng.randrange(len(self.text))
        self.edits.append(Edit(place, self.text[place]))
        self.text[place] = self.rng.choice(WORDS)

    def undo(self, steps: int) -> None:
        for _ in range(min(steps, len(self.edits))):
            edit = self.edits.pop()
            self.text[edit.place] = edit.word


def main() -> None:
    edits = int(sys.argv[1]) if len(sys.argv) > 1 else 90_000
    editor = Editor(103)
    for number in range(edits):
        editor.type_word()
        if number % 100 == 99:
            editor.undo(10)
    print(f"{edits} edits: {' '.join(editor.text[:8])}")


if __name__ == "__main__":
    main()
