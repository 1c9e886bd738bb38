"""An editor whose edits each remember the one before, back to the first.

Truth:
    Editor.latest is one Edit, and through .previous holds all that were ever made: the chain is one longer each
    iteration. undo() goes back ten steps at most.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: chain|history
    rule: MEM-005
    holder: Editor.latest|Edit.previous
    type: Edit
    site: undo_chain_leaky.py:Editor.type_word
"""

from __future__ import annotations

import random
import sys

WORDS = ("all", "work", "and", "no", "play")


class Edit:
    def __init__(self, place: int, word: str, previous: Edit | None) -> None:
        self.place = place
        self.word = word
        self.previous = previous


class Editor:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.text = ["..."] * 40
        self.latest: Edit | None = None

    def type_word(self) -> None:
        place = self.rng.randrange(len(self.text))
        self.latest = Edit(place, self.text[place], self.latest)  # <- the leak
        self.text[place] = self.rng.choice(WORDS)

    def undo(self, steps: int) -> None:
        while self.latest is not None and steps:
            self.text[self.latest.place] = self.latest.word
            self.latest = self.latest.previous
            steps -= 1


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
