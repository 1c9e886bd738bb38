"""Which of the ends of a program's functions counts."""

from __future__ import annotations

import pytest

from memdiag.capture.ends import Standing, settled

BEGUN = Standing(0.1, 1_000)


@pytest.mark.parametrize(
    ("ends", "counts"),
    [
        ([(2.0, 5_000)], 0),
        ([(1.0, 5_000), (2.0, 5_200)], 1),
        ([(1.0, 5_000), (1.0005, 1_500)], 0),
        ([(1.0, 5_000), (1.02, 5_100)], 0),
        ([(2.0, 9_000), (2.2, 1_200)], 0),
        ([(2.0, 9_000), (2.2, 8_500)], 1),
        ([(2.0, 9_000), (2.2, 5_000), (2.3, 1_200)], 0),
        ([(2.0, 9_000), (3.0, 1_200)], 1),
        ([(2.0, 900), (2.2, 800)], 1),
    ],
    ids=[
        "one",
        "work went on",
        "unwinding",
        "unwinding that makes garbage",
        "what had come is let go of, which takes its time",
        "little of it is let go of",
        "bit by bit",
        "much was done meanwhile",
        "nothing had come",
    ],
)
def test_the_end_of_the_work(ends: list[tuple[float, float]], counts: int) -> None:
    assert settled([Standing(*end) for end in ends], BEGUN) == counts


@pytest.mark.parametrize(
    ("ends", "counts"),
    [
        ([(1.0, 9_000, True), (1.9, 8_800, False), (2.0, 1_200, False)], 0),
        ([(1.0, 9_000, False), (1.9, 8_800, False), (2.0, 1_200, False)], 1),
        ([(1.0, 9_000, True), (2.0, 8_500, False)], 1),
        ([(1.0, 9_000, True), (3.0, 1_200, False)], 1),
        ([(1.0, 9_000, True), (1.8, 5_000, True), (2.0, 1_200, False)], 1),
    ],
    ids=["it lets go", "no loop", "it keeps all", "the program did much after it", "the last of two"],
)
def test_what_an_event_loop_does_once_it_is_over_is_no_work(ends: list[tuple[float, float, bool]], counts: int) -> None:
    """It cancels the tasks that are left, which may take as long as it took to make them."""
    assert settled([Standing(*end) for end in ends], BEGUN) == counts
