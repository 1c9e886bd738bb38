"""pytest-timeout's timer, where that plugin is used: it is for one run of a test, and begins anew for each repetition.

While the heap is looked at, none runs: it would end the test, or the whole session, for what is not the test's doing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


class Timer:
    """A plugin of its own, to hear with which settings a test's timer was started."""

    def __init__(self) -> None:
        self._heard: Any = None

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, settings: Any) -> None:
        self._heard = settings

    def of(self, item: pytest.Item) -> Running:
        """To be asked before the test runs: later, each run of its function may start one."""
        settings, self._heard = self._heard, None
        return Running(item, settings)


class Running:
    """The timer of one test; nothing where it has none."""

    def __init__(self, item: pytest.Item, settings: Any) -> None:
        self._item, self._settings = item, settings

    def stop(self) -> None:
        if self._settings is not None:
            self._item.ihook.pytest_timeout_cancel_timer(item=self._item)

    @contextmanager
    def again(self) -> Iterator[None]:
        if self._settings is not None:
            self._item.ihook.pytest_timeout_set_timer(item=self._item, settings=self._settings)
        try:
            yield
        finally:
            self.stop()
