"""A report as SARIF 2.1.0, for GitHub's code scanning and what else shows findings beside the code (OASIS, 2020).

Each finding is a result of the rule that it breaks, at its first line in the repository. Its fingerprint is the
finding's own, so that it stays the same alert while lines move.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from memdiag import __version__
from memdiag.analysis.rules import RULES, Rule
from memdiag.model import Finding, Holder, Report, Row, Site
from memdiag.report.findings import classification, growth_line, holder_line
from memdiag.report.json_report import portable
from memdiag.report.markdown import prose
from memdiag.report.repository import gone, important_first, own_path, sites_of
from memdiag.report.text import literal

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "SRCROOT"

Json = dict[str, Any]

_LEVELS = {"leak": "error", "suspect": "warning", "bounded": "note", "info": "note"}
_STATES = {"new": "new", "worse": "updated", "better": "updated", "same": "unchanged", "gone": "absent"}
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


def to_sarif(report: Report, root: str = "") -> str:
    """The report as one SARIF log of one run, in ASCII; ``root`` is the repository's, else where the program ran."""
    root = root or report.target.directory
    driver = {
        "name": "memdiag",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in RULES],
    }
    run: Json = {
        "tool": {"driver": driver},
        "automationDetails": {"id": _category(report)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [
            *(_result(finding, report, root) for finding in important_first(report)),
            *(_absent(row, report, root) for row in gone(report)),
        ],
        "properties": {"verdict": report.verdict, "headline": literal(report.headline), "gate": asdict(report.gate)},
    }
    if root.startswith("/"):
        run["originalUriBaseIds"] = {ROOT: {"uri": _absolute(root.rstrip("/") + "/")}}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(portable(log), indent=2, allow_nan=False) + "\n"


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": f"{rule.summary} {rule.why}"},
        "help": {"text": f"{rule.why} {rule.how}", "markdown": f"{rule.why}\n\n**What to do:** {prose(rule.how)}"},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["memory", "leak", *rule.patterns]},
    }


def _category(report: Report) -> str:
    """GitHub keeps the alerts of each category apart: one run must not close those of another program's."""
    words = " ".join(["memdiag", report.command, *report.target.argv[:2]])
    return literal(words).replace("/", ".") + "/"


def _invocation(report: Report) -> Json:
    """How the program ran, and what a reader of its results must know."""
    target = report.target
    status = target.exit_status
    invocation: Json = {
        "executionSuccessful": not status,
        "commandLine": literal(shlex.join(target.argv)),
        "toolExecutionNotifications": [{"level": "note", "message": {"text": _text(note)}} for note in report.notes],
    }
    if target.directory.startswith("/"):
        invocation["workingDirectory"] = {"uri": _absolute(target.directory.rstrip("/") + "/")}
    if report.verdict == "inconclusive":
        told = {"level": "warning", "message": {"text": _text(f"Inconclusive: {report.headline}")}}
        invocation["toolExecutionNotifications"].insert(0, told)
    if status is not None and status >= 0:
        invocation |= {"exitCode": status, "exitCodeDescription": "of the program that memdiag ran"}
    elif status is not None:
        invocation["exitSignalNumber"] = -status
    return invocation


def _result(finding: Finding, report: Report, root: str) -> Json:
    sites = sites_of(finding, report, root)
    numbers = {rule.id: number for number, rule in enumerate(RULES)}
    result: Json = {
        "ruleId": literal(finding.rule or finding.kind),
        "level": _LEVELS[finding.verdict],
        "message": _message(finding),
        "locations": [_location(site, report, root) for site in sites[:1]],
        "relatedLocations": [_location(site, report, root) | _also(at) for at, site in enumerate(sites[1:], start=1)],
        "partialFingerprints": {"memdiag/v1": finding.id},
        "properties": _properties(finding),
    }
    if finding.rule in numbers:
        result["ruleIndex"] = numbers[finding.rule]
    if state := _baseline_state(finding, report):
        result["baselineState"] = state
    if finding.ignored:
        result["suppressions"] = [{"kind": "external", "justification": _text(finding.ignored)}]
    if finding.holder:
        result["locations"] = [{**next(iter(result["locations"]), {}), "logicalLocations": [_logical(finding.holder)]}]
    return result


def _baseline_state(finding: Finding, report: Report) -> str:
    """Against the baseline, or the side before; empty where there is neither (SARIF 2.1.0, 3.27.24)."""
    if finding.known:
        return "unchanged"
    if finding.status is not None:
        return _STATES[finding.status]
    return "new" if report.baseline is not None else ""


def _absent(row: Row, report: Report, root: str) -> Json:
    """What is gone: a result that passes, and is closed by those who know nothing of a baseline (GitHub)."""
    was = Finding(row.id, "growth", "", "", "info", 0.0, f"Gone: {row.name}", row.evidence, "")
    return {
        "kind": "pass",
        "level": "none",
        "message": _message(was),
        "locations": [_location(site, report, root) for site in sites_of(was, report, root)[:1]],
        "relatedLocations": [],
        "partialFingerprints": {"memdiag/v1": row.id},
        "baselineState": "absent",
        "suppressions": [{"kind": "external", "status": "accepted", "justification": "it is gone"}],
    }


def _logical(holder: Holder) -> Json:
    path = literal(holder.path)
    return {"name": literal(holder.owner) or path, "fullyQualifiedName": path, "kind": "variable"}


def _message(finding: Finding) -> Json:
    lines = [
        (f"{finding.title}.", prose(finding.title)),
        (f"Held by {holder_line(finding.holder)}.", f"Held by {prose(holder_line(finding.holder))}.")
        if finding.holder
        else ("", ""),
        (finding.why, prose(finding.why)),
        (f"Fix: {finding.fix}" if finding.fix else "", f"**Fix:** {prose(finding.fix)}" if finding.fix else ""),
    ]
    text = "\n".join(_text(plain) for plain, _ in lines if plain)
    return {"text": text, "markdown": _unplaced("\n\n".join(rich for _, rich in lines if rich))}


def _text(text: str) -> str:
    """Plain text in which nothing is taken for a link or a placeholder (SARIF, 3.11.5 and 3.11.6)."""
    return _unplaced(literal(text).replace("](", "] ("))


def _unplaced(text: str) -> str:
    return _PLACEHOLDER.sub(r"{{\1}}", text)


def _location(site: Site, report: Report, root: str) -> Json:
    own = own_path(site.file, report.target.directory, root)
    artifact = {"uri": _quoted(own), "uriBaseId": ROOT} if own else {"uri": _absolute(site.file)}
    physical: Json = {"artifactLocation": artifact}
    if site.line > 0:
        physical["region"] = {"startLine": site.line}
        if site.source.strip():
            physical["region"]["snippet"] = {"text": literal(site.source.strip())}
    return {"physicalLocation": physical}


def _also(number: int) -> Json:
    return {"id": number, "message": {"text": "made here"}}


def _properties(finding: Finding) -> Json:
    """What the finding has beyond SARIF's own words; bytes are bytes, per second of the program's own time."""
    return {
        "kind": finding.kind,
        "pattern": finding.pattern,
        "verdict": finding.verdict,
        "confidence": finding.confidence,
        "classification": literal(classification(finding)),
        "retainedBytes": finding.retained_bytes,
        "growing": literal(growth_line(finding.growing)),
        "perSecond": finding.growing.per_second,
        "perOperation": finding.growing.per_operation,
    }


def _absolute(path: str) -> str:
    return "file://" + _quoted(path) if path.startswith("/") else _quoted(path)


def _quoted(path: str) -> str:
    """The path as part of a URI; bytes that are no UTF-8 (``surrogateescape``) as themselves."""
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte: no file has such a name
        raw = path.encode("utf-8", "backslashreplace")
    return quote(raw, safe="/")
