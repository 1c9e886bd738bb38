"""A help desk that shows the model the last few turns, and keeps every turn it has ever seen.

Truth:
    Desk.history gains two Turn objects an iteration and nothing takes one out: window() only reads.
Expect:
    verdict: leak|suspect
    kind: growth
    pattern: history
    rule: MEM-005
    holder: Desk.history
    type: Turn
    site: chat_history_leaky.py:Desk.ask
"""

import random
import sys

TOPICS = ("invoice", "delivery", "password", "refund")


class Turn:
    def __init__(self, speaker: str, text: str) -> None:
        self.speaker = speaker
        self.text = text
        self.words = text.split()


class Desk:
    window_size = 12

    def __init__(self) -> None:
        self.history: list[Turn] = []
        self.by_topic = dict.fromkeys(TOPICS, 0)

    def ask(self, number: int, topic: str) -> str:
        self.by_topic[topic] += 1
        self.history.append(Turn("customer", f"question {number}: where is my {topic}, please?"))
        reply = self.answer(topic)
        self.history.append(Turn("desk", reply))
        return reply

    def answer(self, topic: str) -> str:
        seen = sum(topic in word for turn in self.window() for word in turn.words)
        return f"your {topic} was mentioned {seen} times lately; ticket {self.by_topic[topic]} is open"

    def window(self) -> list[Turn]:
        return self.history[-self.window_size :]


def main() -> None:
    questions = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    rng = random.Random(3)
    desk = Desk()
    characters = sum(len(desk.ask(number, rng.choice(TOPICS))) for number in range(questions))
    print(f"{questions} questions answered with {characters} characters")


if __name__ == "__main__":
    main()
