"""A help desk whose history is a sliding window, and whose summaries of what left the window are bounded too.

Truth:
    Desk.history is bounded by 48 turns and Desk.summaries by 10; both are full after 120 iterations.
Expect:
    verdict: clean
"""

import random
import sys
from collections import Counter, deque

TOPICS = ("invoice", "delivery", "password", "refund")


class Turn:
    def __init__(self, speaker: str, text: str) -> None:
        self.speaker = speaker
        self.text = text
        self.words = text.split()


class Summary:
    def __init__(self, turns: list[Turn]) -> None:
        self.first = turns[0].text
        self.common = Counter(word for turn in turns for word in turn.words).most_common(8)


class Desk:
    window_size = 48

    def __init__(self) -> None:
        self.history: deque[Turn] = deque()
        self.summaries: deque[Summary] = deque(maxlen=10)
        self.by_topic = dict.fromkeys(TOPICS, 0)

    def ask(self, number: int, topic: str) -> str:
        self.by_topic[topic] += 1
        self.history.append(Turn("customer", f"question {number}: where is my {topic}, please?"))
        reply = self.answer(topic)
        self.history.append(Turn("desk", reply))
        if len(self.history) >= self.window_size:
            self.condense()
        return reply

    def condense(self) -> None:
        oldest = [self.history.popleft() for _ in range(self.window_size // 2)]
        self.summaries.append(Summary(oldest))

    def answer(self, topic: str) -> str:
        seen = sum(topic in word for turn in list(self.history)[-12:] for word in turn.words)
        return f"your {topic} was mentioned {seen} times lately; ticket {self.by_topic[topic]} is open"


def main() -> None:
    questions = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000
    rng = random.Random(3)
    desk = Desk()
    characters = sum(len(desk.ask(number, rng.choice(TOPICS))) for number in range(questions))
    print(f"{questions} questions answered with {characters} characters, {len(desk.summaries)} summaries")


if __name__ == "__main__":
    main()
