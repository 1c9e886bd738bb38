"""Between two heap snapshots far apart, what grew came as Python's blocks did, and only if it was most of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest

from memdiag.analysis.between import filled, gaps
from memdiag.analysis.judgement import findings
from memdiag.model import HeapEvidence, Moment, Sample
from tests.unit.populations import population

TIMES = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 2.0)  # five looks at once, and no other before the end
LAST = 100_000


def evidence(counts: Sequence[int], others: int = 0) -> HeapEvidence:
    """One population of objects of 100 bytes; of ``others`` as large as many more came after the last but one look."""
    history = population(counts, retained_bytes=100 * counts[-1])
    objects = [count + 1_000 for count in counts]
    objects[-1] += others
    return HeapEvidence(
        tuple(Moment(time, "sample", time) for time in TIMES),
        (history,),
        objects=tuple(objects),
        heap_bytes=tuple(100 * count for count in objects),
    )


def samples(how: Literal["all along", "at once", "late"], last: int = LAST) -> list[Sample]:
    """A count of blocks every 50 ms."""
    found = []
    for at in range(41):
        time = at / 20
        share = {"all along": time / 2, "at once": min(1.0, time / 0.15), "late": max(0.0, time - 1.9) / 0.1}[how]
        found.append(Sample(time, time, heap_blocks=20_000 + round(share * last)))
    return found


def steady() -> list[int]:
    return [round(LAST * time / 2) for time in TIMES]


def test_growth_that_went_on_unseen_is_told() -> None:
    assert findings(evidence(steady()), duration_s=2.0)[:1] == []
    (found,) = findings(evidence(steady()), duration_s=2.0, samples=samples("all along"))
    assert found.verdict == "leak"
    assert found.growing.counts == tuple(steady()), "the figures are those of the snapshots alone"


@pytest.mark.parametrize("how", ["at once", "late"])
def test_what_came_at_once_is_no_growth_that_goes_on(how: Literal["at once", "late"]) -> None:
    found = findings(evidence(steady()), duration_s=2.0, samples=samples(how))
    assert not {one.verdict for one in found} & {"leak", "suspect"}


def test_where_other_things_came_as_well_nothing_is_made_of_it() -> None:
    seen = evidence(steady(), others=3 * LAST)
    blocks = samples("all along", last=4 * LAST)
    wide = gaps(seen, blocks)
    assert [one.at for one in wide] == [5]
    assert filled(seen.populations[0], seen, blocks, wide) == (seen.populations[0], seen)


def test_moments_and_counts_stay_in_order() -> None:
    seen, blocks = evidence(steady()), samples("all along")
    population, fuller = filled(seen.populations[0], seen, blocks, gaps(seen, blocks))
    times = [moment.t_s for moment in fuller.moments]
    assert len(times) == len(population.counts) > len(TIMES) + 4
    assert times == sorted(times)
    assert list(population.counts) == sorted(population.counts)
    assert all(abs(count - LAST * time / 2) <= 1 for count, time in zip(population.counts, times, strict=True))


@pytest.mark.parametrize("kept", [0, 1])
def test_without_counts_of_blocks_there_is_nothing_to_tell(kept: int) -> None:
    assert gaps(evidence(steady()), samples("all along")[:kept]) == []


def test_a_few_snapshots_are_not_made_up_for_by_counts_of_blocks() -> None:
    seen = evidence(steady())
    few = HeapEvidence(seen.moments[3:], seen.populations, objects=seen.objects[3:], heap_bytes=seen.heap_bytes[3:])
    assert gaps(few, samples("all along")) == []


def test_few_snapshots_will_do_where_they_lie_apart() -> None:
    """A heap that grows fast is soon too dear to be looked at often."""
    times, counts = (0.0, 0.1, 0.4, 2.0), (0, 5_000, 20_000, LAST)
    objects = tuple(count + 1_000 for count in counts)
    seen = HeapEvidence(
        tuple(Moment(time, "sample", time) for time in times),
        (population(counts, retained_bytes=100 * LAST),),
        objects=objects,
        heap_bytes=tuple(100 * count for count in objects),
    )
    (found,) = findings(seen, duration_s=2.0, samples=samples("all along"))
    assert found.verdict == "leak"
    assert not findings(seen, duration_s=2.0)


def test_counts_of_blocks_may_be_far_apart_themselves() -> None:
    """As those of a program that was built in a second, and then worked: the last count says nothing of when."""
    blocks = [sample for sample in samples("all along") if not 0.9 < sample.t_s < 1.95]
    assert gaps(evidence(steady()), blocks) == []
