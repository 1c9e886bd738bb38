"""What the samples say of their reference cycles: counted without memdiag, then asked of ``memdiag cycles``."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli import Cli, Report, Result, survival_of
from tests.integration.programs import SAMPLES, cycle_expectations, run

EXPECTED = {str(path.relative_to(SAMPLES)): cycle_expectations(path) for path in sorted(SAMPLES.rglob("*.py"))}
EXPECTED = {name: expected for name, expected in EXPECTED.items() if expected}

# Runs a sample with the collector held back, its own calls of it included, so that all that is made in a cycle is still
# there when main prints; then collects six times. Prints how many live of each of its own types before, and after each
# pass, and how many full collections it asked for.
COUNT = """
import builtins, collections, gc, json, runpy, sys

def living():
    return collections.Counter(type(item).__name__ for item in gc.get_objects() if type(item).__module__ == "__main__")

def look(*words, say=print):
    if sys._getframe(1).f_code.co_name == "main":
        found = [living()]
        for _ in range(6):
            collect()
            found.append(living())
        say(json.dumps([asked, *found]))

def ask(generation=2):
    global asked
    asked += generation == 2
    return 0

asked, collect = 0, gc.collect
builtins.print, gc.collect, gc.enable = look, ask, lambda: None
gc.disable()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Passes:
    """Living objects of a sample's own types before the first pass and after each; full collections it asks for."""

    asked: int
    living: tuple[dict[str, int], ...]

    @property
    def needed(self) -> int:
        """The number of the last pass that changed anything."""
        return max((number for number in range(1, len(self.living)) if self.changed(number)), default=0)

    def changed(self, number: int) -> bool:
        return self.living[number] != self.living[number - 1]


@pytest.fixture(scope="module", autouse=True)
def _forget() -> Iterator[None]:
    yield
    counted.cache_clear()
    recorded.cache_clear()


@functools.cache
def counted(name: str) -> Passes:
    with tempfile.TemporaryDirectory() as place:
        script = [str(SAMPLES / name), EXPECTED[name]["iterations"]]
        done = run([sys.executable, "-c", COUNT, *script], Path(place))
    assert done.status == 0, done.stderr
    asked, *living = json.loads(done.stdout)
    return Passes(asked, tuple(living))


@pytest.mark.parametrize("name", EXPECTED)
def test_the_cycles_of_a_sample_are_counted_to_the_digit(name: str) -> None:
    """Objects of the type that are in no cycle are freed at once, and never counted."""
    expected, (before, *_, after) = EXPECTED[name], counted(name).living
    assert before.get(expected["type"], 0) == int(expected["created"])
    assert after.get(expected["type"], 0) == int(expected["surviving"])
    assert counted(name).needed == int(expected.get("passes", counted(name).needed))


def test_the_costly_search_collects_after_each_request_and_the_tuned_one_never() -> None:
    assert counted("catalog_search_costly.py").asked == 40
    assert counted("catalog_search_tuned.py").asked == 0


@functools.cache
def recorded(name: str) -> Result:
    """What memdiag says of a sample's cycles; where the machine is busy, it may take another run to tell."""
    for _ in range(4):
        with tempfile.TemporaryDirectory() as place:
            script = os.path.basename(shutil.copy(SAMPLES / name, place))
            ran = Cli(Path(place)).reported("cycles", script, EXPECTED[name]["iterations"])
        assert ran.status == 0, ran.stderr
        if ran.report["verdict"] in EXPECTED[name]["verdict"].split("|"):
            break
    return ran


def truths() -> Iterator[object]:
    for name, expected in EXPECTED.items():
        for key in sorted(expected.keys() - {"iterations", "type", "passes"} | {"nothing else"}):
            identity = f"{name.removesuffix('.py')}-{key.replace(' ', '-')}"
            yield pytest.param(name, key, id=identity, marks=pytest.mark.xdist_group(f"cycles of {name}"))
        if expected.get("passes", "0") != "0" and expected["surviving"] == "0":
            group = pytest.mark.xdist_group(f"cycles of {name}")
            yield pytest.param(name, "passes", id=f"{name.removesuffix('.py')}-passes", marks=group)


@pytest.mark.parametrize(("name", "key"), list(truths()))
def test_the_cycles_of_a_sample_are_diagnosed_as_it_says(name: str, key: str) -> None:
    assert SAYS[key](recorded(name).report, EXPECTED[name]), recorded(name).stderr


def clusters(report: Report, kind: str) -> list[dict[str, Any]]:
    """The clusters with the type in their shape; all, where a shorter way round leads past it."""
    found: list[dict[str, Any]] = report["survival"]["clusters"]
    return [one for one in found if kind in one["shape"]] or found


def any_of(report: Report, expected: dict[str, str], key: str) -> bool:
    """Whether any cluster of the type has one of the wanted values for this key."""
    return any(one.get(key) in expected[key].split("|") for one in clusters(report, expected["type"]))


def says_state(report: Report, expected: dict[str, str]) -> bool:
    """Of any cluster: what a finalizer of the type makes may be slow, where the objects of the type only wait."""
    return any(one["state"] in expected["state"].split("|") for one in report["survival"]["clusters"])


def says_shape(report: Report, expected: dict[str, str]) -> bool:
    """As part of the line, wherever the circle is cut open."""
    lines = [one["path"].removesuffix(" -> (back)") for one in clusters(report, expected["type"])]
    return any(expected["shape"] in f"{line} -> {line}" for line in lines)


def says_holder(report: Report, expected: dict[str, str]) -> bool:
    """By the attribute of a class, or by the way to it: ``Pool.idle``, or ``main() local pool.idle``."""
    held = [re.sub(r"\[[^]]*\]", "", one["holder"]).lower() for one in clusters(report, expected["type"])]
    return any(wish.lower() in holder for wish in expected["holder"].split("|") for holder in held)


def says_cut(report: Report, expected: dict[str, str]) -> bool:
    """By what is recommended, and nothing else is."""
    cuts = [cut for one in clusters(report, expected["type"]) for cut in one["cuts"] if cut["recommended"]]
    return bool(cuts) and all(any(wish in cut["reference"] for wish in expected["cut"].split("|")) for cut in cuts)


def says_fix(report: Report, expected: dict[str, str]) -> bool:
    return any(expected["fix"] in finding["fix"] for finding in report["findings"])


def says_what_the_collector_costs(report: Report, expected: dict[str, str]) -> bool:
    share: float = report["survival"]["collector"]["share"]
    return share > 0.5 if expected["collector"] == "costly" else share < 0.3


def says_nothing_else(report: Report, expected: dict[str, str]) -> bool:
    """A clean sample has no suspect; what a leaky one has is of the type, or of a cycle with it."""
    suspected = [finding for finding in report["findings"] if finding["verdict"] in ("leak", "suspect")]
    shapes = [finding["cycle"]["shape"] if finding["cycle"] else () for finding in suspected]
    return all(expected["type"] in shape for shape in shapes) if "leak" in expected["verdict"] else not suspected


SAYS: dict[str, Callable[[Report, dict[str, str]], bool]] = {
    "verdict": lambda report, expected: report["verdict"] in expected["verdict"].split("|"),
    "state": says_state,
    "pattern": functools.partial(any_of, key="pattern"),
    "finalizer": functools.partial(any_of, key="finalizer"),
    "created": lambda report, expected: survival_of(report, expected["type"])[0] == int(expected["created"]),
    "surviving": lambda report, expected: survival_of(report, expected["type"])[1] == int(expected["surviving"]),
    "passes": lambda report, expected: report["survival"]["passes_needed"] == int(expected["passes"]),
    "shape": says_shape,
    "holder": says_holder,
    "cut": says_cut,
    "fix": says_fix,
    "collector": says_what_the_collector_costs,
    "nothing else": says_nothing_else,
}
