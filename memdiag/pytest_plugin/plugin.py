"""What pytest loads: options, the mark, the fixture. All else is imported when one of them is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from memdiag.pytest_plugin.fixture import Memdiag

_MARK = (
    "memdiag(iterations=None, rounds=6, fail_on='leak', max_growth=None, ignore=(), cycles=None, resources=None):"
    " with --memdiag, repeat this test and fail it, with the finding, where something grows in every round"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("memdiag", "leaks (memdiag)")
    group.addoption(
        "--memdiag",
        action="store_const",
        const="marked",
        default="",
        dest="memdiag",
        help="repeat the tests marked with memdiag, and fail those that leak",
    )
    # An option of its own, so that what follows a bare --memdiag stays an argument of pytest's.
    group.addoption(
        "--memdiag=all", action="store_const", const="all", dest="memdiag", help="repeat all tests, marked or not"
    )
    group.addoption("--memdiag-json", metavar="FILE", help="write the findings of all judged tests as one JSON report")
    group.addoption("--memdiag-baseline", metavar="FILE", help="findings that are in it do not fail a test")
    parser.addini("memdiag_all", "whether --memdiag judges all tests (as --memdiag=all)", type="bool", default=None)
    parser.addini("memdiag_budget", "seconds of repetitions that a test may take (3)", default="")
    parser.addini("memdiag_max_growth", "growth that each repetition may leave behind, such as 2KB/op", default="")
    parser.addini("memdiag_ignore", "holders that are not reported, a pattern a line", type="linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARK)
    place = config.getoption("memdiag_json")
    if place and not config.getoption("memdiag"):
        raise pytest.UsageError("--memdiag-json reports what --memdiag judges: give that too")
    if place and not Path(place).absolute().parent.is_dir():
        raise pytest.UsageError(f"cannot write JSON to {place}: name a file in a directory that exists")
    if config.getoption("memdiag"):
        from memdiag.errors import MemdiagError
        from memdiag.pytest_plugin.judging import Judging
        from memdiag.pytest_plugin.summary import Summary

        try:
            judging = Judging(config)
        except MemdiagError as error:
            raise pytest.UsageError("; ".join(filter(None, (error.problem, error.next_step)))) from None
        config.pluginmanager.register(judging, "memdiag-judging")
        config.pluginmanager.register(Summary(config), "memdiag-summary")


@pytest.fixture
def memdiag(request: pytest.FixtureRequest) -> Memdiag:
    """Leaks asked for in a test itself, with or without --memdiag: rounds(), watch(), label(), current_bytes()."""
    from memdiag.pytest_plugin.fixture import Memdiag

    return Memdiag(request.node)
