"""The section at the end of pytest's output, and the JSON report of all judged tests."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from memdiag.pytest_plugin.failure import described, label, title
from memdiag.pytest_plugin.judged import ORDER
from memdiag.pytest_plugin.wishes import of_config
from memdiag.units import counted

_BESIDES = {"cycle": "to the collector", "resource": "open"}  # what a test may leave, by kind of finding


class Summary:
    """Where the reports come together: with xdist, in the process that the user started."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._place = config.getoption("memdiag_json")
        self._is_worker = hasattr(config, "workerinput")
        self._started = time.monotonic()
        self._judged: list[tuple[str, bool, dict[str, Any]]] = []  # the test, whether it failed by this, and what came
        self._problem = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not self._is_worker and hasattr(report, "memdiag"):
            self._judged.append((report.nodeid, report.failed, report.memdiag))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._place and not self._is_worker:
            text = json.dumps(self._report(int(exitstatus)), indent=2) + "\n"
            try:
                Path(self._place).write_text(text, encoding="utf-8")
            except OSError as error:
                self._problem = f"cannot write {self._place}: {error.strerror}"
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.USAGE_ERROR:
            return
        terminalreporter.section("memdiag")
        for line in self._lines(terminalreporter.verbosity):
            terminalreporter.write_line(line)
        if self._problem:
            terminalreporter.write_line(self._problem, red=True)

    def _lines(self, verbosity: int) -> list[str]:
        counts = Counter(one["verdict"] for _, _, one in self._judged)
        lines = []
        for name, failed, one in sorted(self._judged, key=lambda entry: ORDER.index(entry[2]["verdict"])):
            if one["verdict"] != "clean" or verbosity > 0:
                lines += _line(name, failed, one, verbosity)
        found = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in ORDER if counts[verdict])
        besides = ([] if verbosity > 0 else self._besides()) + self._hidden()
        told = found or "none is marked, or has passed (--memdiag=all judges all)"
        return [*lines, f"{counted(len(self._judged), 'test')} judged: {told}", *besides]

    def _besides(self) -> list[str]:
        """How many tests leave cycles or handles; which, is told when asked for."""
        lines = []
        for kind, where in _BESIDES.items():
            count = sum(
                any(one["kind"] == kind for one in entry["report"].get("findings", [])) for *_, entry in self._judged
            )
            if count:
                what = "cycles" if kind == "cycle" else "something"
                lines.append(f"{counted(count, 'test')} left {what} {where} (-v names what)")
        return lines

    def _ignored(self) -> list[dict[str, Any]]:
        """The project's ignore rules, each with how many findings of all tests it hid."""
        rules = {rule["shown"]["rule"]: dict(rule["shown"]) for rule in of_config(self._config).rules}
        for *_, entry in self._judged:
            for one in entry["report"].get("ignored", ()):
                rules.setdefault(one["rule"], {**one, "hidden": 0})["hidden"] += one["hidden"]
        return list(rules.values())

    def _hidden(self) -> list[str]:
        lines = []
        for one in self._ignored():
            until = f", until {one['expires']}" if one["expires"] else ""
            if one["expired"]:
                rule = f"the ignore rule {one['rule']} ({one['reason']})"
                lines.append(f"{rule} expired on {one['expires']}: it hides nothing any more")
            elif one["hidden"]:
                lines.append(f"ignored: {counted(one['hidden'], 'finding')} by {one['rule']} ({one['reason']}{until})")
        apart = sum((entry["report"].get("set_apart") or {}).get("ignored", 0) for *_, entry in self._judged)
        return lines + [f"ignored: {counted(apart, 'holder')} by patterns of marks and of pytest's settings"] * bool(
            apart
        )

    def _report(self, status: int) -> dict[str, Any]:
        """One report of the schema ``memdiag.report/1``: the findings of all tests, each by the test's name."""
        verdicts = {one["verdict"] for _, _, one in self._judged}
        verdict = next((one for one in ("leak", "suspect", "clean") if one in verdicts), "inconclusive")
        findings, breaches = [], []
        for name, _, one in self._judged:
            failing = one["report"].get("failed", [])
            for at, finding in enumerate(one["report"].get("findings", [])):
                findings.append({**finding, "title": f"{name}: {finding['title']}", "test": name})
                if at in failing:
                    breaches.append({"limit": "pytest --memdiag", "measured": finding["title"], "where": name})
        return {
            "schema": "memdiag.report/1",
            "command": "pytest",
            "verdict": verdict,
            "headline": f"{counted(len(self._judged), 'test')} judged, {counted(len(findings), 'finding')}",
            "tracer": "auto",
            "target": {
                "argv": ["pytest", *sys.argv[1:]],
                "python": platform.python_version(),
                "executable": sys.executable,
                "platform": sys.platform,
                "directory": str(Path.cwd()),
                "exit_status": status,
                "duration_s": time.monotonic() - self._started,
            },
            "samples": [],
            "findings": findings,
            "rows": [],
            "tests": [
                {"test": name, "verdict": one["verdict"], "repetitions": one["repetitions"], "words": one["words"]}
                for name, _, one in self._judged
            ],
            "ignored": self._ignored(),
            "gate": {"passed": not breaches, "breaches": breaches},
            "notes": [],
        }


def _line(name: str, failed: bool, one: dict[str, Any], verbosity: int) -> list[str]:
    findings = one["report"].get("findings", [])
    words = one["words"] or (title(findings[0]) if findings and one["verdict"] != "clean" else "")
    tolerated = "" if failed or one["verdict"] not in ("leak", "suspect") else " (does not fail the test)"
    times = f", {counted(one['repetitions'], 'repetition')}" if verbosity > 0 else ""
    lines = [f"{one['verdict'].upper():<13}{name}{times}{': ' if words else ''}{words}{tolerated}"]
    if verbosity > 0:
        for finding in findings:
            full = verbosity > 1 or (finding["kind"] == "growth" and not failed)
            told = described(finding) if full else [f"{label(finding)}: {title(finding)}"]
            lines += ["  " + line for line in told]
        set_apart = one["report"].get("set_apart") or {}
        lines += [f"  set apart: {counted(many, 'holder')} {reason}" for reason, many in sorted(set_apart.items())]
    return lines
