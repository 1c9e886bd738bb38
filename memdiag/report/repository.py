"""Files as a repository has them: what a CI system shows beside its own copy of a line."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from memdiag.analysis.origin import is_library
from memdiag.model import Breach, Finding, Report, Row, Site


def own_path(file: str, directory: str, root: str) -> str:
    """The path of a file below ``root``, with slashes; empty for one elsewhere, an installed one, or none at all.

    ``directory`` is where the program ran, from where a relative path leads; without ``root`` it is that, too.
    """
    full = posixpath.normpath(posixpath.join(directory, file))
    base = (root or directory).rstrip("/") + "/"
    if not file or is_library(full) or is_library(file):
        return ""
    if not full.startswith("/"):  # nobody knows where the program ran
        return "" if full.startswith("../") or full == ".." else full
    return full[len(base) :] if full.startswith(base) else ""


def sites_of(finding: Finding, report: Report, root: str) -> list[Site]:
    """The lines of a finding, those of the repository first.

    A finding without a line of the repository's begins with the program itself, at its first line: where a CI system
    needs a place to show it.
    """
    directory = report.target.directory
    found = sorted(lines_of(finding), key=lambda site: not own_path(site.file, directory, root))
    if found and own_path(found[0].file, directory, root):
        return found
    program = _program(report)
    return [Site(program, 1), *found] if own_path(program, directory, root) else found


def lines_of(finding: Finding) -> list[Site]:
    """The lines of a finding, and of its cycle; the first of a file and line only."""
    sites: dict[tuple[str, int], Site] = {}
    for site in (*finding.sites, *(finding.cycle.sites if finding.cycle else ())):
        sites.setdefault((site.file, site.line), site)
    return list(sites.values())


def _program(report: Report) -> str:
    """The file that was run, as far as the command line tells: of a module ``shop.jobs`` it is ``shop/jobs.py``."""
    argv = report.target.argv
    if not argv or argv[0] == "-c":
        return ""
    if report.command == "check":
        name = argv[0].partition(":")[0]
        return name if name.endswith(".py") else _of_module(name)
    return _of_module(argv[1]) if argv[0] == "-m" and len(argv) > 1 else argv[0]


def _of_module(name: str) -> str:
    return name.replace(".", "/") + ".py"


def important_first(report: Report) -> Iterator[Finding]:
    """The findings by verdict, else in the report's own order: CI systems show only so many.

    Behind them come those that are no more than before, then those that are known or ignored, which a gate passes.
    """
    rank = ("leak", "suspect", "bounded", "info")

    def order(finding: Finding) -> tuple[bool, bool, int]:
        return not finding.is_new, not finding.is_worse, rank.index(finding.verdict)

    yield from sorted(report.findings, key=order)


def gone(report: Report) -> list[Row]:
    """Of a comparison, the findings of the side before that the side after has not."""
    return [row for row in report.changes if row.kind == "finding" and row.status == "gone"]


def verdict_word(finding: Finding) -> str:
    """``LEAK``; of a comparison ``NEW LEAK``."""
    return f"{finding.status or ''} {finding.verdict}".strip().upper()


def passed_as(finding: Finding) -> str:
    """Why a gate does not look at the finding; empty where it does."""
    if finding.ignored:
        return f"ignored: {finding.ignored}"
    return "known: it is in the baseline" if finding.known else ""


def breached_at(breach: Breach, report: Report) -> Site | None:
    """The line that a breach names, where it names one of the report's rows."""
    sites = (row.site for row in report.rows if breach.where == f"{row.site.file}:{row.site.line}")
    return next(sites, None)
