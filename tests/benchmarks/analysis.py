"""Benchmark 4: from snapshots to a report, beside peers that are asked a comparable question."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.children import Failed, asked, program, reap, run
from tests.benchmarks.peers import PEERS, QUESTIONS
from tests.benchmarks.tables import Table, held, megabytes, seconds

MEMORY_LIMIT = 2e9
_LIMITS = {200_000: 10.0, 1_000_000: 10.0, 5_000_000: 60.0}  # seconds
_PATIENCE = 180.0  # seconds for one peer
_ANSWER = 96  # characters of a peer's answer


def measure(quick: bool) -> Table:
    columns = ("tool", "tracked", "time", "limit", "memory", "limit ", "asked", "answered")
    table = Table("4. From snapshots to a report", columns)
    table.notes += [
        "memdiag: six snapshot files of a program whose dictionary leaks, read by a fresh process until the report is "
        "rendered, the last image answering questions; memory is the peak of that process. `memdiag run`: a real run "
        "of the same program, from its end until the command's.",
        "Peers are asked in the program itself, once; memory is what the program's peak grew by.",
    ]
    for tracked in (200_000,) if quick else (1_000_000, 5_000_000):
        _add(table, "memdiag", tracked, _series)
    size = 200_000 if quick else 1_000_000
    _add(table, "memdiag run", size, _whole_run)
    for name, module in PEERS.items():
        if find_spec(module) is None:
            table.missing.append(f"{name}: not installed")
        else:
            _add_peer(table, name, size)
    return table


def _add(table: Table, name: str, tracked: int, measured: Any) -> None:
    try:
        found = measured(tracked)
    except Failed as error:
        table.missing.append(f"{name} at {tracked:,}: {error}")
        return
    took, peak = found["seconds"], found["peak_bytes"]
    cells = (seconds(took), held(took, _LIMITS[tracked], " s"), megabytes(peak))
    table.rows.append((name, f"{tracked:,}", *cells, _memory(tracked, peak), *_told(found)))


def _memory(tracked: int, peak: int) -> str:
    return held(peak / 1e9, MEMORY_LIMIT / 1e9, " GB") if tracked <= 1_000_000 else ""


def _told(found: dict[str, Any]) -> Sequence[str]:
    return "what leaks, and what holds it", f"{found['verdict']}: {found['named']}"


def _add_peer(table: Table, name: str, tracked: int) -> None:
    try:
        found = asked("peers", name, tracked, patience=_PATIENCE)
    except Failed as error:
        table.missing.append(f"{name} at {tracked:,}: {error}")
        return
    answer = " ".join(found["answer"].replace("|", "/").split())
    shown = answer if len(answer) <= _ANSWER else answer[: _ANSWER - 3] + "..."
    figures = (seconds(found["seconds"]), "", "+" + megabytes(found["grown_bytes"]), "")
    table.rows.append((name, f"{tracked:,}", *figures, QUESTIONS[name], shown))


def _series(tracked: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        try:
            asked("leak_series", directory, tracked)
            return asked("report_of_series", directory)
        finally:
            _end_images(Path(directory))
            reap()


def _end_images(directory: Path) -> None:
    """Those that were made for this directory; they are children of this process, or gone."""
    from memdiag.capture import spool

    recording = spool.Recording()
    recording.add(spool.Stream(directory / "stream").fresh())
    for header in recording.headers("image"):
        with suppress(ChildProcessError, ProcessLookupError):
            if os.waitpid(header["pid"], os.WNOHANG)[0] == 0:
                os.kill(header["pid"], signal.SIGKILL)
                os.waitpid(header["pid"], 0)


def _whole_run(tracked: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        command = [sys.executable, "-m", "memdiag", "run", "-o", f"{place}/run.memdiag", "--json", str(report)]
        done = run([*command, *program("leaking", tracked)], (0, 1))
        found = json.loads(report.read_text())
    first: dict[str, Any] = found["findings"][0] if found["findings"] else {"verdict": "nothing", "holder": None}
    after = done.seconds - found["target"]["duration_s"]
    named = (first["holder"] or {}).get("path", "")
    return {"seconds": after, "peak_bytes": done.peak_bytes, "named": named, "verdict": first["verdict"]}
