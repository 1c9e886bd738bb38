"""The language of the gate: a verdict, or a comparison of a named figure; it says when the gate fails.

    leak                            suspect, inconclusive
    survival_rate > 0               gc_effectiveness < 95%
    growth > 20MB                   growth(shop.cache) > 5%

The same words are understood by ``--fail-on`` and by ``fail-on`` in ``[tool.memdiag]``; ``--max-growth 20MB`` and its
like are shorter for a comparison each. What is written can be told wrong before anything is run: names that there are
not, values that make no sense, and comparisons that would fail on what is good.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

from memdiag.errors import UsageError
from memdiag.gate.figures import FIGURES, Figure, Unit
from memdiag.settings import nearest
from memdiag.units import Limit, is_rate, parse_count, parse_limit, parse_rate, parse_share, parse_size

Word = Literal["leak", "suspect", "inconclusive"]
WORDS: tuple[Word, ...] = ("leak", "suspect", "inconclusive")

# --max-growth 20MB is growth > 20MB: each the name of an option and of a key.
SHORTHANDS = {
    "max-growth": ("growth", ">"),
    "max-peak": ("peak", ">"),
    "max-survival-rate": ("survival_rate", ">"),
    "min-gc-effectiveness": ("gc_effectiveness", "<"),
    "max-passes-needed": ("passes_needed", ">"),
    "min-cleanup-effectiveness": ("cleanup_effectiveness", "<"),
    "max-growth-under-load": ("growth_under_load", ">"),
    "max-uncollectable": ("uncollectable", ">"),
}

_COMPARISON = re.compile(
    r"\s*(?P<figure>[^\s<>=()]+)\s*(?:\(\s*(?P<package>[^()]*?)\s*\))?\s*(?P<operator>[<>=!]+)\s*(?P<limit>.*?)\s*",
    re.DOTALL,
)
_PACKAGE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_PER = {"share": parse_share, "count": parse_count, "rate": parse_rate, "size or percent": parse_limit}


@dataclass(frozen=True)
class Place:
    """Where something was written: an option, or a key of a file."""

    name: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.name} in {self.file}" if self.file else self.name

    def quoting(self, text: str) -> str:
        """What was written there, as it looks there."""
        text = " ".join(text.split())
        if self.file:
            return f'{self.name} = "{text}" in {self.file}'
        shown = f"'{text}'" if re.search(r"[\s<>()]", text) else text
        return f"{self.name} {shown}".strip()


NOWHERE = Place("")


@dataclass(frozen=True)
class Comparison:
    """Fails where the figure, of one package if that is named, is beyond the limit. ``asked``: as the user wrote it."""

    figure: str
    operator: Literal[">", ">=", "<", "<="]
    limit: Limit
    package: str = ""
    asked: str = field(default="", compare=False)

    def __str__(self) -> str:
        package = f"({self.package})" if self.package else ""
        return f"{self.figure}{package} {self.operator} {self.limit.text}"

    @property
    def about(self) -> str:
        """What it is about; of two conditions about the same, the nearer one to the user holds."""
        return f"{self.figure}({self.package})"


@dataclass(frozen=True)
class Verdict:
    """Fails on a verdict; ``suspect`` includes ``leak``."""

    word: Word
    asked: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.word

    @property
    def about(self) -> str:
        return "inconclusive" if self.word == "inconclusive" else "verdict"


Condition = Comparison | Verdict


def parse(text: str, place: Place = NOWHERE) -> Condition:
    """A condition from its words. Raises UsageError, which names the place and says what may be written."""
    asked = place.quoting(text.strip())
    match = _COMPARISON.fullmatch(text)
    if match is None:
        word = text.strip().lower()
        if word not in WORDS:
            raise _unknown(text.strip(), place)
        return Verdict(word, asked)
    figure = _of_rate(_figure(match["figure"], place), match["limit"])
    operator = _operator(figure, match["operator"], match["limit"], place)
    package = _package(figure, match["package"], place)
    return Comparison(figure.name, operator, limit_of(figure, match["limit"], place, named=True), package, asked)


def shorthand(name: str, text: str, place: Place) -> Comparison:
    """``max-growth`` and ``20MB`` as ``growth > 20MB``; of ``2KB/op``, growth per operation. Raises UsageError."""
    known, operator = SHORTHANDS[name]
    figure = _of_rate(FIGURES[known], text)
    limit = limit_of(figure, text, place)
    return Comparison(figure.name, cast(Literal[">", "<"], operator), limit, asked=place.quoting(text.strip()))


def of_package(figure: str, package: str, text: str, place: Place) -> Comparison:
    """A budget: the figure of a package, and the most that it may be. Raises UsageError."""
    if not _PACKAGE.fullmatch(package):
        raise _error(place, f"{package!r:.60} is no package", "write its name with dots, such as shop.cache")
    return Comparison(figure, ">", limit_of(FIGURES[figure], text, place), package, place.quoting(text.strip()))


def exists_for(condition: Condition, command: str) -> bool:
    """Whether reports of the command can have the figure."""
    return isinstance(condition, Verdict) or FIGURES[condition.figure].exists_for(command)


def check_exists(condition: Condition, command: str) -> None:
    """Raises UsageError where reports of the command can never have the figure."""
    if isinstance(condition, Verdict) or exists_for(condition, command):
        return
    verbs = " or ".join(f"memdiag {one}" for one in FIGURES[condition.figure].commands)
    problem = f"{condition.asked}: memdiag {command} does not measure {condition.figure}"
    raise UsageError(problem, f"{verbs} {'do' if ' or ' in verbs else 'does'}")


def limit_of(figure: Figure, text: str, place: Place, *, named: bool = False) -> Limit:
    """The limit, in the figure's own unit; ``named``: the place names the figure as well. Raises UsageError."""
    try:
        return _parser(figure.unit)(text)
    except ValueError as error:
        value = _VALUES[figure.unit][figure.worse]
        example = f"{figure.name}{_SHOP[figure.package]} {figure.worse} {value}" if named else value
        raise _error(place, str(error), f"such as {place.quoting(example)}") from None


def _parser(unit: Unit) -> Callable[[str], Limit]:
    return _PER.get(unit, lambda text: Limit(text.strip(), size_bytes=parse_size(text)))


def _figure(name: str, place: Place) -> Figure:
    plain = name.lower().replace("-", "_")
    if plain in FIGURES:
        return FIGURES[plain]
    raise _unknown(name, place)


def _unknown(name: str, place: Place) -> UsageError:
    what = f"{name!r:.60} is neither a verdict nor a figure"
    shorter = {short.replace("-", "_"): figure for short, (figure, _) in SHORTHANDS.items()}
    plain = name.lower().replace("-", "_")
    meant = f"did you mean {shorter[plain]}?" if plain in shorter else nearest(plain, [*FIGURES, *WORDS])
    known = f"there are {', '.join(WORDS)}, and comparisons of {', '.join(FIGURES)}"
    return _error(place, what, meant or known)


def _error(place: Place, problem: str, next_step: str) -> UsageError:
    return UsageError(f"{place}: {problem}".removeprefix(": "), next_step)


def _of_rate(figure: Figure, limit: str) -> Figure:
    """Growth that is limited per operation is the figure of that name."""
    return FIGURES["growth_per_operation"] if figure.name == "growth" and is_rate(limit) else figure


def _operator(figure: Figure, operator: str, limit: str, place: Place) -> Literal[">", ">=", "<", "<="]:
    better = f"{figure.name} {figure.worse} {limit or _VALUES[figure.unit][figure.worse]}"
    if operator not in (">", ">=", "<", "<="):
        raise _error(place, f"figures are compared by > and <, not by {operator:.20}", f"write {better}")
    if operator[0] != figure.worse:
        good = "more" if figure.worse == "<" else "less"
        raise _error(place, f"a condition says when to fail, and {good} {figure.name} is better", f"write {better}")
    return cast(Literal[">", ">=", "<", "<="], operator)


def _package(figure: Figure, package: str | None, place: Place) -> str:
    if package is None:
        if figure.package == "must be":
            raise _error(place, f"{figure.name} is of a package", f"write {figure.name}(shop) > 20MB")
        return ""
    if figure.package == "never":
        problem = f"{figure.name} is of the whole program, not of {package!r:.60}"
        raise _error(place, problem, f"write {figure.name} without it")
    if not _PACKAGE.fullmatch(package):
        raise _error(place, f"{package!r:.60} is no package", f"write {figure.name}(shop.cache)")
    return package


_VALUES: dict[Unit, dict[str, str]] = {
    "share": {">": "5%", "<": "95%"},
    "count": {">": "2"},
    "size": {">": "20MB"},
    "size or percent": {">": "20MB"},
    "rate": {">": "2KB/op"},
}
_SHOP = {"never": "", "may be": "", "must be": "(shop)"}
