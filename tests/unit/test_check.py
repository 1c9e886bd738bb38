"""What grew in every round, and what that makes of it; the names that ``memdiag check`` takes."""

from __future__ import annotations

import textwrap
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdiag.analysis.check import Growth, diagnose_check, growth_of
from memdiag.analysis.owner import read_owner
from memdiag.capture.spool import Recording
from memdiag.errors import UsageError
from memdiag.launch.rounds import Callable_, Order, Pace, parse
from memdiag.model import (
    Capture,
    HeapEvidence,
    Moment,
    OwnerFacts,
    Population,
    Report,
    TargetInfo,
    TypeSeries,
)
from memdiag.probe.wire import Record

CALLS = (0, 167, 334, 501, 668, 834, 1000)
ONE_EACH = tuple(334 + calls for calls in CALLS)
KEEPS = """
def handle(key):
    cache[key] = Quote()
cache = {}
"""
TRIMS = KEEPS.replace("Quote()", "Quote()\n    if len(cache) > 5000: cache.popitem()")
DROPS = KEEPS.replace("Quote()", "Quote()\n    cache.pop(None, None)")
EVICTS = KEEPS.replace("Quote()", "Quote()\n    drop()") + "def drop():\n    if cache.old: cache.clear()\n"


def population(counts: tuple[int, ...] = ONE_EACH, source: str = KEEPS, **changes: Any) -> Population:
    entry = {"<test>": "handle()"}
    facts = read_owner(textwrap.dedent(source), "/app/app.py", "", "cache", entry) if source else OwnerFacts()
    values: dict[str, Any] = {
        "kind": "container",
        "path": "app.cache",
        "holder_type": "dict",
        "owner": "app.cache",
        "item_type": "Quote",
        "counts": counts,
        "retained_bytes": 612 * counts[-1],
        "owner_module": "app",
        "owner_file": "/app/app.py",
        "attribute": "cache",
        "source": facts,
    }
    return Population(**{**values, **changes})


def diagnosed(*populations: Population, **changes: Any) -> Report:
    moments = tuple(Moment(float(calls), "sample", float(calls)) for calls in CALLS)
    heap = HeapEvidence(
        moments, populations, **{"objects": (0,) * len(CALLS), "heap_bytes": (0,) * len(CALLS), **changes}
    )
    return diagnose_check(Capture("check", TargetInfo(("app:handle",)), heap=heap))


def verdicts(report: Report) -> list[str]:
    return [finding.verdict for finding in report.findings]


# --- growth -----------------------------------------------------------------------------------------------------


def test_growth_is_by_call() -> None:
    assert growth_of(ONE_EACH, CALLS) == Growth(1.0, even=True, slowing=False)
    assert growth_of([2 * count for count in ONE_EACH], CALLS) == Growth(2.0, even=True, slowing=False)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=30), st.integers(0, 10_000))
def test_only_what_grows_in_every_round_does(rises: list[int], first: int) -> None:
    values = list(accumulate(rises, initial=first))
    calls = range(0, 10 * len(values), 10)
    assert (growth_of(values, list(calls)) is not None) == all(rises)


@given(st.lists(st.integers(0, 10_000), min_size=3, max_size=30))
def test_what_falls_does_not_grow(values: list[int]) -> None:
    falls = any(after < before for before, after in pairwise(values))
    growth = growth_of(values, list(range(len(values))), pauses=len(values))
    assert growth is None or not falls


@given(st.integers(1, 50), st.integers(4, 40), st.integers(1, 500), st.integers(1, 10_000))
def test_a_constant_rate_is_told_exactly(rate: int, rounds: int, size: int, first: int) -> None:
    calls = [at * size for at in range(rounds + 1)]
    assert growth_of([first + rate * count for count in calls], calls) == Growth(rate, even=True, slowing=False)


def test_the_first_handful_is_not_counted() -> None:
    """Containers of fewer than four items are not in a census: the rate is told from where they are."""
    growth = growth_of((0, 5, 6, 8, 10, 11, 13), CALLS)
    assert growth == Growth(8 / 833, even=True, slowing=False)


def test_one_in_many_calls_is_even() -> None:
    growth = growth_of((6, 10, 13, 17, 20, 23, 27), CALLS)
    assert growth is not None
    assert growth.verdict == "leak"


def test_what_slows_down_may_level_off() -> None:
    growth = growth_of((239, 294, 356, 399, 423, 456, 469), CALLS)
    assert growth is not None
    assert growth.verdict == "suspect"


# --- verdicts ---------------------------------------------------------------------------------------------------


def test_a_leak_in_one_line() -> None:
    report = diagnosed(population())
    assert report.verdict == "leak"
    assert report.headline == "app:handle leaks 1.00 Quote (612 B) per call: app.cache holds them"
    assert report.findings[0].title == "app.cache gains 1.00 Quote (612 B) per call"
    assert report.findings[0].growing.per_operation == 1.0
    assert report.findings[0].growing.per_second == 0.0


def test_nothing_is_told_by_the_second() -> None:
    finding = diagnosed(population()).findings[0]
    assert not [word for word in ("second", "hour", "snapshot") if word in finding.title + finding.why + finding.fix]
    assert "from 334 to 1,334 over 1,000 calls, more after each of 6 rounds" in finding.why


@pytest.mark.parametrize(
    "counts",
    [
        (334,) * 7,
        (334, 400, 450, 500, 500, 500, 500),  # fills up
        (334, 334, 334, 334, 334, 334, 500),  # comes once
        (100, 200, 300, 100, 200, 300, 400),  # a saw
        (500, 499, 498, 497, 496, 495, 494),
    ],
)
def test_growth_in_some_rounds_is_none(counts: tuple[int, ...]) -> None:
    report = diagnosed(population(counts))
    assert (report.verdict, report.findings) == ("clean", ())
    assert report.headline == "app:handle leaks nothing: nothing kept growing over 6 rounds (1,000 calls)"


def test_what_was_not_there_at_first_counts_from_nothing() -> None:
    report = diagnosed(population((-1, 167, 334, 501, 668, 834, 1000)))
    assert (report.verdict, report.findings[0].growing.per_operation) == ("leak", 1.0)


@pytest.mark.parametrize("changes", [{"limit": 4096}, {"source": TRIMS}, {"source": EVICTS}])
def test_a_bound_that_is_not_reached_yet(changes: dict[str, Any]) -> None:
    report = diagnosed(population(**changes))
    assert (report.verdict, verdicts(report)) == ("clean", ["bounded"])
    assert report.headline.startswith("app:handle leaks nothing: all that kept growing over 6 rounds")


def test_a_bound_that_is_long_exceeded() -> None:
    assert diagnosed(population(source=TRIMS.replace("5000", "100"))).verdict == "leak"


def test_a_removal_that_does_nothing_for_it() -> None:
    """Where the same call is repeated, what was not removed by now is not going to be."""
    report = diagnosed(population(source=DROPS))
    assert report.verdict == "leak"
    assert report.findings[0].confidence < diagnosed(population()).findings[0].confidence


def test_what_slows_down_is_a_suspect() -> None:
    report = diagnosed(population((239, 294, 356, 399, 423, 456, 469)))
    assert (report.verdict, verdicts(report)) == ("suspect", ["suspect"])
    assert report.headline.startswith("app:handle may leak 0.23 Quote")


def test_what_a_library_keeps_is_a_leak_of_the_callables() -> None:
    assert diagnosed(population(library=True, source="")).verdict == "leak"


def test_a_buffer_may_pause() -> None:
    sizes = (100_000, 120_000, 140_000, 140_000, 170_000, 190_000, 220_000)
    report = diagnosed(population((1,) * 7, kind="object", item_type="bytearray", sizes=sizes, retained_bytes=220_000))
    assert report.headline == "app:handle leaks 120 B per call: app.cache swells"
    assert report.findings[0].growing.counts == ()
    assert report.findings[0].growing.per_operation == 120.0


def test_growth_that_nothing_is_seen_to_hold() -> None:
    gained = {
        "objects": tuple(5000 + count for count in ONE_EACH),
        "types": (TypeSeries("list", ONE_EACH, ONE_EACH), TypeSeries("str", (9,) * 7, (900,) * 7)),
    }
    report = diagnosed(**gained)
    assert (report.verdict, report.findings[0].growing.type) == ("leak", "list")
    assert diagnosed(how="paused", **gained).verdict == "clean"
    assert len(diagnosed(population(), **gained).findings) == 1


def test_a_capture_without_snapshots() -> None:
    report = diagnose_check(Capture("check", TargetInfo(("app:handle",))))
    assert (report.verdict, report.findings) == ("inconclusive", ())


# --- names ------------------------------------------------------------------------------------------------------


def test_names() -> None:
    assert parse("app.sub:Service.handle") == Callable_("app.sub", "Service.handle")
    assert parse("app:f").module == "app"


@pytest.mark.parametrize(
    "text", ["", ":", "app", "app:", ":f", "app:f()", "app::f", "app.:f", "a b:f", "1app:f", "app:f:"]
)
def test_names_of_nothing(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_what_is_called_from_outside() -> None:
    order = Order(Callable_("app", "Service.handle"), Callable_("app", "make"))
    assert order.entries == {"app": "Service.handle()\nmake()\n"}
    assert Order(Callable_("pkg/app.py", "f")).entries == {"app": "f()\n"}


def test_all_calls() -> None:
    assert Order(Callable_("app", "f"), iterations=1000, rounds=6).calls == 1000 + 2 * 167


# --- how long it takes ------------------------------------------------------------------------------------------


def paced(*paces: tuple[int, float]) -> list[str]:
    """What is said while these paces (calls, seconds) come in one after the other."""
    said: list[str] = []
    recording = Recording()
    pace = Pace(Order(Callable_("app", "f")), recording, said.append)
    for calls, seconds in paces:
        recording.add([Record("pace", {"calls": calls, "seconds": seconds}, {}, 0)])
        pace.tell()
    return said


def test_slow_calls_are_announced_once() -> None:
    said = paced((1, 0.3), (9, 2.7), (166, 49.8))
    assert said == [
        "a call takes about 300 ms, all 1,334 of them 6 min 40 s: fewer would do, with --iterations 25 for example"
    ]


def test_quick_calls_are_not() -> None:
    assert paced((1, 0.001), (9, 0.009), (166, 0.166)) == []


def test_one_hiccup_tells_nothing() -> None:
    assert paced((1, 0.15), (9, 0.16)) == []
