"""Each figure as it is in a report, at its limit and beyond, and where it was not measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memdiag import gate
from memdiag.model import (
    Compared,
    CycleCluster,
    CycleEvidence,
    Finding,
    Holder,
    Moment,
    PassResult,
    Report,
    Rounds,
    Row,
    Sample,
    Site,
    TargetInfo,
    Verdict,
)

EVIDENCE = CycleEvidence(
    moment=Moment(0.5, "end of main()"),
    created=100,
    passes=(PassResult(1, 60, 40, 80), PassResult(2, 33, 7, 40), PassResult(3, 0, 7, 0)),
    by_type=(),
    clusters=(
        CycleCluster(("Node", "list"), (".items", "[*]"), 1, 4, 200, "reachable", "app.kept"),
        CycleCluster(("Agent",), (".me",), 3, 3, 300, "uncollectable"),
        CycleCluster(("re.Pattern",), (".x",), 9, 90, 300, "reachable", "re.cache", own=False),
    ),
    uncollectable=3,
    uncollectable_types=(("Agent", 3),),
    growth_under_load_bytes=10_000_000,
    cleanup_effectiveness=0.93,
)
CYCLES = Report("cycles", "suspect", "", TargetInfo(("app.py",)), survival=EVIDENCE)
RUN = Report("run", "clean", "", TargetInfo(("app.py",)))
NEW = Finding("1", "growth", "", "", "leak", 0.9, "the history grows", "", "", Holder("app.kept", module="app"))


def breach(report: Report, text: str) -> tuple[str, str] | None:
    """What was measured and where, if the condition is met."""
    answer = gate.answered(report, [gate.parse(text)]).gate
    assert answer.passed == (not answer.breaches)
    return (answer.breaches[0].measured, answer.breaches[0].where) if answer.breaches else None


@pytest.mark.parametrize(
    ("passes", "fails", "words", "where"),
    [
        ("survival_rate > 7%", "survival_rate > 6.9%", "7 of 100 objects made in cycles survive (7.0 %)", "app.kept"),
        ("surviving > 7", "surviving > 6", "7 of 100 objects made in cycles survive", "app.kept"),
        ("gc_effectiveness < 93%", "gc_effectiveness < 0.931", "the collector reclaimed 93.0 %", "Node, list"),
        ("passes_needed > 2", "passes_needed >= 2", "2 passes needed", "pass 2 still freed 40 objects"),
        ("uncollectable > 3", "uncollectable > 2", "3 objects in gc.garbage", "3 Agent"),
        ("cleanup_effectiveness < 0.93", "cleanup_effectiveness <= 0.93", "gave back 93.0 %", "app.kept"),
        ("growth_under_load > 10MB", "growth_under_load > 9.9MB", "grew by 10.0 MB under load", ""),
    ],
)
def test_figures_of_cycles(passes: str, fails: str, words: str, where: str) -> None:
    assert breach(CYCLES, passes) is None
    found = breach(CYCLES, fails)
    assert found is not None
    assert words in found[0]
    assert where in found[1]


@pytest.mark.parametrize("text", ["growth_under_load > 10MB", "cleanup_effectiveness < 0.95"])
def test_a_figure_that_is_not_there_yet_is_a_breach(text: str) -> None:
    unknown = replace(EVIDENCE, growth_under_load_bytes=None, cleanup_effectiveness=None)
    found = breach(replace(CYCLES, survival=unknown), text)
    assert found is not None
    assert "was not measured" in found[0]


@pytest.mark.parametrize(
    "text", ["survival_rate > 0", "gc_effectiveness < 1%", "passes_needed > 9", "uncollectable > 9", "surviving > 9"]
)
def test_a_run_that_was_cut_short_before_the_look_is_a_breach(text: str) -> None:
    found = breach(replace(CYCLES, survival=None), text)
    assert found == (f"{text.split()[0]} was not measured: the heap was not looked at, as the run was cut short", "")


def test_a_program_without_cycles_is_fine() -> None:
    none = replace(CYCLES, survival=CycleEvidence(Moment(0.1, "exit"), 0, (PassResult(1, 0, 0, 0),), (), ()))
    for text in ("survival_rate > 0", "gc_effectiveness < 100%", "passes_needed > 0", "uncollectable > 0"):
        assert breach(none, text) is None
    assert breach(none, "cleanup_effectiveness < 100%") is None


def test_shares_are_compared_as_a_person_reads_them() -> None:
    """1 - 0.07 is a little less than 0.93 to a computer."""
    for surviving in range(1, 100):
        seen = replace(EVIDENCE, passes=(PassResult(1, 100 - surviving, surviving, 1),))
        assert breach(replace(CYCLES, survival=seen), f"gc_effectiveness < {100 - surviving}%") is None
        assert breach(replace(CYCLES, survival=seen), f"gc_effectiveness <= {100 - surviving}%") is not None


def test_peak_is_the_highest_sample_without_the_probes_own() -> None:
    samples = (
        Sample(0.1, rss_bytes=30_000_000),
        Sample(0.2, rss_bytes=50_000_000, probe_bytes=5_000_000),
        Sample(0.3),
    )
    assert breach(replace(RUN, samples=samples), "peak > 45MB") is None
    assert breach(replace(RUN, samples=samples), "peak > 44MB") == ("the resident set was 45.0 MB", "after 200 ms")
    assert breach(replace(RUN, samples=samples[2:]), "peak > 1GB") == (
        "peak was not measured: the resident set was never seen",
        "",
    )


def test_growth_per_operation_is_the_median_over_the_rounds() -> None:
    """A cache that fills in one round does not move it; calls are not the same in each."""
    rounds = Rounds((10, 20, 30, 50), (0,) * 4, (1000, 1500, 900_000, 901_000))
    checked = replace(RUN, command="check", rounds=rounds, findings=(NEW,))
    assert breach(checked, "growth_per_operation > 50B/op") is None
    found = breach(checked, "growth_per_operation >= 50 B/op")
    assert found == ("the heap grew by 50 B per call (the median of 3 rounds)", "the history grows")
    for nothing in (None, Rounds((), (), ()), Rounds((5,), (1,), (1,)), Rounds((5, 5), (1, 1), (1, 1))):
        found = breach(replace(checked, rounds=nothing), "growth > 1GB/op")
        assert found is not None
        assert "growth_per_operation was not measured" in found[0]


@pytest.mark.parametrize("verdict", ["bounded", "info"])
def test_findings_are_leaks_and_suspects(verdict: Verdict) -> None:
    mild = replace(NEW, verdict=verdict)
    assert breach(replace(RUN, findings=(mild,)), "findings > 0") is None
    several = replace(RUN, findings=(mild, NEW, replace(NEW, id="2", verdict="suspect")))
    assert breach(several, "findings > 2") is None
    assert breach(several, "findings > 1") == ("there are 2 findings", "the history grows; and 1 more finding")
    assert breach(replace(RUN, findings=(NEW,)), "findings > 0") == ("there is 1 finding", "the history grows")


def test_known_and_ignored_findings_do_not_count() -> None:
    passed_over = (replace(NEW, known=True), replace(NEW, ignored="a reason"))
    compared = replace(RUN, findings=passed_over, baseline=Compared("known.json", 1))
    for text in ("findings > 0", "new_findings > 0", "leak"):
        assert breach(replace(compared, verdict="leak"), text) is None
    one_more = replace(compared, findings=(*passed_over, NEW), verdict="leak")
    assert breach(one_more, "new_findings > 0") == ("1 finding not in known.json", "the history grows")
    assert breach(one_more, "leak") == (
        "the verdict is leak without what is known or ignored",
        "the history grows",
    )


def test_a_new_suspect_beside_a_known_leak_is_no_leak() -> None:
    findings = (replace(NEW, known=True), replace(NEW, id="2", verdict="suspect", title="the cache grows"))
    report = replace(RUN, verdict="leak", findings=findings)
    assert breach(report, "leak") is None
    assert breach(report, "suspect") == (
        "the verdict is suspect without what is known or ignored",
        "the cache grows",
    )


def test_new_findings_without_a_baseline_were_not_measured() -> None:
    found = breach(RUN, "new_findings > 5")
    assert found == ("new_findings was not measured: there was no baseline to tell what is new", "")


def test_new_findings_of_sides_that_could_not_be_judged_were_not_measured() -> None:
    report = replace(RUN, command="diff", before="before.memdiag", findings=(replace(NEW, status="new"),))
    assert breach(report, "new_findings > 0") == ("1 finding not in before.memdiag", "the history grows")
    unsure = replace(report, unjudged="before.memdiag is inconclusive")
    assert breach(unsure, "new_findings > 5") == (
        "new_findings was not measured: before.memdiag is inconclusive",
        "",
    )


def test_inconclusive_is_a_verdict_to_fail_on() -> None:
    assert breach(replace(RUN, verdict="inconclusive"), "inconclusive") == ("the verdict is inconclusive", "")
    for verdict in ("leak", "suspect", "clean"):
        assert breach(replace(RUN, verdict=verdict), "inconclusive") is None


def test_findings_of_a_package() -> None:
    report = replace(RUN, findings=(NEW, replace(NEW, id="2", holder=Holder("shop.kept", module="shop.cache"))))
    assert breach(report, "findings(shop) > 0") == ("there is 1 finding of shop", "the history grows")
    assert breach(report, "findings(shop.cart) > 0") is None


def test_growth_of_a_package_is_that_of_its_lines() -> None:
    def row(file: str, before: int, after: int) -> Row:
        return Row(Site(file, 7), before, after, 0, 0, "worse")

    rows = (row("/a/shop/cache.py", 1000, 3000), row("/a/shop/cart.py", 1000, 500), row("/a/app.py", 0, 9000))
    report = replace(RUN, target=TargetInfo(("app.py",), directory="/a"), rows=rows, tracer="tracemalloc")
    assert breach(report, "growth(shop) > 1500") is None
    where = "the largest part: /a/shop/cache.py:7, 3.0 kB"
    assert breach(report, "growth(shop) > 1499") == ("shop grew by 1.5 kB (+75.0 %)", where)
    assert breach(report, "growth(shop) > 75%") is None
    assert breach(report, "retained(shop) > 3499") == ("shop holds 3.5 kB", where)
    assert breach(report, "growth(shop.cart) > 0") is None
