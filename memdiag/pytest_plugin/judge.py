"""The process beside pytest that reads the heap snapshots of one test, and says what it finds as JSON.

Its input is one line of JSON: what the test is, and what it may leave behind. It reads as ``memdiag check`` does.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from memdiag import gate
from memdiag.analysis.check import diagnose_check
from memdiag.capture.baseline import read_baseline
from memdiag.capture.spool import Recording, Stream
from memdiag.errors import MemdiagError
from memdiag.gate import hiding
from memdiag.launch.images import ImageDesk
from memdiag.launch.outside import Outside
from memdiag.launch.owners import with_owners
from memdiag.model import Capture, Finding, HeapEvidence, Population, Report, TargetInfo
from memdiag.report.json_report import to_json

_PAUSE_S = 0.005
# Machinery that keeps something of each test by design; that it grows while tests are repeated says nothing of them.
_TOOLS = re.compile(
    r"(_pytest|pytest|py|pluggy|xdist|execnet|memdiag|coverage|hypothesis|pytest_\w+|anyio\.pytest_plugin|_hypothesis\w*)(\.|$)"
)
# Tables of the interpreter's, by name of a file or a module: a test that makes new ones each time fills them.
_TABLES = ("linecache.cache", "sys.path_importer_cache", "zipimport._zip_directory_cache", "*.__warningregistry__")
_FIXTURE = ".cached_result[*]"
Case = Mapping[str, Any]


def main() -> None:
    case: Case = json.loads(sys.stdin.buffer.readline())
    evidence = _follow(Path(case["directory"]), int(case["parent"]))
    print(json.dumps(judged(evidence, case)))


def check() -> None:
    """For a process of its own: reads what the project's settings name, and says the ignore rules, or what is wrong."""
    asked: Case = json.loads(sys.stdin.buffer.readline())
    try:
        if asked["baseline"]:
            read_baseline(Path(asked["baseline"]))
    except MemdiagError as error:
        _refuse(error, asked["named"])
    try:
        rules = gate.rules_of(asked["ignore"], asked["file"])
    except MemdiagError as error:
        _refuse(error, "")
    print(json.dumps([_told(rule) for rule in rules]))


def _refuse(error: MemdiagError, place: str) -> NoReturn:
    print(place + "; ".join(filter(None, (error.problem, error.next_step))))
    sys.exit(1)


def _told(rule: gate.Rule) -> dict[str, Any]:
    """The rule by its names, and as reports have it."""
    plain = {name: value for name, value in dataclasses.asdict(rule).items() if value}
    expires = rule.expires.isoformat() if rule.expires else ""
    over = rule.is_over(date.today())
    shown = {"rule": str(rule), "reason": rule.reason, "hidden": 0, "expires": expires, "expired": over}
    return {"table": plain | ({"expires": expires} if expires else {}), "shown": shown}


def _follow(directory: Path, parent: int) -> HeapEvidence | None:
    """The evidence of all looks, once pytest has taken the last."""
    outside = Outside(time.monotonic())
    stream, recording = Stream(directory / "stream"), Recording()
    desk = ImageDesk(recording, directory)
    try:
        while not recording.first("done") and os.getppid() == parent:
            outside.look(parent)
            recording.add(stream.fresh())
            desk.tend(outside.samples[-1].rss_bytes if outside.samples else None)
            time.sleep(_PAUSE_S)
        if os.getppid() == parent:
            return desk.conclude()
        shutil.rmtree(directory, ignore_errors=True)  # pytest was killed, and nobody else is left to do it
        return None
    finally:
        desk.dismiss()


def judged(evidence: HeapEvidence | None, case: Case) -> dict[str, Any]:
    """The report as JSON has it, with ``failed`` (indices of findings that fail the test) and what was set apart."""
    seen = len(evidence.moments) if evidence else 0
    if evidence is None or seen < case["looks"]:
        return {"problem": f"only {seen} of {case['looks']} heap snapshots could be read"}
    report, set_apart = _report(with_owners(evidence, case["entries"]), case)
    rules = gate.rules_of([rule["table"] for rule in case["rules"]], "pyproject.toml")
    report = gate.hidden(report, rules, date.today())
    if case.get("baseline"):
        report = gate.compared(report, read_baseline(Path(case["baseline"])))
    growth = _growth_a_call([one for one in report.findings if one.is_new])
    failing = _failing(report, case, growth)
    told = json.loads(to_json(report))
    kept = {name: told[name] for name in ("verdict", "headline", "findings", "rounds", "ignored")}
    return {**kept, "failed": failing, "set_apart": set_apart, "growth_bytes": growth}


def _report(evidence: HeapEvidence, case: Case) -> tuple[Report, dict[str, int]]:
    """What ``check`` would say, without what belongs to the tools, and with what is ignored counted by why it is."""
    set_apart: dict[str, int] = {}
    kept: list[Population] = []
    for population in evidence.populations:
        population = _by_fixture(population, case)
        reason = _reason(population, case)
        if reason:
            set_apart[reason] = set_apart.get(reason, 0) + 1
        else:
            kept.append(population)
    left = dataclasses.replace(evidence, populations=tuple(kept))
    target = TargetInfo(
        argv=(case["name"],),
        python=".".join(map(str, sys.version_info[:3])),
        executable=sys.executable,
        platform=sys.platform,
        directory=case["place"],
        duration_s=case.get("seconds", 0.0),
    )
    report = diagnose_check(Capture("check", target, tracer="auto", heap=left))
    # Where no holder is found for what grows, it may be what has just been set apart.
    told = [finding for finding in report.findings if finding.holder is not None or not set_apart]
    findings = tuple(_as_a_test_has_it(finding, kept, case) for finding in told)
    order = {"leak": 0, "suspect": 1}
    findings = tuple(sorted(findings, key=lambda one: order.get(one.verdict, 2)))
    return dataclasses.replace(report, findings=findings, verdict=_verdict(findings)), set_apart


def _by_fixture(population: Population, case: Case) -> Population:
    """What a fixture's value holds is named by the fixture, not by the way through pytest's own objects."""
    _, is_fixture, rest = population.path.partition(_FIXTURE)
    if not is_fixture:
        return population
    kind = population.owner.removesuffix(population.attribute).removesuffix(".") or population.holder_type
    name = case["fixtures"].get(kind)
    return dataclasses.replace(population, path=f"{f'fixture {name}' if name else 'a fixture'}{rest}")


def _reason(population: Population, case: Case) -> str:
    names = (population.path, population.owner)
    if "fixture" in population.path.split(".")[0].split():
        return "ignored" if _matches(names, case["ignore"]) else ""
    if _TOOLS.match(population.owner_module) or (not population.owner_module and _TOOLS.match(population.path)):
        return "of the test tools"
    if _matches(names, _TABLES):
        return "of the interpreter's tables"
    return "ignored" if _matches(names, case["ignore"]) else ""


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(hiding.matches(pattern, name) for name in names for pattern in patterns)


def _as_a_test_has_it(finding: Finding, populations: Sequence[Population], case: Case) -> Finding:
    """What no holder was found for is less sure here than in ``check``: some of what grows is the tools'.

    What a test's own module holds is the test's affair, unless its author has asked by a mark.
    """
    path = finding.holder.path if finding.holder else ""
    if not path:
        return dataclasses.replace(finding, verdict="suspect" if finding.verdict == "leak" else finding.verdict)
    module = next((one.owner_module for one in populations if one.path == path), "")
    if module in case["test_modules"] and not case["explicit"]:
        why = f"{finding.why} It is held by the tests themselves: repeating them is what makes it grow."
        return dataclasses.replace(finding, verdict="info", why=why)
    return finding


def _verdict(findings: Sequence[Finding]) -> Any:
    verdicts = {finding.verdict for finding in findings}
    return "leak" if "leak" in verdicts else "suspect" if "suspect" in verdicts else "clean"


def _growth_a_call(findings: Sequence[Finding]) -> int:
    """Bytes that each repetition leaves behind, in all that is a leak or may be one."""
    total = 0.0
    for one in findings:
        rate, sizes, counts = one.growing.per_operation or 0.0, one.growing.bytes, one.growing.counts
        if one.verdict in ("leak", "suspect"):
            each = sizes[-1] / counts[-1] if sizes and counts and counts[-1] else 1.0 if sizes else 0.0
            total += rate * each
    return round(total)


def _failing(report: Report, case: Case, growth: int) -> list[int]:
    """Indices of the findings that fail the test. The one place where limits are applied."""
    if gate.check_verdict(report, case["fail_on"]).gate.passed:
        return []
    if case["max_growth_bytes"] is not None and growth <= case["max_growth_bytes"]:
        return []
    bad = ("leak", "suspect") if case["fail_on"] == "suspect" else ("leak",)
    return [at for at, finding in enumerate(report.findings) if finding.verdict in bad and finding.is_new]
