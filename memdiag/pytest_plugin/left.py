"""What one repetition leaves behind: cyclic garbage for the collector, descriptors, threads and processes.

pytest itself leaves none of these, so that every one is the test's, or of what it tests. They are looked at before
anything is collected: what only the collector closes was left open.
"""

from __future__ import annotations

import gc
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from memdiag.analysis.fingerprint import fingerprint
from memdiag.probe.counted import collect
from memdiag.probe.kinds import type_name
from memdiag.pytest_plugin.judged import ORDER, Judged
from memdiag.pytest_plugin.terms import Terms
from memdiag.units import counted

_DESCRIPTORS = ("/proc/self/fd", "/dev/fd")
_TYPES = 3
_NAMES = ("id", "pattern", "rule", "kind")
_PLAIN = ("builtins", "")


@dataclass(frozen=True)
class Left:
    """By one repetition, on top of what was there before it."""

    garbage: Mapping[str, int] = field(default_factory=dict)  # objects by type
    opened: tuple[str, ...] = ()  # what the descriptors lead to, in words
    threads: tuple[str, ...] = ()
    processes: int = 0


def left_behind(repeat: Callable[[], object]) -> Left:
    """Repeat once, with the collector at rest, and see what is left."""
    collect()
    descriptors, threads, processes = _descriptors(), set(threading.enumerate()), _processes()
    with _collector_at_rest():
        repeat()
        opened = [what for number, what in _descriptors().items() if descriptors.get(number) != what]
        gained = max(0, len(_descriptors()) - len(descriptors))
        started = sorted(type(one).__qualname__ for one in set(threading.enumerate()) - threads)
        gone = max(0, _processes() - processes)
        return Left(_garbage(), tuple(opened[:gained]), tuple(started), gone)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _garbage() -> dict[str, int]:
    """What the collector finds, by type; it is asked to put it where it can be counted, and then lets go of it."""
    flags, known = gc.get_debug(), len(gc.garbage)
    gc.set_debug(flags | gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return dict(Counter(_named(type(one)) for one in gc.garbage[known:]))
    finally:
        gc.set_debug(flags)
        del gc.garbage[known:]


def _named(kind: type) -> str:
    module, name = type_name(kind)
    return name if module in _PLAIN else f"{module}.{name}"


def _descriptors() -> dict[int, str]:
    """Open descriptors, and what each leads to; empty where the system does not tell."""
    for place in _DESCRIPTORS:
        try:
            return dict(_opened(place))
        except OSError:
            continue
    return {}


def _opened(place: str) -> Iterator[tuple[int, str]]:
    for name in os.listdir(place):
        try:
            target = os.readlink(f"{place}/{name}")
        except OSError:
            continue  # that of the listing itself
        yield int(name), _in_words(target)


def _in_words(target: str) -> str:
    kind, colon, _ = target.partition(":")
    return "a " + kind if colon and kind in ("socket", "pipe") else "a file" if target.startswith("/") else target


def _processes() -> int:
    """Children of this process, also those that have ended and wait to be asked how."""
    found = 0
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            found += len(task.read_text().split())
        except OSError:
            continue
    return found


def with_left(judged: Judged, left: Left, terms: Terms) -> Judged:
    """The judgement with findings for what was left behind; they fail the test where its terms say so."""
    findings = [finding for finding in (_cycles(left, terms), _resources(left, terms)) if finding is not None]
    if not findings:
        return judged
    known, hiding = judged.findings, []
    for one in findings:
        rule = next((rule for rule in terms.rules if _hides(rule, one)), None)
        if rule is not None:
            one["ignored"] = rule["shown"]["reason"]
            hiding.append({**rule["shown"], "hidden": 1})
    failing = [len(known) + at for at, one in enumerate(findings) if one["verdict"] != "info" and not one["ignored"]]
    report = {
        **judged.report,
        "findings": known + findings,
        "failed": [*judged.report.get("failed", ()), *failing],
        "ignored": [*judged.report.get("ignored", ()), *hiding],
    }
    verdicts = [judged.verdict, *(one["verdict"] for one in findings if one["verdict"] != "info")]
    return replace(judged, verdict=min(verdicts, key=ORDER.index), report=report)


def _hides(rule: Mapping[str, Any], finding: Mapping[str, Any]) -> bool:
    """As of any other finding; what is left behind has no holder's path, and its type tells its package."""
    table, kind = rule["table"], finding["growing"]["type"]
    if rule["shown"]["expired"] or "path" in table:
        return False
    package = table.get("package", "")
    of_package = not package or kind.startswith(package + ".")
    return of_package and all(table.get(name, finding[name]) == finding[name] for name in _NAMES)


def _cycles(left: Left, terms: Terms) -> dict[str, Any] | None:
    count = sum(left.garbage.values())
    if not count:
        return None
    own = {name: many for name, many in left.garbage.items() if "." in name} or left.garbage
    most = sorted(own.items(), key=lambda pair: (-pair[1], pair[0]))[:_TYPES]
    kinds = ", ".join(f"{many} {name}" for name, many in most)
    return _finding(
        "cycle",
        "cycle",
        "suspect" if terms.cycles is not None and count > terms.cycles else "info",
        title=f"{counted(count, 'object')} per repetition left to the collector: {kinds}",
        why=f"Nothing refers to them from outside after the test, but they refer to each other: they are freed late,"
        f" by the collector{_allowed('cycles', terms.cycles)}.",
        fix=f"Break the cycle through {most[0][0]} when it is done with (a weak reference back, or clear it in"
        " close()). memdiag cycles shows the references that form it.",
        growing=(most[0][0], count),
    )


def _resources(left: Left, terms: Terms) -> dict[str, Any] | None:
    words = [f"{many} {name}" if many > 1 else name for name, many in Counter(left.opened).items()]
    words += [f"the thread of a {name}" for name in left.threads]
    words += [counted(left.processes, "process", "processes")] * bool(left.processes)
    count = len(left.opened) + len(left.threads) + left.processes
    if not count:
        return None
    return _finding(
        "resource",
        "handle",
        "leak" if terms.resources is not None and count > terms.resources else "info",
        title=f"left open by each repetition: {', '.join(words)}",
        why=f"There is more of it after the test than before it{_allowed('resources', terms.resources)}.",
        fix="Close what the test, or what it tests, opens: use with, or close(), join() or wait() in finally."
        " python -X tracemalloc -W error::ResourceWarning names the line that opened what only the collector closed.",
        growing=(words[0], count),
    )


def _allowed(name: str, allowed: int | None) -> str:
    return "" if allowed is None else f" ({name}={allowed} was asked for)"


def _finding(
    kind: str, pattern: str, verdict: str, *, title: str, why: str, fix: str, growing: tuple[str, int]
) -> dict[str, Any]:
    """As the JSON report has one."""
    return {
        "id": fingerprint(kind, growing[0]),
        "kind": kind,
        "pattern": pattern,
        "rule": "MEM-001" if kind == "cycle" else "MEM-004",
        "verdict": verdict,
        "confidence": 0.95,
        "title": title,
        "holder": None,
        "growing": {
            "type": growing[0],
            "counts": [],
            "bytes": [],
            "per_second": 0.0,
            "per_operation": float(growing[1]),
        },
        "retained_bytes": None,
        "sites": [],
        "cycle": None,
        "why": why,
        "fix": fix,
        "known": False,
        "ignored": "",
    }
