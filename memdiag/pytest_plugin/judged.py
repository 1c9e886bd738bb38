"""What came of judging one test, in terms that can be sent from a worker: plain lists, dicts, texts and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ORDER = ("leak", "suspect", "inconclusive", "clean")


@dataclass(frozen=True)
class Judged:
    """``verdict`` is one of ORDER, ``words`` say why there is none. ``report`` is the judge's, as JSON has it."""

    verdict: str
    words: str = ""
    repetitions: int = 0
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> list[dict[str, Any]]:
        return list(self.report.get("findings", ()))

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The findings that fail the test."""
        return [self.report["findings"][at] for at in self.report.get("failed", ())]
