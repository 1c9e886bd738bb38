"""memdiag is held to what each sample says of itself: every key of its ``Expect:`` block, through the real command."""

from __future__ import annotations

import functools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli import Cli, Report, Result, survival_of
from tests.integration.programs import SAMPLES, expectations

# Samples run as long as they usually do, but for these: the counts of the delegation pair and of the storage adapters
# are those of so many iterations; the others are over too soon for a verdict.
ITERATIONS = {"delegation": "100", "storage_adapter": "1000", "call_transcript_fixed": "80000"}
ITERATIONS |= {"import_errors_fixed": "40000", "upload_parts": "200"}
ITERATIONS |= {"event_bus_fixed": "30000", "request_log_fixed": "20000", "innocent/lazy_routes": "200000"}
ITERATIONS |= {"innocent/fragmented_heap": "60000", "innocent/prefork_objects": "100", "label_reader_fixed": "5000"}
ITERATIONS |= {"mail_failover_fixed": "80000", "invoice_totals_fixed": "40000"}

EXPECTED = {str(path.relative_to(SAMPLES)): expectations(path) for path in sorted(SAMPLES.rglob("*.py"))}
MARK = "<- the leak"
MARKED = [name for name in EXPECTED if MARK in (SAMPLES / name).read_text(encoding="utf-8")]
# What of their truth memdiag cannot tell yet; to be taken out once it can.
NOT_YET: dict[str, tuple[str, ...]] = {
    "leak_hunt_leaky.py": ("fix", "line"),  # what fills gc.garbage is a flag of the collector
}
UNTOLD = pytest.mark.xfail(strict=True, reason="not told yet")
# And what it tells now and again: a site that was traced has no function, one inferred from the source has.
NOT_ALWAYS = {
    "memory_manager_leaky.py": (
        "verdict",
        "kind",
        "rule",
        "holder",
        "type",
        "site",
        "line",
    ),  # a list that is made anew
    "call_transcript_leaky.py": ("verdict", "kind", "pattern", "rule", "holder", "type", "site", "line"),
    "innocent/fragmented_heap.py": ("verdict",),  # its copies are dear at first, and may lie too close together
    "order_notes_leaky.py": ("line", "site"),
    "request_log_leaky.py": ("line", "site"),
}
UNSURE = pytest.mark.xfail(strict=False, reason="not always told")


def truths() -> Iterator[object]:
    """Every sample with every key of what it expects, as parameters of a test."""
    for name, expected in EXPECTED.items():
        keys = {*expected, "line"} if name in MARKED else {*expected}
        for key in keys - {"command", "finding", "also"}:
            marks = [UNSURE] if key in NOT_ALWAYS.get(name, ("site",)) else []
            marks = [UNTOLD] if key in NOT_YET.get(name, ()) else marks
            marks.append(pytest.mark.xdist_group(name))  # one worker for each sample: it is recorded once
            yield pytest.param(name, key, id=f"{name.removesuffix('.py')}-{key}", marks=marks)


@pytest.fixture(scope="module", autouse=True)
def _forget() -> Iterator[None]:
    yield
    recorded.cache_clear()


@functools.cache
def recorded(name: str) -> Result:
    """What memdiag says of a sample; where other tests keep the machine busy, it may take another run to tell all.

    What is said that should not be is never asked again.
    """
    expected = EXPECTED[name]["verdict"].split("|")
    unsure = {"inconclusive"} if "clean" in expected else {"inconclusive", "clean"}
    arguments = [count for start, count in ITERATIONS.items() if name.startswith(start)]
    for _ in range(6):
        with tempfile.TemporaryDirectory() as place:
            script = os.path.basename(shutil.copy(SAMPLES / name, place))
            ran = Cli(Path(place)).reported(EXPECTED[name]["command"], script, *arguments)
        assert ran.status == 0, ran.stderr
        verdict = ran.report["verdict"]
        if verdict not in {*unsure, *expected} or (verdict in expected and tells_all(ran.report, name)):
            break
    return ran


def tells_all(report: Report, name: str) -> bool:
    certain = set(EXPECTED[name]) - {"command", "finding", "also", *NOT_YET.get(name, ()), *NOT_ALWAYS.get(name, ())}
    return all(tells(report, name, key) for key in certain - {"site"})


def tells(report: Report, name: str, key: str) -> bool:
    expected = EXPECTED[name]
    if key in ("created", "surviving"):
        created, surviving = survival_of(report, expected["type"])
        return bool({"created": created, "surviving": surviving}[key] == int(expected[key]))
    if expected["verdict"] == "clean" and key == "type" and "finding" not in expected:
        return survival_of(report, expected["type"]) == (0, 0)
    wanted = marked_lines(name) if key == "line" else expected[key]
    return says(report, key, wanted, expected.get("finding", "leak|suspect"))


def says(report: Report, key: str, wanted: str, among: str = "leak|suspect") -> bool:
    """Whether the verdict, or any one of the findings of these verdicts, says what is expected, or one of it."""
    suspected = [finding for finding in report["findings"] if finding["verdict"] in among.split("|")]
    wishes = wanted.split("|")
    if key == "verdict":
        return report["verdict"] in wishes
    if key in ("kind", "pattern", "rule"):
        return any(finding[key] in wishes for finding in suspected)
    if key == "holder":
        return any(is_held(finding["holder"], wishes) for finding in suspected if finding["holder"])
    if key == "site":
        sites = [site for finding in suspected for site in finding["sites"]]
        return not {f"{os.path.basename(site['file'])}:{site['function']}" for site in sites}.isdisjoint(wishes)
    if key == "line":
        return any(names_line(finding, wanted) for finding in suspected)
    if key == "fix":
        return any(wish.lower() in finding["fix"].lower() for wish in wishes for finding in suspected)
    assert key == "type"
    shapes = [finding["cycle"]["shape"] for finding in suspected if finding["cycle"]]
    grown = {finding["growing"]["type"] for finding in suspected}
    return any(wish in grown or any(wish in shape for shape in shapes) for wish in wishes)


def is_held(holder: dict[str, str], wishes: list[str]) -> bool:
    """By its owner, or by a path that leads to one of these or to what holds its items: ``main().desk.history[*]``."""
    path = holder["path"].split(",")[0]
    ways = [holder["owner"], path, *(path[: found.start()] for found in re.finditer(r"\[", path))]
    bare = [re.sub(r"\[[^]]*\]", "", way) for way in ways]
    return any(f".{way}".endswith(f".{wish}") for way in bare for wish in wishes)


def names_line(finding: dict[str, Any], wanted: str) -> bool:
    """Whether it names one of these lines (``file:line``) as a site, or in what it says of why and what to do."""
    sites = {f"{os.path.basename(site['file'])}:{site['line']}" for site in finding["sites"]}
    text = f"{finding['why']} {finding['fix']}"
    return any(wish in sites or re.search(rf"{re.escape(wish)}\b", text) for wish in wanted.split("|"))


def marked_lines(name: str) -> str:
    lines = enumerate((SAMPLES / name).read_text(encoding="utf-8").splitlines(), start=1)
    return "|".join(f"{os.path.basename(name)}:{number}" for number, line in lines if MARK in line)


@pytest.mark.parametrize(("name", "key"), sorted(truths(), key=lambda one: str(one)))
def test_a_sample_is_diagnosed_as_it_says(name: str, key: str) -> None:
    report = recorded(name).report
    assert tells(report, name, key), report["findings"]


def grouped(names: list[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]


@pytest.mark.parametrize("name", grouped([name for name, said in EXPECTED.items() if "clean" in said["verdict"]]))
def test_nothing_is_said_against_a_sample_that_does_not_leak(name: str) -> None:
    """That something is bounded, or late, may be said; a product may be suspected."""
    allowed = {"bounded", "info", *EXPECTED[name]["verdict"].split("|")}
    assert {finding["verdict"] for finding in recorded(name).report["findings"]} <= allowed


@pytest.mark.parametrize("name", grouped([name for name, expected in EXPECTED.items() if "holder" in expected]))
def test_nothing_else_is_blamed(name: str) -> None:
    """A finding may not know what holds the growth; where it says so, it must be right. ``also`` may be named too."""
    right = "|".join(EXPECTED[name][key] for key in ("holder", "also") if key in EXPECTED[name]).split("|")
    blamed = [finding for finding in recorded(name).report["findings"] if finding["verdict"] in ("leak", "suspect")]
    assert not [one["holder"] for one in blamed if one["holder"] and not is_held(one["holder"], right)]


@pytest.mark.xdist_group("delegation_leaky.py")
def test_the_reference_row_is_printed() -> None:
    said = recorded("delegation_leaky.py").said
    assert "AgentContext 200 created 20 surviving 5 passes 10.0 %" in said
    assert "AgentContext .parent_context -> AgentContext .subtasks" in said
    assert ".callbacks" in said
    assert "Make AgentContext.parent_context (delegation_leaky.py:52) a weak reference" in said
