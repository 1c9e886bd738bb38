"""Runs a test again, by pytest's own hooks, with fresh fixtures of its own; nothing of it is reported.

Fixtures of wider scopes stay: a repetition is torn down to the test's parent. What pytest keeps of a test that ran
(captured output, properties, finalizers in wider fixtures, warnings) is taken back after each repetition: else it would
grow, by no fault of the test's.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import pytest

from memdiag.pytest_plugin.timer import Running

Phase = Literal["setup", "call", "teardown"]
_THROUGH = (KeyboardInterrupt, pytest.exit.Exception)


class Repeater:
    """To be made after the test has run and was torn down to its parent."""

    def __init__(self, item: pytest.Item, timer: Running) -> None:
        self._item: Any = item
        self._timer = timer
        self._sections = list(item._report_sections)
        self._properties = list(item.user_properties)
        self._wider: dict[int, tuple[list[Any], int]] = {}
        self._note(_wider_nodes(item))
        self._note(_wider_fixtures(item))

    def __call__(self) -> str:
        """One repetition: empty, or what went wrong and where."""
        with self._timer.again():
            problem = self._begin()
            ended = self._end(self._item.parent)
        return problem or ended

    def conclude(self, teardown: Callable[[], None]) -> None:
        """A last repetition whose teardown is the test's own, and reported by ``teardown`` as such."""
        with self._timer.again():
            self._begin()
            self._restore()
            try:
                teardown()
            finally:
                self._forget()

    def _begin(self) -> str:
        with _unheard_warnings():
            if hasattr(self._item, "_request") and not self._item._request:
                self._item._initrequest()
            return self._phase("setup") or self._phase("call")

    def _note(self, finalizers: list[Any]) -> None:
        """How many there are where each repetition registers that its fixtures end first."""
        for one in finalizers:
            if isinstance(one, list):
                self._wider.setdefault(id(one), (one, len(one)))

    def _end(self, parent: Any) -> str:
        self._note(_wider_fixtures(self._item))
        place = _own_directory(self._item)
        try:
            with _unheard_warnings():
                problem = self._phase("teardown", nextitem=parent)
        finally:
            self._forget()
            self._restore()
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)
        return problem

    def _phase(self, when: Phase, **more: Any) -> str:
        hooks = self._item.ihook
        hook = getattr(hooks, f"pytest_runtest_{when}")
        call = pytest.CallInfo.from_call(lambda: hook(item=self._item, **more), when=when, reraise=_THROUGH)
        report = hooks.pytest_runtest_makereport(item=self._item, call=call)
        if report.passed and call.excinfo is None:
            return ""
        where = "" if when == "call" else f" in its {when}"
        return f"{call.excinfo.typename if call.excinfo else report.outcome}{where}"

    def _forget(self) -> None:
        if hasattr(self._item, "_request"):
            self._item._request = False
            self._item.funcargs = None

    def _restore(self) -> None:
        self._item._report_sections[:] = self._sections
        self._item.user_properties[:] = self._properties
        for finalizers, kept in self._wider.values():
            del finalizers[kept:]


def _wider_nodes(item: Any) -> list[Any]:
    return [entry[0] for node, entry in item.session._setupstate.stack.items() if node is not item]


def _wider_fixtures(item: Any) -> list[Any]:
    """Also those that the test, or a fixture of its, has asked for by name as it ran."""
    declared = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).values()
    active = getattr(getattr(item, "_request", None), "_fixture_defs", {}).values()
    return [one._finalizers for one in (*chain.from_iterable(declared), *active) if one.scope != "function"]


def _own_directory(item: Any) -> Path | None:
    """The ``tmp_path`` of this repetition: a thousand of them are of use to nobody."""
    place = (getattr(item, "funcargs", None) or {}).get("tmp_path")
    return place if isinstance(place, Path) else None


@contextmanager
def _unheard_warnings() -> Iterator[None]:
    """Warnings of a repetition were heard when the test itself ran; the filters stay as they are."""
    with warnings.catch_warnings(record=True):
        yield
