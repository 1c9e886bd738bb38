"""A report as workflow commands of GitHub Actions: an annotation beside each line that leaks.

``::error file=shop.py,line=11,title=LEAK::what it is%0Awhy%0Awhat to do``, as GitHub's documentation of workflow
commands has it. GitHub shows ten annotations of each level and step, so the most important come first.
"""

from __future__ import annotations

from collections.abc import Iterator

from memdiag.analysis.rules import rule_line
from memdiag.model import Breach, Finding, Report
from memdiag.report.findings import holder_line
from memdiag.report.repository import breached_at, important_first, own_path, sites_of, verdict_word
from memdiag.report.text import cut, literal

_LEVELS = {"leak": "error", "suspect": "warning", "bounded": "notice", "info": "notice"}
_ORDER = ("error", "warning", "notice")
_TITLE = 120  # characters


def to_github(report: Report, root: str = "") -> str:
    """One command a line, in order of importance; empty where there is nothing to say.

    It begins with a line break, since a command that does not begin a line is none, and a program that wrote before
    need not have ended its last.
    """
    commands = sorted(_commands(report, root), key=lambda command: _ORDER.index(command[2:].split(" ")[0]))
    return "".join(f"\n{command}" for command in commands) + "\n" if commands else ""


def _commands(report: Report, root: str) -> Iterator[str]:
    for finding in important_first(report):
        if finding.is_new and finding.is_worse:
            yield _of_finding(finding, report, root)
    errors = [one for one in report.findings if _LEVELS[one.verdict] == "error"]
    shown = {one.title for one in errors if one.is_new and one.is_worse}
    for breach in report.gate.breaches:
        if breach.where not in shown:  # else its line has an error already
            yield _of_breach(breach, report, root)
    if report.verdict == "inconclusive":
        yield _command("warning", {"title": "INCONCLUSIVE"}, [report.headline])


def _of_finding(finding: Finding, report: Report, root: str) -> str:
    lines = [
        finding.title,
        f"held by {holder_line(finding.holder)}" if finding.holder else "",
        f"why: {finding.why}" if finding.why else "",
        f"fix: {finding.fix}" if finding.fix else "",
    ]
    sites = sites_of(finding, report, root)[:1]
    where = _where(sites[0].file, sites[0].line, report, root) if sites else {}
    title = f"{verdict_word(finding)} {rule_line(finding.rule)}".rstrip()
    return _command(_LEVELS[finding.verdict], {**where, "title": cut(title, _TITLE)}, lines)


def _of_breach(breach: Breach, report: Report, root: str) -> str:
    """Growth is annotated where it was largest, if that is a line."""
    site = breached_at(breach, report)
    where = _where(site.file, site.line, report, root) if site else {}
    return _command(
        "error", {**where, "title": cut(f"breached {breach.limit}", _TITLE)}, [breach.measured, breach.where]
    )


def _where(file: str, line: int, report: Report, root: str) -> dict[str, str]:
    path = own_path(file, report.target.directory, root)
    if not path:
        return {}
    return {"file": path, "line": str(line)} if line > 0 else {"file": path}


def _command(level: str, properties: dict[str, str], lines: list[str]) -> str:
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {given}::{_data(lines)}"


def _data(lines: list[str]) -> str:
    """GitHub ends a command at the line's end: a message of several lines has its breaks escaped."""
    return "%0A".join(literal(line).replace("%", "%25") for line in lines if line)


def _property(value: str) -> str:
    return literal(value).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
