"""What of a report belongs to a package: files, findings, and the bytes that a budget is about.

Where every allocation was traced (the report's rows are lines), a package has what its own lines allocated and what is
alive still: the line of a row is the innermost of the stack that is the program's, so what a library allocates for the
package counts as the package's. Under the default tracer no line is known for every byte. Then a package has what
its containers retain that were seen to grow during the run (``findings`` whose holder the package defines): what would
be freed if it let go of them. What was there before the first snapshot, or never grew, is not in that figure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from memdiag.model import Finding, Held, Report, Row, TargetInfo
from memdiag.units import format_bytes

_INSTALLED = re.compile(r".*[/\\](?:site-packages|dist-packages|lib[/\\]python\d[.\d]*|Lib(?=\\))[/\\]")
_MAIN = "__main__"
_HELD = {"growth", "resource"}  # kinds of findings that have a holder's bytes


def held(report: Report, package: str) -> Held | None:
    """What belongs to the package; None where neither lines nor holders tell it."""
    known = [one for one in report.held if one.package == package]
    if known:
        return known[0]
    if by_lines(report):
        return _of_rows(package, [row for row in report.rows if of_file(row.site.file, package, report.target)])
    if report.command == "diff" or not (report.rows or report.findings):
        return None
    found = [one for one in report.findings if one.kind in _HELD and of_finding(one, package, report.target)]
    return _of_findings(package, [one for one in found if one.retained_bytes is not None])


def between(before: Sequence[Report], after: Sequence[Report], package: str) -> Held | None:
    """What the package holds at the end of the runs before, and of those after: of several, the median one."""
    sides = [[held(report, package) for report in side] for side in (before, after)]
    first, last = (sorted((one for one in side if one), key=lambda one: one.after_bytes) for side in sides)
    if not first or not last:
        return None
    had, has = first[len(first) // 2], last[len(last) // 2]
    return Held(package, had.after_bytes, has.after_bytes, has.where)


def by_lines(report: Report) -> bool:
    """Whether the report's rows are lines, which were traced over the whole run."""
    return bool(report.rows) and not report.rows[0].type


def of_finding(finding: Finding, package: str, target: TargetInfo) -> bool:
    """By the module that defines what holds it; by the path where that is not known; else by its first line."""
    holder = finding.holder
    if holder is not None and holder.module:
        return of_module(holder.module, package, target)
    if holder is not None and holder.path:
        return _is_within(holder.path, package)
    return any(of_file(site.file, package, target) for site in finding.sites[:1])


def of_module(module: str, package: str, target: TargetInfo) -> bool:
    """The module itself, or one within the package; what ran as ``__main__`` has its own name as well."""
    if module == _MAIN and package != _MAIN:
        return any(_is_within(name, package) for name in _names_of_main(target))
    return _is_within(module, package)


def of_file(file: str, package: str, target: TargetInfo) -> bool:
    """Whether the file's path has the package's name in it, folder by folder.

    Of an installed file that is below ``site-packages``, from its top; of another, the path below the program's working
    directory, so that a checkout's own folder does not count; elsewhere, the whole path.
    """
    if package == _MAIN:
        return bool(target.argv) and _absolute(file, target) == _absolute(target.argv[0], target)
    wanted = package.split(".")
    if installed := _INSTALLED.match(file):
        return _modules(file[installed.end() :])[: len(wanted)] == wanted
    found = _modules(_below(file, target.directory))
    return any(found[at : at + len(wanted)] == wanted for at in range(len(found) - len(wanted) + 1))


def _of_rows(package: str, rows: Sequence[Row]) -> Held:
    largest = max(rows, key=lambda row: row.after_bytes, default=None)
    where = "" if largest is None else f"{largest.site.file}:{largest.site.line}, {format_bytes(largest.after_bytes)}"
    after = sum(row.before_bytes if row.noise else row.after_bytes for row in rows)
    return Held(package, sum(row.before_bytes for row in rows), after, where)


def _of_findings(package: str, findings: Sequence[Finding]) -> Held:
    """Before: what the holders had kept alive when the series began."""
    sizes = [(_had(one), one.retained_bytes or 0, one) for one in findings]
    if not sizes:
        return Held(package, 0, 0)
    _, size, largest = max(sizes, key=lambda row: row[1])
    path = largest.holder.path if largest.holder else largest.title
    where = f"{path}, {format_bytes(size)}"
    return Held(package, sum(before for before, _, _ in sizes), sum(after for _, after, _ in sizes), where)


def _had(finding: Finding) -> int:
    first = finding.growing.bytes[0] if finding.growing.bytes else 0
    return min(max(0, first), finding.retained_bytes or 0)


def _is_within(module: str, package: str) -> bool:
    return module == package or module.startswith((package + ".", package + "["))


def _names_of_main(target: TargetInfo) -> list[str]:
    """``-m shop`` runs shop, or shop.__main__; a script has the name of its path."""
    if target.argv[:1] == ("-m",):
        return list(target.argv[1:2])
    modules = _modules(_below(_absolute(target.argv[0], target), target.directory)) if target.argv else []
    return [".".join(modules[at:]) for at in range(len(modules))]


def _absolute(file: str, target: TargetInfo) -> PurePath:
    return PurePath(target.directory) / file


def _below(file: str | PurePath, directory: str) -> str:
    path = PurePath(file)
    return str(path.relative_to(directory)) if directory and path.is_relative_to(directory) else str(path)


def _modules(file: str) -> list[str]:
    """``shop/cache/__init__.py`` as shop, cache; ``shop/cache.py`` too."""
    parts = [part for part in re.split(r"[/\\]", file) if part not in ("", ".", "..")]
    if not parts:
        return []
    last = parts[-1].partition(".")[0]
    return [*parts[:-1], *([] if last == "__init__" else [last])]
