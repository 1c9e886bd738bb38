"""Baselines: which findings are known, in a file that people read, review and merge.

JSON, an entry a finding, a line a fact, in an order that does not depend on what was found when: two people's additions
merge as lines do. Nothing in an entry changes from run to run: no figures, no addresses, no lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memdiag.errors import CannotDo, UnreadableInput
from memdiag.model import Finding, Report

FORMAT = "memdiag.baseline"
VERSION = 1
DEFAULT = Path("memdiag-baseline.json")
_LARGEST = 16 << 20  # bytes
_TELLING = ("leak", "suspect")  # verdicts that a gate could fail on
_FIGURE = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:\s?(?:%|[kMGTPE]?B)(?:/s)?)?(?!\w)")
_INDEX = re.compile(r"\[\d+\]")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class Entry:
    """A known finding. Only ``id`` is compared, and ``found_by`` to tell what is gone; the rest is for people."""

    id: str
    kind: str = ""
    rule: str = ""
    holder: str = ""
    title: str = ""
    found_by: str = ""


@dataclass(frozen=True)
class Baseline:
    """The known findings, and the name of their file."""

    name: str
    entries: tuple[Entry, ...]


def entries(report: Report) -> list[Entry]:
    """The report's leaks and suspects, but those that are ignored anyway."""
    failing = [one for one in report.findings if one.verdict in _TELLING and not one.ignored]
    return [_entry(one, found_by(report)) for one in failing]


def found_by(report: Report) -> str:
    """The command and the program, without folders and arguments: ``run shop.py``."""
    argv = report.target.argv
    if argv[:1] in (("-m",), ("-c",)):
        return " ".join([report.command, *(argv[:2] if argv[0] == "-m" else argv[:1])])
    program = re.split(r"[/\\]", argv[0])[-1] if argv else ""
    return f"{report.command} {program}".strip()


def write_baseline(found: Iterable[Entry], path: Path) -> int:
    """Write the entries, each once, and in order; how many there are. Raises CannotDo."""
    kept = {(entry.id, entry.found_by): entry for entry in found}
    ordered = sorted(kept.values(), key=lambda entry: (entry.found_by, entry.holder, entry.id))
    document = {"format": FORMAT, "version": VERSION, "findings": [asdict(entry) for entry in ordered]}
    try:
        path.write_text(json.dumps(document, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise CannotDo(f"cannot write {path}: {error.strerror or error}", "name another file with -o FILE") from error
    return len(ordered)


def read_baseline(path: Path) -> Baseline:
    """The baseline in the file. Raises UnreadableInput where it is none."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableInput(f"{path} is too large for a baseline", "memdiag baseline CAPTURE writes one")
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"cannot read the baseline {path}: {error.strerror or error}"
        raise UnreadableInput(problem, f"memdiag baseline CAPTURE -o {path} writes one") from error
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableInput(f"{path} is no baseline: not JSON{where}", "a merge may have left its marks") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UnreadableInput(f"{path} is no baseline of memdiag", "memdiag baseline CAPTURE writes one")
    if document.get("version") != VERSION:
        raise UnreadableInput(f"{path} is a baseline of version {document.get('version')!r:.20}", "update memdiag")
    return Baseline(str(path), tuple(_read_entries(document.get("findings"), path)))


def _read_entries(found: Any, path: Path) -> Iterable[Entry]:
    if not isinstance(found, list):
        raise UnreadableInput(f"{path} has no list of findings", "memdiag baseline CAPTURE writes one")
    for number, one in enumerate(found, start=1):
        if not isinstance(one, dict) or not isinstance(one.get("id"), str) or not one["id"]:
            raise UnreadableInput(f"{path}: finding {number} has no id", "memdiag baseline CAPTURE writes one")
        names = ("id", "kind", "rule", "holder", "title", "found_by")
        yield Entry(**{name: str(one.get(name, "")) for name in names})


def _entry(finding: Finding, by: str) -> Entry:
    holder = finding.holder.path if finding.holder else ""
    return Entry(finding.id, finding.kind, finding.rule, _steady_path(holder), without_figures(finding.title), by)


def without_figures(title: str) -> str:
    """The title with N for every number that stands alone, and its unit: ``N Turn so far, N``."""
    return _FIGURE.sub("N", title)


def _steady_path(path: str) -> str:
    return _ADDRESS.sub("0x", _INDEX.sub("[*]", path))
