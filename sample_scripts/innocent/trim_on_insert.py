"""A conversation that is trimmed where a message is added to it; the usual run is half over before it first is.

Truth:
    Conversation.messages never holds more than 4,000 Message objects; add() cuts it down to 3,000. At one message an
    iteration, the usual run of 8,000 fills it during its first half.
Expect:
    verdict: clean
"""

import random
import sys

WORDS = ("where", "is", "my", "order", "please", "thanks", "number", "invoice")


class Message:
    def __init__(self, role: str, text: str) -> None:
        self.role = role
        self.text = text


class Conversation:
    most = 4_000
    kept = 3_000

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def add(self, role: str, text: str) -> None:
        self.messages.append(Message(role, text))
        if len(self.messages) > self.most:
            self.messages = self.messages[-self.kept :]

    def prompt(self) -> str:
        return "\n".join(f"{message.role}: {message.text}" for message in self.messages[-20:])


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 8_000
    rng = random.Random(89)
    conversation = Conversation()
    letters = 0
    for turn in range(turns):
        conversation.add("desk" if turn % 2 else "customer", " ".join(rng.choices(WORDS, k=8)))
        letters += len(conversation.prompt())
    print(f"{turns} turns, prompts of {letters} letters")


if __name__ == "__main__":
    main()
