"""The formats that a report can be written in, each by its name."""

from __future__ import annotations

from collections.abc import Callable

from memdiag.model import Report
from memdiag.report.github import to_github
from memdiag.report.json_report import to_json
from memdiag.report.junit import to_junit
from memdiag.report.markdown import to_markdown
from memdiag.report.sarif import to_sarif
from memdiag.report.terminal import render

_WRITERS: dict[str, Callable[[Report, str, int], str]] = {
    "terminal": lambda report, _root, limit: render(report, width=80, color=False, limit=limit),
    "json": lambda report, _root, _limit: to_json(report),
    "markdown": lambda report, root, limit: to_markdown(report, root, limit),
    "sarif": lambda report, root, _limit: to_sarif(report, root),
    "junit": lambda report, root, _limit: to_junit(report, root),
    "github": lambda report, root, _limit: to_github(report, root),
}
FORMATS = tuple(_WRITERS)


def write_as(name: str, report: Report, root: str = "", limit: int = 10) -> str:
    """The report in the format of that name; files of the repository at ``root`` are told relative to it.

    ``limit`` is how many findings and rows are shown where people read it: in the terminal's format and in Markdown.
    """
    return _WRITERS[name](report, root, limit)
