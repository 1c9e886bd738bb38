"""A test's report that fails with a finding: what leaks, who holds it, which line, what to do."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntryNative, ReprFileLocation, ReprTraceback

from memdiag.pytest_plugin.judged import Judged
from memdiag.units import counted, format_bytes, format_count

_WIDTH = 78
_SITES = 3
_LABEL = 9
_LABELS = {"cycle": "CYCLES", "resource": "LEFT OPEN"}  # else the verdict


def attach(report: pytest.TestReport, judged: Judged, item: pytest.Item) -> None:
    """Say in the test's report what came of judging it; where it leaks, the report fails."""
    report.memdiag = {  # type: ignore[attr-defined]
        "verdict": judged.verdict,
        "words": judged.words,
        "repetitions": judged.repetitions,
        "report": judged.report,
    }
    if judged.failed:
        report.outcome = "failed"
        report.longrepr = _shown(judged, item)


def _shown(judged: Judged, item: pytest.Item) -> ExceptionChainRepr:
    file, line, _ = item.location
    place = ReprFileLocation(file, (line or 0) + 1, headline(judged.failed))
    entry = ReprEntryNative([text(judged.failed) + "\n"])
    return ExceptionChainRepr([(ReprTraceback([entry], None, style="native"), place, None)])


def headline(findings: Sequence[Mapping[str, Any]]) -> str:
    more = f" (and {counted(len(findings) - 1, 'more finding')})" if len(findings) > 1 else ""
    return f"{label(findings[0])}: {title(findings[0])}{more}"


def label(finding: Mapping[str, Any]) -> str:
    return _LABELS.get(finding["kind"], str(finding["verdict"]).upper())


def title(finding: Mapping[str, Any]) -> str:
    """As ``check`` has it, where a call is a repetition of the test."""
    return str(finding["title"]).replace(" per call", " per repetition")


def text(findings: Sequence[Mapping[str, Any]]) -> str:
    """All of them, in full."""
    return "\n\n".join("\n".join(described(finding)) for finding in findings)


def described(finding: Mapping[str, Any]) -> list[str]:
    """One finding as lines, in the order of the terminal report."""
    head = label(finding)
    lines = _wrapped(f"{head}  {title(finding)}", "", " " * (len(head) + 2))
    holder, growing = finding["holder"], finding["growing"]
    if holder:
        facts = ", ".join(fact for fact in (holder["type"], holder["owner"]) if fact)
        lines += _labelled("held by", f"{holder['path']} ({facts})" if facts else holder["path"])
    counts, sizes = growing["counts"], growing["bytes"]
    if len(counts) > 1:
        lines += _labelled("grows", f"{growing['type']} from {format_count(counts[0])} to {format_count(counts[-1])}")
    elif len(sizes) > 1:
        lines += _labelled("grows", f"{growing['type']} from {format_bytes(sizes[0])} to {format_bytes(sizes[-1])}")
    here = os.getcwd() + os.sep
    for site in finding["sites"][:_SITES]:
        lines += _labelled(
            "at",
            f"{site['file'].removeprefix(here)}:{site['line']}" + (f" in {site['function']}" * bool(site["function"])),
        )
        if site["source"].strip():
            lines.append(f"{' ' * (_LABEL + 3)}| {site['source'].strip()}"[:_WIDTH])
    lines += _labelled("why", finding["why"].replace(" calls", " repetitions"))
    return lines + _labelled("fix", finding["fix"])


def _labelled(label: str, words: str) -> list[str]:
    return _wrapped(words, f"   {label:<{_LABEL}}", " " * (_LABEL + 3))


def _wrapped(words: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        words, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
