"""What is asked of a test: how often it is repeated, and what it may leave behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from memdiag.errors import UsageError
from memdiag.pytest_plugin.wishes import of_config
from memdiag.units import parse_rate

FEWEST_ROUNDS = 4
FEWEST_ITERATIONS = 12  # of fewer, too little would be left behind to be seen
_KNOWN = ("iterations", "rounds", "fail_on", "max_growth", "ignore", "cycles", "resources")


@dataclass(frozen=True)
class Terms:
    """``iterations`` are the judged repetitions of all rounds together; without, the tool chooses."""

    explicit: bool = True  # by a mark or in code; else by --memdiag=all
    iterations: int | None = None
    rounds: int = 6
    fail_on: str = "leak"
    max_growth: str = ""  # as it was written
    max_growth_bytes: int | None = None  # a repetition
    ignore: tuple[str, ...] = ()
    cycles: int | None = None  # objects that each repetition may leave to the collector
    resources: int | None = None  # descriptors, threads and processes that each repetition may leave open
    baseline: str = ""  # an absolute path
    rules: tuple[Mapping[str, Any], ...] = ()  # of the project's, see ``Wishes``
    budget_s: float = 3.0


def of_item(item: pytest.Item, *, every: bool) -> Terms | None:
    """What its mark and the configuration say; None where it is not to be judged. Raises UsageError."""
    mark = item.get_closest_marker("memdiag")
    if mark is None and not every:
        return None
    if mark is not None and mark.args:
        raise UsageError("the memdiag mark takes no positional arguments", "write memdiag(iterations=...)")
    return of_words(item.config, explicit=mark is not None, **(mark.kwargs if mark is not None else {}))


def of_words(config: pytest.Config, *, explicit: bool = True, **words: Any) -> Terms:
    """Terms from a mark's or a call's arguments, and the configuration. Raises UsageError with what may be written."""
    unknown = sorted(words.keys() - set(_KNOWN))
    if unknown:
        raise UsageError(f"memdiag takes no {unknown[0]}", f"it takes {', '.join(_KNOWN)}")
    wishes = of_config(config)
    growth = words.get("max_growth") or wishes.max_growth
    ignore = words.get("ignore") or ()
    terms = Terms(
        explicit=explicit,
        iterations=_count(words, "iterations", FEWEST_ITERATIONS),
        rounds=_count(words, "rounds", FEWEST_ROUNDS) or 6,
        fail_on=words.get("fail_on", "leak"),
        max_growth=str(growth or ""),
        max_growth_bytes=growth_limit(growth) if growth else None,
        ignore=(*_patterns(ignore), *wishes.ignore),
        cycles=_count(words, "cycles", 0),
        resources=_count(words, "resources", 0),
        baseline=wishes.baseline,
        rules=wishes.rules,
        budget_s=_seconds(wishes.budget),
    )
    if terms.fail_on not in ("leak", "suspect"):
        raise UsageError(f"fail_on={terms.fail_on!r:.40} is no verdict", "write fail_on='leak' or fail_on='suspect'")
    if terms.iterations is not None and terms.iterations < 2 * terms.rounds:
        raise UsageError(f"{terms.iterations} iterations do not make {terms.rounds} rounds", "give more iterations")
    return terms


def growth_limit(text: object) -> int:
    """Bytes a repetition, of ``2KB/op`` or ``2KB``. Raises UsageError."""
    if isinstance(text, int):
        return text
    try:
        return round(parse_rate(str(text)).bytes_per_operation or 0)
    except ValueError as error:
        raise UsageError(f"max_growth: {error}") from error


def _patterns(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _count(words: dict[str, Any], name: str, least: int) -> int | None:
    value = words.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        raise UsageError(f"{name}={value!r:.40} does not do", f"write a whole number from {least} on")
    return value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"a budget of {text!r:.40} is no time", "write seconds, such as 3")
    return seconds
