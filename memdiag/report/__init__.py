"""Reports as text: for a terminal, and as JSON. Nothing here prints, and nothing here decides."""

from memdiag.report.json_report import schema, to_json
from memdiag.report.terminal import render

__all__ = ["render", "schema", "to_json"]
