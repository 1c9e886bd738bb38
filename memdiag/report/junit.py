"""A report as JUnit XML: one testcase a finding and a limit that was asked for, for CI systems that show tests.

It keeps to the schema of Jenkins' xUnit plugin (``junit-10.xsd``), which GitLab, Azure and others read as well. Names
of testcases hold no figures, so that a test's history holds from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as xml

from memdiag.model import Breach, Finding, Report
from memdiag.report.findings import classification, growth_line, holder_line
from memdiag.report.repository import breached_at, gone, important_first, lines_of, passed_as
from memdiag.report.text import literal, place
from memdiag.units import format_bytes

_TYPES = {"error": "exit status"}
_WIDE = 1000  # characters of a path: as good as no limit


def to_junit(report: Report, root: str = "") -> str:
    """The report as one ``<testsuites>``, in ASCII. A leak and a breach fail; what is inconclusive, known
    or ignored is skipped. Of a comparison, what is no more than before has passed.

    A program that failed is an error: it never reads as a leak, nor as a test that passed.
    """
    cases = [*_cases(report, root or report.target.directory)]
    suite = xml.Element("testsuite", _attributes(report, cases))
    suite.append(_properties(report))
    suite.extend(cases)
    suites = xml.Element("testsuites")
    suites.append(suite)
    xml.indent(suites)
    text: bytes = xml.tostring(suites, "us-ascii", xml_declaration=True)
    return text.decode("ascii") + "\n"


def _attributes(report: Report, cases: Sequence[xml.Element]) -> dict[str, str]:
    counts = {name: str(sum(case.find(tag) is not None for case in cases)) for name, tag in _COUNTED}
    time = f"{max(report.target.duration_s, 0.0):.3f}"
    return {"name": f"memdiag {_plain(report.command)}", "tests": str(len(cases)), **counts, "time": time}


_COUNTED = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))


def _properties(report: Report) -> xml.Element:
    target = report.target
    facts = {
        "verdict": report.verdict,
        "headline": report.headline,
        "target": " ".join(target.argv),
        "python": target.python,
        "platform": target.platform,
        "tracer": report.tracer,
        "exit_status": "" if target.exit_status is None else str(target.exit_status),
        "awaiting_bytes": str(report.awaiting_bytes),
        "saved": report.saved,
        "before": report.before,
        "after": report.after,
    }
    properties = xml.Element("properties")
    for name, value in facts.items():
        if value:
            xml.SubElement(properties, "property", name=name, value=_plain(value))
    return properties


def _cases(report: Report, directory: str) -> Iterator[xml.Element]:
    """The findings and the breaches; the run itself where it failed, told too little, or nothing else is there."""
    if report.target.exit_status:
        yield _case(report, "the program", "error", f"exit status {report.target.exit_status}", [])
    if report.verdict == "inconclusive":
        yield _case(report, "verdict", "skipped", report.headline, report.notes)
    elif not report.findings and not report.gate.breaches:
        yield _case(report, "verdict", "failure" if report.verdict == "leak" else "", report.headline, report.notes)
    for finding in important_first(report):
        yield _of_finding(finding, report, directory)
    yield from _gone(report)
    for breach in report.gate.breaches:
        yield _of_breach(breach, report, directory)
    breached = {breach.limit for breach in report.gate.breaches}
    for condition in report.gate.conditions:
        if condition not in breached:
            yield _case(report, condition, "", "kept", [])


def _of_finding(finding: Finding, report: Report, directory: str) -> xml.Element:
    lines = [classification(finding)]
    if finding.holder:
        lines.append(f"held by: {holder_line(finding.holder)}")
    if growing := growth_line(finding.growing):
        lines.append(f"grows: {growing}")
    if finding.retained_bytes is not None:
        lines.append(f"retains: {format_bytes(finding.retained_bytes)}")
    for site in lines_of(finding):
        lines.append(f"at: {place(site.file, site.line, directory=directory, room=_WIDE)}")
    lines += [f"why: {finding.why}", f"fix: {finding.fix}"]
    name = finding.holder.path if finding.holder else finding.growing.type or finding.kind
    name = _name(finding.rule, name, finding.id)
    outcome, message = ("failure" if finding.verdict == "leak" and finding.is_worse else ""), finding.title
    if finding.status:
        message = f"{finding.status}: {message}"
    if passed := passed_as(finding):
        outcome, message = "skipped", f"{passed}: {finding.title}"
    return _case(report, name, outcome, message, lines)


def _gone(report: Report) -> Iterator[xml.Element]:
    """What was there before, or is in the baseline, and is no more: a test that passes, by the name that it had."""
    for row in gone(report):
        name = _name(row.rule, row.holder or row.type or "finding", row.id)
        yield _case(report, name, "", f"gone: {row.name}", [row.evidence])
    if report.baseline is not None:
        for known, title in report.baseline.gone:
            yield _case(report, f"known finding [{known}]", "", f"gone since {report.baseline.name}: {title}", [])


def _name(rule: str, what: str, finding: str) -> str:
    return f"{rule} {what} [{finding}]".lstrip()


def _of_breach(breach: Breach, report: Report, directory: str) -> xml.Element:
    site = breached_at(breach, report)
    where = place(site.file, site.line, directory=directory, room=_WIDE) if site else breach.where
    return _case(report, breach.limit, "failure", breach.measured, [where])


def _case(report: Report, name: str, outcome: str, message: str, lines: Sequence[str]) -> xml.Element:
    """A testcase that has its outcome, or one that passed and tells the same on its standard output."""
    name = f"{' '.join(report.target.argv[:2])}: {name}"
    case = xml.Element("testcase", classname=_plain(f"memdiag.{report.command}"), name=_plain(name))
    text = "\n".join(_plain(line) for line in lines if line)
    if outcome:
        body = xml.SubElement(case, outcome, message=_plain(message), type=_TYPES.get(outcome, report.verdict))
        body.text = text
    else:
        xml.SubElement(case, "system-out").text = f"{_plain(message)}\n{text}"
    return case


def _plain(text: str) -> str:
    """Without the characters that XML cannot hold in any form: they are escaped, as everywhere in a report."""
    return literal(text)
