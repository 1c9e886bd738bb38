"""What grows in number to the end, and is held by nothing that was found."""

from __future__ import annotations

import dataclasses

import pytest

from memdiag.analysis.unheld import findings
from memdiag.model import HeapEvidence, Moment, Population, TypeSeries

RISING = tuple(range(10, 170, 10))
MOMENTS = tuple(Moment(t_s=at / 2, label="sample", worked_s=at / 2) for at in range(len(RISING)))


def evidence(counts: tuple[int, ...] = RISING, own: bool = True) -> HeapEvidence:
    kind = TypeSeries("__main__.Job", counts, tuple(count * 56 for count in counts), own)
    return HeapEvidence(moments=MOMENTS, populations=(), types=(kind,))


def test_they_get_a_line_and_no_verdict() -> None:
    (one,) = findings(evidence())
    assert one.title == "there are more and more Job, and what holds them was not found: 10 to 160"
    assert (one.verdict, one.holder, one.fix) == ("info", None, "")


@pytest.mark.parametrize(
    "quiet",
    [
        evidence(own=False),
        evidence((160,) * len(RISING)),
        evidence(tuple(10 + at % 3 for at in range(len(RISING)))),
        dataclasses.replace(evidence(), garbage_types=(("__main__.Job", 150),)),
        dataclasses.replace(
            evidence(), populations=(Population("container", "app.jobs", "list", "App.jobs", "Job", RISING),)
        ),
    ],
    ids=["a library's", "as many as before", "up and down", "garbage", "held by what was found"],
)
def test_nothing_is_said_of_others(quiet: HeapEvidence) -> None:
    assert findings(quiet) == []
