"""Cyclic garbage at the end of a run: late where the collector will come for it, lost where it is turned off."""

from __future__ import annotations

from memdiag.analysis.garbage import findings
from memdiag.model import HeapEvidence, Moment


def evidence(objects: int, size: int, on: bool) -> HeapEvidence:
    return HeapEvidence(
        (Moment(1.0, "end of main()"),),
        (),
        objects=(20_000,),
        garbage_objects=objects,
        garbage_bytes=size,
        garbage_types=(("dict", objects // 2), ("app.Session", objects // 3)),
        collector_on=on,
    )


def test_with_the_collector_on_it_is_late_and_not_leaked() -> None:
    (found,) = findings(evidence(9000, 3_000_000, on=True))
    assert (found.verdict, found.kind) == ("info", "cycle")
    assert "late, not leaked" in found.why


def test_with_the_collector_off_nothing_will_ever_free_it() -> None:
    (found,) = findings(evidence(9000, 300_000, on=False))
    assert found.verdict == "suspect"
    assert "app.Session" in found.title
    assert "gc.disable()" in found.why


def test_a_little_is_nothing_to_speak_of() -> None:
    assert findings(evidence(400, 9_000_000, on=False)) == []
    assert findings(evidence(900, 3_000_000, on=False)) == []
    assert findings(evidence(9000, 300_000, on=True)) == []
