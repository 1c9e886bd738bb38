"""Reports as text: for a terminal, for scripts, for CI systems. Nothing here prints, and nothing here decides."""

from memdiag.report.formats import FORMATS, write_as
from memdiag.report.github import to_github
from memdiag.report.json_report import schema, to_json
from memdiag.report.junit import to_junit
from memdiag.report.markdown import to_markdown
from memdiag.report.sarif import to_sarif
from memdiag.report.terminal import render

__all__ = ["FORMATS", "render", "schema", "to_github", "to_json", "to_junit", "to_markdown", "to_sarif", "write_as"]
