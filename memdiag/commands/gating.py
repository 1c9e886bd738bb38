"""What is asked of the gate, on the command line and in the configuration, and its answer to a report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from memdiag.commands import configuration
from memdiag.commands.configuration import Configuration
from memdiag.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from memdiag.capture.baseline import Baseline
    from memdiag.gate import Condition, Rule, Sides
    from memdiag.model import Report, TargetInfo

_OF_FINDINGS = {"verdict", "inconclusive", "findings()", "new_findings()"}  # what else a baseline is asked for


@dataclass(frozen=True)
class Asked:
    """Everything that reports are held against; of two conditions about the same figure, the typed one counts."""

    typed: tuple[Condition, ...] = ()
    configured: tuple[Condition, ...] = ()
    budgets: tuple[Condition, ...] = ()
    baseline: Baseline | None = None
    ignore: tuple[Rule, ...] = ()

    def check(self, command: str) -> None:
        """Raises UsageError where the command line asks for what reports of the command can never have."""
        from memdiag import gate

        for condition in self.typed:
            gate.check_exists(condition, command)
        if self.baseline is None and command != "diff":  # whose baseline is the side before
            _check_new(self.named(command))

    def named(self, command: str) -> tuple[Condition, ...]:
        """What the user asks of the command, but budgets; what the configuration asks of other commands is left out."""
        return (*self.typed, *self._unless_typed(self.configured, command))

    def packages(self, command: str) -> list[str]:
        """The packages that the command's reports are asked about."""
        from memdiag import gate

        return gate.packages_of([*self.named(command), *self._unless_typed(self.budgets, command)])

    def answered(self, report: Report, sides: Sides | None = None, *, defaults: bool = True) -> Report:
        """The report with what is hidden marked, and the gate's answer, by a verb's own limits where it leaves these.

        ``defaults``: unless it is a capture that is only shown again. ``sides``: of ``diff``, the reports on the runs
        before and after, where packages are asked about.
        """
        from memdiag import gate

        report = gate.hidden(report, self.ignore, date.today())
        if self.baseline is not None:
            report = gate.compared(report, self.baseline)
        named = self.named(report.command)
        budgets = self._unless_typed(self.budgets, report.command)
        defaults = defaults and self._leaves_default(report.command)
        if report.command == "diff" and defaults:
            report = gate.by_default(report)
        conditions = (*named, *self._implied(report.command, named, defaults), *budgets)
        packages = gate.packages_of(conditions)
        report = _with_unknown(gate.with_held(report, packages, sides), packages)
        return gate.answered(report, conditions)

    def _unless_typed(self, conditions: Sequence[Condition], command: str) -> list[Condition]:
        from memdiag import gate

        typed = {condition.about for condition in self.typed}
        return [one for one in conditions if one.about not in typed and gate.exists_for(one, command)]

    def _leaves_default(self, command: str) -> bool:
        """Whether a verb fails as it does by itself: what is typed replaces it, or configured of the same."""
        replaced = {"check": _OF_FINDINGS, "diff": {"growth()"}}.get(command, set())
        return not self.typed and not any(one.about in replaced for one in self.configured)

    def _implied(self, command: str, named: Sequence[Condition], defaults: bool) -> list[Condition]:
        """``check`` fails on a leak unless told otherwise; who gives a baseline wants to hear of what is not in it."""
        from memdiag import gate

        if command == "check":
            return [gate.parse("leak", gate.Place("--fail-on"))] if defaults else []
        if self.baseline is None or any(one.about in _OF_FINDINGS for one in named):
            return []
        new = replace(gate.parse("new_findings > 0"), asked=f"baseline {self.baseline.name}")
        return [new] if gate.exists_for(new, command) else []


def asked(fail_on: Sequence[str] | None, baseline: Path | None, limits: Mapping[str, str | None]) -> Asked:
    """What is asked on the command line (``limits`` by the names of shorthands) and in the configuration.

    Raises UsageError, or UnreadableInput for the baseline.
    """
    from memdiag import gate

    typed = [gate.parse(text, gate.Place("--fail-on")) for text in fail_on or ()]
    for name, text in limits.items():
        if text is not None:
            typed.append(gate.shorthand(name, text, gate.Place(f"--{name}")))
    settings = configuration.read()
    return Asked(
        typed=tuple(typed),
        configured=settings.conditions,
        budgets=settings.budgets,
        baseline=_baseline(baseline, settings),
        ignore=settings.ignore,
    )


def _baseline(typed: Path | None, settings: Configuration) -> Baseline | None:
    from memdiag.capture.baseline import read_baseline

    if typed is not None or settings.baseline is None:
        return None if typed is None else read_baseline(typed)
    try:
        return read_baseline(settings.baseline)
    except UnreadableInput as error:
        first = f"leave it out of {settings.file} for a first run, then {error.next_step}"
        next_step = error.next_step if settings.baseline.exists() else first
        raise UnreadableInput(f"baseline in {settings.file}: {error.problem}", next_step) from error


def _with_unknown(report: Report, packages: Sequence[str]) -> Report:
    """The report with a note on packages that hold nothing and are nowhere to be found: misspelt limits never fail."""
    holding = {one.package for one in report.held if one.after_bytes or one.before_bytes}
    unknown = [one for one in packages if one not in holding and not _is_here(one, report.target)]
    if not unknown:
        return report
    note = f"there is no {' and no '.join(unknown)} here, to which a limit is set: check the name"
    return replace(report, notes=(*report.notes, note))


def _is_here(package: str, target: TargetInfo) -> bool:
    """Whether there is a module of that name where the program finds its own, or where its interpreter has others."""
    home = Path(target.directory)
    script = (home / target.argv[0]).parent if target.argv else home
    installed = Path(target.executable).parent.parent.glob("lib/python*/site-packages")
    roots = (home, home / "src", script, *installed, *map(Path, sys.path))
    places = [root / package.replace(".", "/") for root in roots]
    return package == "__main__" or any(one.is_dir() or one.with_suffix(".py").is_file() for one in places)


def _check_new(conditions: Sequence[Condition]) -> None:
    for condition in conditions:
        if condition.about.startswith("new_findings("):
            problem = f"{condition.asked}: there is no baseline to tell what is new"
            raise UsageError(problem, "give --baseline FILE; memdiag baseline CAPTURE writes one")
