"""``[tool.memdiag]`` of ``pyproject.toml``: what a project always wants of memdiag; the command line is stronger.

What is written wrong is an error that names the file and the key: a gate that silently does nothing is worse than none.
``[tool.memdiag.pytest]`` is read by the plugin.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memdiag import settings
from memdiag.capture.store import USUAL, Retention, retention
from memdiag.errors import UsageError

if TYPE_CHECKING:
    from memdiag.gate import Condition, Rule
    from memdiag.launch.target import Target

_KEYS = ("target", "fail-on", "baseline", "budgets", "ignore", "keep", "keep-days", "pytest")
_BUDGETS = ("growth", "retained")


@dataclass(frozen=True)
class Configuration:
    """What the project asks for; nothing where it asks for nothing."""

    target: Target | None = None
    conditions: tuple[Condition, ...] = ()
    budgets: tuple[Condition, ...] = ()
    baseline: Path | None = None
    ignore: tuple[Rule, ...] = ()
    retention: Retention = USUAL
    file: str = ""  # where it is written


def read(directory: Path | None = None) -> Configuration:
    """The configuration for this directory, the working directory where none is named. Raises UsageError."""
    from memdiag import gate

    found = settings.find((directory or Path.cwd()).absolute())
    if found is not None:
        path, table = found
        return _parsed(table, path, gate)
    return Configuration()


def _parsed(table: Mapping[str, Any], path: Path, gate: Any) -> Configuration:
    reader = _Reader(settings.shown(path), gate)
    settings.check_keys("", table, (*_KEYS, *gate.SHORTHANDS), reader.file)
    baseline = reader.text("baseline", table["baseline"]) if "baseline" in table else None
    return Configuration(
        target=_target(table["target"], path) if "target" in table else None,
        conditions=tuple(reader.conditions(table)),
        budgets=tuple(reader.budgets(table.get("budgets", {}))),
        baseline=None if baseline is None else Path(settings.shown(path.parent / baseline)),
        ignore=gate.rules_of(table.get("ignore", []), reader.file),
        retention=_retention(table, reader.file),
        file=reader.file,
    )


def _retention(table: Mapping[str, Any], file: str) -> Retention:
    try:
        return retention(table)
    except UsageError as error:
        raise UsageError(f"{file}: {error.problem}", error.next_step) from error


def _target(words: Any, path: Path) -> Target:
    """A script is named from where the file is."""
    from dataclasses import replace

    from memdiag.launch.target import from_words

    try:
        split = shlex.split(words) if isinstance(words, str) else words
    except ValueError:
        split = None  # an open quotation
    if not isinstance(split, list) or not split or not all(isinstance(word, str) for word in split):
        problem = f"target in {settings.shown(path)} is not a command: {words!r:.40}"
        raise UsageError(problem, 'write target = "script.py --option"')
    target = from_words(split)
    return replace(target, value=settings.shown(path.parent / target.value)) if target.kind == "script" else target


@dataclass(frozen=True)
class _Reader:
    """Reads the values of one file; whatever is wrong is a UsageError that names the file and the key."""

    file: str
    gate: Any  # the module, which is imported late

    def text(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, value, "a text")
        return value

    def limit(self, key: str, value: Any) -> str:
        """Numbers may be written as such: ``max-passes-needed = 2``."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise self.wrong(key, value, 'a text such as "20MB", or a number')
        return value if isinstance(value, str) else str(value)

    def wrong(self, key: str, value: Any, wanted: str) -> UsageError:
        return UsageError(f"{key} in {self.file} is not {wanted}: {value!r:.40}", f"mend {key} in [tool.memdiag]")

    def conditions(self, table: Mapping[str, Any]) -> Iterator[Condition]:
        asked = table.get("fail-on", [])
        texts = [asked] if isinstance(asked, str) else asked
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise self.wrong("fail-on", asked, "a condition or a list of them")
        for text in texts:
            yield self.gate.parse(text, self.gate.Place("fail-on", self.file))
        for name in self.gate.SHORTHANDS:
            if name in table:
                yield self.gate.shorthand(name, self.limit(name, table[name]), self.gate.Place(name, self.file))

    def budgets(self, table: Any) -> Iterator[Condition]:
        """``shop = "20MB"`` is what shop may hold; ``{growth = "5MB", retained = "30MB"}`` says more."""
        if not isinstance(table, dict):
            raise self.wrong("budgets", table, "a table")
        for package, budget in table.items():
            limits = budget if isinstance(budget, dict) else {"retained": budget}
            for name in set(limits) - set(_BUDGETS):
                problem = f"budgets.{package}.{name} in {self.file} is neither growth nor retained"
                meant = settings.nearest(name, _BUDGETS)
                raise UsageError(problem, meant or f'a package with a dot is written in quotes: "{package}.{name}"')
            for figure, limit in limits.items():
                key = f'budgets."{package}"' if "." in package else f"budgets.{package}"
                key += f".{figure}" if isinstance(budget, dict) else ""
                text = self.limit(key, limit)
                yield self.gate.of_package(figure, package, text, self.gate.Place(key, self.file))
