"""Findings, one after the other: what it is, what holds it, where it is made, why memdiag thinks so, what to change."""

from __future__ import annotations

from collections.abc import Sequence

from memdiag.analysis.rules import rule_line
from memdiag.model import Finding, Growing, Holder, Report, Site
from memdiag.report.page import Page, Part
from memdiag.report.text import cycle_line, place
from memdiag.units import counted, format_bytes, format_count, format_rate

_STYLES = {"leak": "bold red", "suspect": "bold yellow", "bounded": "bold green", "info": "bold"}
_INDENT = "   "
_LABEL = 9  # characters of a label, and the blanks after it
_SITES = 3  # sites shown of one finding


def write_findings(page: Page, report: Report, limit: int, *, draw_cycles: bool = True) -> None:
    """The first ``limit`` findings; ``draw_cycles`` is for pages that have not drawn the cycles already."""
    shown = [finding for finding in report.findings if finding.is_new]
    if shown:
        page.heading("Findings")
    for rank, finding in enumerate(shown[:limit], start=1):
        write_finding(page, rank, finding, report.target.directory, draw_cycles=draw_cycles)
    hidden = len(shown) - limit
    if hidden > 0:
        page.write(f"... and {counted(hidden, 'more finding')} (--json has all of them)")
    _write_known(page, [finding for finding in report.findings if finding.known])


def _write_known(page: Page, findings: Sequence[Finding]) -> None:
    """A line each: they have been read before."""
    if findings:
        page.heading("Known findings, which are in the baseline")
    for finding in findings:
        page.write(finding.title, prefix=["  ", (finding.verdict.upper(), _STYLES[finding.verdict]), "  "])


def write_finding(
    page: Page, rank: int, finding: Finding, directory: str, *, draw_cycles: bool, before_verdict: str = ""
) -> None:
    """One finding, ``before_verdict`` standing before its verdict."""
    verdict = (before_verdict + finding.verdict.upper(), _STYLES[finding.verdict])
    page.write((finding.title, "bold"), prefix=[f"{rank}. ", verdict, "  "])
    page.write(classification(finding), prefix=[_INDENT])
    if finding.holder:
        _labelled(page, "held by", holder_line(finding.holder))
    _labelled(page, "grows", growth_line(finding.growing))
    if finding.retained_bytes is not None:
        _labelled(page, "retains", format_bytes(finding.retained_bytes))
    if finding.cycle and draw_cycles:
        _labelled(page, "cycle", cycle_line(finding.cycle))
    for site in finding.sites[:_SITES]:
        write_site(page, site, directory, indent=len(_INDENT) + _LABEL, label=f"{_INDENT}{'at':<{_LABEL}}")
    _labelled(page, "why", finding.why)
    _labelled(page, "fix", finding.fix)


def _labelled(page: Page, label: str, text: str) -> None:
    if text:
        page.write(text, prefix=[f"{_INDENT}{label:<{_LABEL}}"])


def classification(finding: Finding) -> str:
    pattern = f" ({finding.pattern})" if finding.pattern else ""
    rule = f", rule {rule_line(finding.rule)}" if finding.rule else ""
    return f"{finding.kind}{pattern}{rule}, confidence {finding.confidence * 100:.0f} %"


def holder_line(holder: Holder) -> str:
    facts = ", ".join(fact for fact in (holder.type, holder.owner) if fact)
    return f"{holder.path} ({facts})" if facts else holder.path


def growth_line(growing: Growing) -> str:
    facts = []
    if len(growing.counts) > 1:
        facts.append(f"from {format_count(growing.counts[0])} to {format_count(growing.counts[-1])}")
    if growing.per_operation is not None:
        swells = bool(growing.bytes) and not growing.counts
        amount = format_bytes(round(growing.per_operation)) if swells else format_rate(growing.per_operation)
        facts.append(f"{amount} per operation")
    if growing.per_second > 0:
        by_bytes = bool(growing.bytes)
        rate = (
            f"{format_bytes(round(growing.per_second))}/s"
            if by_bytes
            else f"{format_rate(growing.per_second)} per second"
        )
        facts.append(rate)
    return " ".join(part for part in (growing.type, ", ".join(facts)) if part)


def write_site(page: Page, site: Site, directory: str, *, indent: int, label: str = "", figures: bool = True) -> None:
    """``file:line in function`` and the source line beneath; the file and the line are never cut."""
    label = label or " " * indent
    where: list[Part] = [(place(site.file, site.line, directory=directory, room=page.width - indent), "cyan")]
    if site.function:
        where.append(f" in {site.function}")
    if figures and (site.bytes or site.count):
        where.append(f", {format_bytes(site.bytes, signed=True)}, {counted(site.count, 'block')}")
    page.write(*where, prefix=[label])
    if source := site.source.strip():
        page.write_cut(f"| {source}", indent=indent, style="dim")
