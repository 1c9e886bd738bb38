"""Rules of the configuration that ignore findings: each with a reason, maybe until a day, and each one counted.

An ignored finding stays in the report, marked with the reason; the gate passes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from memdiag.gate.packages import of_finding
from memdiag.model import Finding, Ignored, Report, TargetInfo
from memdiag.units import counted

NAMES = ("id", "path", "package", "pattern", "rule", "kind")  # what a rule may name
_NAMED = 3  # of the rules that hid nothing


@dataclass(frozen=True)
class Rule:
    """A finding is ignored that fits all that is not empty.

    ``path`` is a pattern with * and ? over the holder's path (``__main__.desk.history``) or its owner's
    (``Desk.history``); ``expires`` is the last day on which the rule hides.
    """

    reason: str
    id: str = ""
    path: str = ""
    package: str = ""
    pattern: str = ""
    rule: str = ""
    kind: str = ""
    expires: date | None = None

    def __str__(self) -> str:
        """As it is written in the configuration."""
        return ", ".join(f'{name} = "{value}"' for name in NAMES if (value := getattr(self, name)))

    def fits(self, finding: Finding, target: TargetInfo) -> bool:
        for name in ("id", "pattern", "rule", "kind"):
            if getattr(self, name) not in ("", getattr(finding, name)):
                return False
        names = (finding.holder.path, finding.holder.owner) if finding.holder else ()
        if self.path and not any(matches(self.path, name) for name in names):
            return False
        return not self.package or of_finding(finding, self.package, target)

    def is_over(self, today: date) -> bool:
        return self.expires is not None and today > self.expires


def matches(pattern: str, path: str) -> bool:
    """``*`` is any text and ``?`` any letter; brackets are themselves, as paths have them: any path matches itself."""
    parts = {"*": ".*", "?": "."}
    return (
        re.fullmatch("".join(parts.get(letter) or re.escape(letter) for letter in pattern), path, re.DOTALL) is not None
    )


def hidden(report: Report, rules: Sequence[Rule], today: date) -> Report:
    """The report with what the rules ignore marked so, what each of them hid, and notes on those that hid nothing."""
    findings, used = list(report.findings), []
    for rule in rules:
        over = rule.is_over(today)
        fitting = [at for at, one in enumerate(findings) if not one.ignored and rule.fits(one, report.target)]
        for at in () if over else fitting:
            findings[at] = replace(findings[at], ignored=rule.reason)
        expires = rule.expires.isoformat() if rule.expires else ""
        used.append(Ignored(str(rule), rule.reason, 0 if over else len(fitting), expires, over))
    ignored, notes = (*report.ignored, *used), (*report.notes, *_notes(used))
    return replace(report, findings=tuple(findings), ignored=ignored, notes=notes)


def _notes(used: Sequence[Ignored]) -> list[str]:
    """What each rule hid, and which have expired; those that hid nothing are there for another run, or may go."""
    notes, idle = [], []
    for one in used:
        if one.expired:
            notes.append(
                f"the ignore rule {one.rule} ({one.reason}) expired on {one.expires}: it hides nothing any more"
            )
        elif one.hidden:
            until = f", until {one.expires}" if one.expires else ""
            notes.append(f"ignored: {counted(one.hidden, 'finding')} by {one.rule} ({one.reason}{until})")
        else:
            idle.append(one.rule)
    more = [f"{len(idle) - _NAMED} more"] if len(idle) > _NAMED else []
    return notes + ([f"nothing here was ignored by {'; '.join([*idle[:_NAMED], *more])}"] if idle else [])
