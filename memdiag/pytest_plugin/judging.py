"""Judges tests: runs each as pytest would, then again in rounds, and fails it where something grew in every one.

A test that fails, is skipped or is expected to fail is none to repeat. One that passes once and fails when repeated
in the same process says something of itself, not of a leak: that is reported, and it stays passed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import call_and_report, show_test_item

from memdiag.errors import CannotDo, MemdiagError
from memdiag.pytest_plugin import failure
from memdiag.pytest_plugin.heaps import Heaps
from memdiag.pytest_plugin.judged import Judged
from memdiag.pytest_plugin.repeat import Repeater
from memdiag.pytest_plugin.rounds import Rounds
from memdiag.pytest_plugin.terms import Terms, of_item
from memdiag.pytest_plugin.timer import Timer
from memdiag.pytest_plugin.wishes import of_config

_SUBTESTS = "it reports subtests of its own, which repetitions would report again"
_HEAPS = pytest.StashKey[Heaps]()


def heaps_of(config: pytest.Config) -> Heaps:
    """The one of this process, made when it is first needed. Raises CannotDo."""
    if _HEAPS not in config.stash:
        config.stash[_HEAPS] = Heaps()
        config.add_cleanup(config.stash[_HEAPS].close)
    return config.stash[_HEAPS]


class Judging:
    """The plugin that is there with ``--memdiag``."""

    def __init__(self, config: pytest.Config) -> None:
        self._every = config.getoption("memdiag") == "all" or of_config(config).every
        self._timer = Timer()
        config.pluginmanager.register(self._timer, "memdiag-timer")
        self._reporting: str | None = None  # the test under way, until one of its calls has reported by itself
        self._reports_itself = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What a mark says wrongly is said before anything runs."""
        for item in items:
            try:
                of_item(item, every=self._every)
            except MemdiagError as error:
                words = "; ".join(filter(None, (error.problem, error.next_step)))
                raise pytest.UsageError(f"{item.nodeid}: {words}") from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid == self._reporting:
            self._reports_itself = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        terms = of_item(item, every=self._every) if isinstance(item, pytest.Function) else None
        if terms is None or item.config.getoption("setuponly", False) or "memdiag" in getattr(item, "fixturenames", ()):
            return None
        hooks = item.ihook
        hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._run(item, nextitem, terms)
        hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _run(self, item: Any, nextitem: pytest.Item | None, terms: Terms) -> None:
        """As pytest's own protocol goes; if it is repeated, the last repetition ends as the test would have."""
        timer = self._timer.of(item)
        if not item._request:
            item._initrequest()
        try:
            report = self._first_time(item)
            if report is None or not self._can_be_repeated(item, report):
                self._report(item, report)
                call_and_report(item, "teardown", nextitem=_next(item, nextitem))
                return
            ended = call_and_report(item, "teardown", log=False, nextitem=item.parent)
        finally:
            item._request, item.funcargs = False, None
        timer.stop()
        repeater = Repeater(item, timer)
        judged = self._judged(item, terms, repeater) if ended.passed else Judged("inconclusive", "its teardown failed")
        failure.attach(report, judged, item)
        self._report(item, report)
        repeater.conclude(lambda: _end(item, nextitem, ended))

    def _first_time(self, item: Any) -> pytest.TestReport | None:
        """The report of its call; None where its setup did not pass, which is reported by then."""
        if not call_and_report(item, "setup").passed:
            return None
        if item.config.getoption("setupshow", False):
            show_test_item(item, add_space=True)
        self._reporting, self._reports_itself = item.nodeid, False
        try:
            return call_and_report(item, "call", log=False)
        finally:
            self._reporting = None

    def _can_be_repeated(self, item: pytest.Item, report: pytest.TestReport) -> bool:
        if not report.passed or hasattr(report, "wasxfail"):
            return False
        if self._reports_itself:
            failure.attach(report, Judged("inconclusive", _SUBTESTS), item)
        return not self._reports_itself

    def _report(self, item: pytest.Item, report: pytest.TestReport | None) -> None:
        if report is not None:
            item.ihook.pytest_runtest_logreport(report=report)

    def _judged(self, item: pytest.Item, terms: Terms, repeater: Repeater) -> Judged:
        if item.session.shouldfail or item.session.shouldstop:
            return Judged("inconclusive", "the session stops")
        try:
            return Rounds(repeater, terms, lambda: heaps_of(item.config), told_of(item)).judged()
        except CannotDo as error:
            return Judged("inconclusive", error.problem)
        except Exception as error:  # the session is the user's: it goes on
            return Judged("inconclusive", f"memdiag could not judge it: {type(error).__name__}: {error}")


def _next(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.Item | None:
    """All is torn down where the session is about to stop."""
    return None if item.session.shouldfail or item.session.shouldstop else nextitem


def _end(item: pytest.Item, nextitem: pytest.Item | None, ended: pytest.TestReport) -> None:
    report = call_and_report(item, "teardown", log=False, nextitem=_next(item, nextitem))
    item.ihook.pytest_runtest_logreport(report=ended if ended.failed else report)


def told_of(item: pytest.Item) -> dict[str, Any]:
    """What the judge must know of a test to word what it finds."""
    module = getattr(getattr(item, "module", None), "__name__", "")
    names = [part for part in item.nodeid.partition("::")[2].partition("[")[0].split("::") if part.isidentifier()]
    call = f"{names[0]}().{'.'.join(names[1:])}()\n" if len(names) > 1 else f"{''.join(names)}()\n"
    return {
        "name": item.nodeid,
        "entries": {module: call} if module and names else {},
        "test_modules": sorted(_test_modules(item)),
        "fixtures": _fixtures(item),
        "place": str(Path.cwd()),
    }


def _fixtures(item: Any) -> dict[str, str]:
    """The test's fixtures whose values are there, by the values' types; not where two are of one type."""
    found: dict[str, str] = {}
    for name, definitions in getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).items():
        for cached in filter(None, (getattr(one, "cached_result", None) for one in definitions)):
            kind = type(cached[0]).__qualname__
            found[kind] = "" if kind in found else name
    return {kind: name for kind, name in found.items() if name}


def _test_modules(item: pytest.Item) -> set[str]:
    """Names of the modules that tests and their fixtures are written in."""
    files = {str(one.path) for one in item.session.items} | {_conftest(one) for one in _plugins(item.config)}
    found = sys.modules.copy().items()  # a list of them is filled while finalizers may run, and unload modules
    return {name for name, module in found if getattr(module, "__file__", None) in files}


def _plugins(config: pytest.Config) -> list[Any]:
    return list(config.pluginmanager.get_plugins())


def _conftest(plugin: Any) -> str:
    file = getattr(plugin, "__file__", None) or ""
    return file if isinstance(file, str) and file.endswith("conftest.py") else ""
