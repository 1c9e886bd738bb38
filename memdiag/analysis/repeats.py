"""From a capture to its report, by the command that recorded it.

Several runs of one program are reported as one: the first of those that say what most of them say.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from memdiag.analysis.check import diagnose_check
from memdiag.analysis.cycles.findings import diagnose_cycles
from memdiag.analysis.diagnose import diagnose_run
from memdiag.model import Capture, Report

_WRONG = ("leak", "suspect")


def report_of(capture: Capture) -> Report:
    """What memdiag says of a capture."""
    return typical([report_of_run(run) for run in capture.runs])


def report_of_run(run: Capture) -> Report:
    """What memdiag says of one run."""
    if run.command == "check":
        return diagnose_check(run)
    return diagnose_cycles(run) if run.command == "cycles" else diagnose_run(run)


def typical(reports: Sequence[Report]) -> Report:
    """One run's report, with a note on the others."""
    if len(reports) == 1:
        return reports[0]
    verdicts = Counter(report.verdict for report in reports)
    (commonest, _), *_ = verdicts.most_common()
    number = next(at for at, report in enumerate(reports) if report.verdict == commonest)
    told = ", ".join(f"{verdict} in {count}" for verdict, count in verdicts.most_common())
    notes = [f"this is run {number + 1} of {len(reports)}; the verdicts: {told}", *_seldom(reports[number], reports)]
    return dataclasses.replace(reports[number], notes=(*reports[number].notes, *notes))


def _seldom(one: Report, reports: Sequence[Report]) -> list[str]:
    """What this run is said to leak, and not all of the others are."""
    seen = Counter(finding for report in reports for finding in {found.id for found in report.findings})
    return [
        f"seen in {seen[finding.id]} of {len(reports)} runs only: {finding.title}"
        for finding in one.findings
        if finding.verdict in _WRONG and seen[finding.id] < len(reports)
    ]
