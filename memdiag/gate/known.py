"""Findings against a baseline: what is known passes, what is new counts, and what is gone is said.

A known finding stays in the report, marked so, behind the new ones; the verdict and its headline stay what they are.
"""

from __future__ import annotations

from dataclasses import replace

from memdiag.capture.baseline import Baseline, found_by
from memdiag.gate.figures import FAILING
from memdiag.model import Compared, Report
from memdiag.units import counted

_NAMED = 3  # of those that are gone, in the note


def compared(report: Report, baseline: Baseline) -> Report:
    """The report with its known leaks and suspects marked, and with a note on how many these are and which are gone.

    Gone are entries that were found by the same command on the same program. A run that was too short to tell, or
    failed, tells nothing of them.
    """
    ids = {entry.id for entry in baseline.entries}
    findings = [replace(one, known=one.id in ids and one.verdict in FAILING) for one in report.findings]
    findings.sort(key=lambda one: one.known)
    there = {one.id for one in findings if one.verdict in FAILING}
    told = report.verdict != "inconclusive" and not report.target.exit_status
    here = found_by(report) if told else ""
    gone = {entry.id: entry.title for entry in baseline.entries if entry.id not in there and entry.found_by == here}
    known = sum(one.known for one in findings)
    marked = replace(report, findings=tuple(findings), baseline=Compared(baseline.name, known, tuple(gone.items())))
    return replace(marked, notes=(*report.notes, *_notes(baseline.name, known, list(gone.values()))))


def _notes(name: str, known: int, gone: list[str]) -> list[str]:
    notes = [f"{counted(known, 'finding')} known by {name}: the gate passes what is in it"] if known else []
    for title in gone[:_NAMED]:
        notes.append(f"gone since {name}: {title}")
    if len(gone) > _NAMED:
        notes.append(f"gone since {name}: {len(gone) - _NAMED} more")
    if gone:
        notes.append(f"memdiag baseline CAPTURE -o {name} writes it anew, so that what is gone cannot come back unseen")
    return notes
