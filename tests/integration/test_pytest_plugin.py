"""``pytest --memdiag`` in real sessions of its own: what it fails and with which words, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from memdiag.report import schema
from tests.integration.cli import Cli

pytest_plugins = "pytester"
QUIET = ("-p", "no:randomly", "-p", "no:cacheprovider")

SHOP = """
import os

answers = {}

class Quote:
    def __init__(self, number):
        self.number = number

class App:
    def __init__(self):
        self.log = []

    def handle(self, what):
        self.log.append({"what": what})

class Node:
    pass

def handle():
    quote = Quote(len(answers))
    answers[len(answers)] = quote
    return quote

def ring():
    one, other = Node(), Node()
    one.other, other.other = other, one
"""

TESTS = """
import os
import sys
import unittest
import pytest
import shop

seen = []
subtested = []
LEAST = pytest.mark.memdiag(iterations=12, rounds=4)

@pytest.fixture(scope="session")
def app():
    return shop.App()

@pytest.fixture
def fresh(app):
    yield shop.App()

@LEAST
def test_leaks(tmp_path, capsys):
    print("said")
    assert shop.handle().number >= 0

@LEAST
def test_fixture_leaks(app):
    app.handle("this")

@LEAST
def test_clean(fresh, caplog, record_property):
    fresh.handle("this")
    record_property("name", "value")

@pytest.mark.memdiag(iterations=12, rounds=4, ignore="shop.answers", max_growth="1MB/op")
def test_tolerated(app):
    shop.handle()
    app.handle("that")

@LEAST
def test_once():
    assert not seen
    seen.append(1)

@LEAST
def test_fails():
    shop.handle()
    raise ValueError("of its own")

@LEAST
def test_skips():
    pytest.skip("not here")

@LEAST
@pytest.mark.xfail(strict=True)
def test_expected_to_fail():
    shop.handle()
    raise ValueError

@pytest.mark.memdiag(cycles=0)
def test_cycles():
    shop.ring()

@pytest.mark.memdiag(resources=0)
def test_resources():
    os.dup(0)

def test_unmarked():
    shop.handle()

class TestCase(unittest.IsolatedAsyncioTestCase):
    @LEAST
    async def test_coroutine(self):
        shop.ring()

    @LEAST
    def test_subtests(self):
        with self.subTest(number=1):
            subtested.append(1)

@pytest.fixture
def late(app):
    return shop.App()

@LEAST
def test_fixture_by_name(request):
    request.getfixturevalue("late")

def test_subtests_are_reported_once():
    assert len(subtested) == 1 or pytest.version_tuple < (9,)

def test_no_numbers():
    assert "numpy" not in sys.modules
"""


def _session(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(shop=SHOP, test_shop=TESTS)
    return pytester.runpytest_subprocess(*QUIET, "-v", *arguments)


def _report(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator(schema()).validate(report)
    return report


def _outcomes(result: pytest.RunResult) -> dict[str, str]:
    """By name of the test; the progress lines of ``-v``."""
    found: dict[str, str] = {}
    for line in result.outlines:
        name, _, outcome = line.partition(" ")
        if "::" in name and outcome.split()[:1] and outcome.split()[0].isupper():
            found.setdefault(name.rpartition("::")[2], outcome.split()[0])
    return found


def test_marked_tests_fail_with_the_finding(pytester: pytest.Pytester) -> None:
    result = _session(pytester, "--memdiag", "--memdiag-json=report.json")
    failed = {name for name, outcome in _outcomes(result).items() if outcome == "FAILED"}
    leaking = {"test_leaks", "test_fixture_leaks"}
    assert failed == {*leaking, "test_fails", "test_cycles", "test_resources"}
    result.assert_outcomes(failed=5, passed=9, skipped=1, xfailed=1)
    text = " ".join(result.stdout.str().split())
    assert "LEAK shop.answers gains 1.00 Quote" in text
    assert "held by shop.answers (dict, shop.answers)" in text
    assert "shop.py:21 `answers[len(answers)] = quote`" in text
    assert "held by fixture app.log (list, App.log)" in text
    assert "it cannot be repeated in one process: repetition 1 ended with AssertionError" in text
    assert "CYCLES: 2 objects per repetition left to the collector: 2 shop.Node" in text
    assert "LEFT OPEN: left open by each repetition:" in text
    report = _report(pytester.path / "report.json")
    held = {one["test"].rpartition("::")[2]: one["holder"]["path"] for one in report["findings"] if one["holder"]}
    assert held == dict.fromkeys(("test_fixture_leaks", "test_tolerated"), "fixture app.log") | {
        "test_leaks": "shop.answers"
    }
    assert report["verdict"] == "leak"
    assert {one["where"].rpartition("::")[2] for one in report["gate"]["breaches"]} == failed - {"test_fails"}
    verdicts = {one["test"].rpartition("::")[2]: one["verdict"] for one in report["tests"]}
    assert verdicts["test_clean"] == verdicts["test_coroutine"] == "clean"
    assert verdicts["test_tolerated"] == "leak"
    assert verdicts["test_once"] == "inconclusive"
    assert "test_unmarked" not in verdicts
    repetitions = {one["test"].rpartition("::")[2]: one["repetitions"] for one in report["tests"]}
    assert repetitions["test_fixture_by_name"] == repetitions["test_clean"] < 12, "nothing was left: one round tells"


def test_without_the_option_nothing_is_repeated(pytester: pytest.Pytester) -> None:
    result = _session(pytester, "--strict-markers", "-W", "error", "--deselect", "test_shop.py::test_resources")
    result.assert_outcomes(failed=1, passed=12, skipped=1, xfailed=1, deselected=1)
    assert "memdiag judged" not in result.stdout.str()


RESTLESS = """
import gc
import sys
import types

class Restless:
    def __init__(self):
        self.itself = self

    def __del__(self):
        if sys.modules.pop("restless", None) is None:
            sys.modules["restless"] = types.ModuleType("restless")
        Restless()

sys.modules.update((f"one_of_many_{number}", sys) for number in range(3000))
gc.set_threshold(50)
Restless()
"""


def test_finalizers_may_load_and_unload_modules_meanwhile(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(RESTLESS)
    pytester.makepyfile("kept = []\ndef test_it(): kept.append(bytes(1000))\n")
    result = pytester.runpytest_subprocess(*QUIET, "-v", "--memdiag=all")
    result.assert_outcomes(passed=1)
    assert "could not judge" not in result.stdout.str()


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_the_time_for_one_run_is_not_that_for_all(pytester: pytest.Pytester, method: str) -> None:
    """A timer that goes on would end the test, or the whole session, while the heap is looked at."""
    pytest.importorskip("pytest_timeout")
    pytester.makepyfile("import time\nkept = []\ndef test_it():\n    time.sleep(0.02)\n    kept.append(bytes(1000))\n")
    arguments = ("--memdiag=all", "--timeout=1", f"--timeout-method={method}", "-o", "memdiag_budget=0.6")
    result = pytester.runpytest_subprocess(*QUIET, "-v", *arguments)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["CLEAN *, [1-9][0-9]* repetitions"])  # not the one that too slow a test gets


SUITE = """
import pytest
import shop

ran = []

def test_leaks():
    shop.handle()

@pytest.mark.parametrize("number", [1, 2])
def test_clean(number, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBER", str(number))

@pytest.fixture(scope="module")
def ended():
    yield
    print("module ended")
    raise RuntimeError("as it ended")

def test_last(ended):
    ran.append(0)
    del ran[:]
"""


def test_all_tests_are_judged_where_that_is_asked_by_several_workers(pytester: pytest.Pytester) -> None:
    # As large suites do, so that collections are quick: what it froze must still be seen.
    pytester.makeconftest("import gc\ndef pytest_collection_finish():\n    gc.collect()\n    gc.freeze()\n")
    pytester.makeini("[pytest]\nmemdiag_all = true\nmemdiag_budget = 60\n")
    pytester.makepyfile(shop=SHOP, test_suite=SUITE)
    result = pytester.runpytest_subprocess(*QUIET, "--memdiag", "--memdiag-json=report.json", "-n", "2")
    result.assert_outcomes(failed=1, passed=3, errors=1)
    report = _report(pytester.path / "report.json")
    assert {one["test"].rpartition("::")[2]: one["verdict"] for one in report["tests"]} == {
        "test_leaks": "leak",
        "test_clean[1]": "clean",
        "test_clean[2]": "clean",
        "test_last": "clean",
    }
    result.stdout.fnmatch_lines(
        ["*RuntimeError: as it ended*", "LEAK * test_suite.py::test_leaks: shop.answers gains*"]
    )


WITH_THE_FIXTURE = """
from collections import deque

class Window:
    def __init__(self):
        self.attempts = []

    def retry(self, number):
        self.attempts.append({"number": number, "message": "x" * 100})

class Bounded(Window):
    def __init__(self):
        self.attempts = deque(maxlen=100)

def test_bounded(memdiag):
    window = Bounded()
    for number in memdiag.rounds(1000):  # ten times the window
        window.retry(number)
    assert len(window.attempts) == 100

def test_unbounded(memdiag):
    window = Window()
    for number in memdiag.rounds(1000):
        window.retry(number)

def test_watched(memdiag):
    window = Window()
    with memdiag.watch(max_growth="20kB") as watched:
        window.retry(0)
        memdiag.label("one more")
        for number in range(500):
            window.retry(number)

def test_asserted(memdiag):
    before = memdiag.current_bytes()
    with memdiag.watch() as watched:
        kept = [bytearray(100_000)]
    assert abs(watched.growth_bytes - (memdiag.current_bytes() - before)) < 10_000
    assert 100_000 < watched.growth_bytes < 110_000

def test_wrong(memdiag):
    memdiag.rounds(5)
"""


def test_the_fixture_works_without_the_option(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WITH_THE_FIXTURE)
    result = pytester.runpytest_subprocess(*QUIET, "-v")
    assert _outcomes(result) == {
        "test_bounded": "PASSED",
        "test_unbounded": "FAILED",
        "test_watched": "FAILED",
        "test_asserted": "PASSED",
        "test_wrong": "FAILED",
    }
    text = " ".join(result.stdout.str().split())
    assert "LEAK Window.attempts gains 1.00 dict" in text
    assert "held by test_the_fixture_works_without_the_option.test_unbounded() local window.attempts" in text
    assert "more than max_growth=20kB one more" in text
    assert "iterations=5 does not do; write a whole number from 12 on" in text


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("rounds=2", "rounds=2 does not do; write a whole number from 4 on"),
        ("max_growth='5%'", "max_growth: '5%' is not a rate: write bytes for each operation, such as 2KB/op"),
        ("fail_on='any'", "is no verdict"),
        ("often=3", "memdiag takes no often; it takes iterations"),
    ],
)
def test_what_a_mark_says_wrongly_is_said_at_once(pytester: pytest.Pytester, mark: str, said: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.memdiag({mark})\ndef test_it(): pass\n")
    result = pytester.runpytest_inprocess(*QUIET, "--memdiag")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *test_it: *{said}*"])


# --- what the project wants ---------------------------------------------------------------------------------------

KNOWN = """
import pytest
import shop

def test_known():
    shop.handle()

def test_new():
    shop.kept.append(object())

def test_ignored():
    shop.noted.append(object())

def test_by_the_project():
    shop.written.append(object())

@pytest.mark.memdiag(cycles=0)
def test_cycles():
    shop.ring()
"""
BRIEF = """
def handle():
    quote = Quote(len(answers))
    answers[len(answers)] = quote

kept = []
noted = []
written = []
"""


def test_the_project_says_what_is_judged_ignored_and_known(pytester: pytest.Pytester) -> None:
    """The baseline is of ``memdiag check``: what holds the leak is the same."""
    pytester.makepyfile(shop=SHOP + BRIEF, test_shop=KNOWN)
    pytester.makepyprojecttoml(
        """
        [tool.memdiag]
        baseline = "known.json"
        [tool.memdiag.pytest]
        all = true
        budget = 1.5
        ignore = "shop.noted"
        [[tool.memdiag.ignore]]
        path = "shop.w*"
        reason = "written out every night"
        [[tool.memdiag.ignore]]
        kind = "cycle"
        package = "shop"
        reason = "rings are few"
        expires = 9999-12-31
        [[tool.memdiag.ignore]]
        path = "shop.kept"
        reason = "until it is mended"
        expires = "2020-01-01"
        """
    )
    cli = Cli(pytester.path)
    pytester.path.joinpath("known.json").write_text("damaged")
    refused = pytester.runpytest_inprocess(*QUIET, "--memdiag")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["ERROR: *baseline in pyproject.toml: *known.json is no baseline*"])
    cli.write("known.json", '{"format": "memdiag.baseline", "version": 1, "findings": []}')
    assert cli("check", "--iterations", "60", "-o", "run.memdiag", "shop:handle").status == 1
    assert cli("baseline", "run.memdiag", "-o", "known.json").status == 0

    result = pytester.runpytest_subprocess(*QUIET, "-v", "--memdiag", "--memdiag-json=report.json")
    outcomes = _outcomes(result)
    assert outcomes.pop("test_new") == "FAILED"
    assert outcomes == dict.fromkeys(("test_known", "test_ignored", "test_by_the_project", "test_cycles"), "PASSED")
    report = _report(pytester.path / "report.json")
    assert {one["holder"]["path"]: one["known"] for one in report["findings"] if one["verdict"] == "leak"} == {
        "shop.answers": True,
        "shop.kept": False,
        "shop.written": False,
    }
    assert {one["reason"]: (one["hidden"], one["expired"]) for one in report["ignored"]} == {
        "written out every night": (1, False),
        "rings are few": (1, False),
        "until it is mended": (0, True),
    }
    assert {one["ignored"] for one in report["findings"]} == {"", "written out every night", "rings are few"}
    result.stdout.fnmatch_lines(
        [
            'ignored: 1 finding by path = "shop.w*" (written out every night)',
            'ignored: 1 finding by package = "shop", kind = "cycle" (rings are few, until 9999-12-31)',
            'the ignore rule path = "shop.kept" (until it is mended) expired on 2020-01-01: it hides nothing any more',
            "ignored: 1 holder by patterns of marks and of pytest's settings",
        ]
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            "max_growth = '2KB/op'",
            "no key 'max_growth' in [[]tool.memdiag.pytest] of pyproject.toml; did you mean max-",
        ),
        ("all = 'yes'", "all in [[]tool.memdiag.pytest] of pyproject.toml is not true or false"),
        ("budget = 'long'", "budget in [[]tool.memdiag.pytest] of pyproject.toml is not seconds"),
        ("[[tool.memdiag.ignore]]\npath = 'shop'", "ignore 1 in pyproject.toml has no reason; write reason ="),
        ("ignore = [1]", "ignore in [[]tool.memdiag.pytest] of pyproject.toml is not a list of patterns"),
    ],
)
def test_what_the_project_says_wrongly_is_said_at_once(pytester: pytest.Pytester, settings: str, said: str) -> None:
    pytester.makepyprojecttoml(f"[tool.memdiag.pytest]\n{settings}\n")  # or of a table that it opens itself
    pytester.makepyfile("def test_it(): pass\n")
    result = pytester.runpytest_inprocess(*QUIET, "--memdiag")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{said}*"])


def test_pytests_own_setting_is_stronger(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.memdiag.pytest]\nall = true\nbudget = 1\n")
    pytester.makeini("[pytest]\nmemdiag_all = false\n")
    pytester.makepyfile("def test_it(): pass\n")
    result = pytester.runpytest_inprocess(*QUIET, "--memdiag")
    result.stdout.fnmatch_lines(["0 tests judged:*"])
