"""Benchmark 5: the reference cycles of a large heap, told by ``memdiag cycles``, beside peers that look for them."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.children import Failed, asked, program, run
from tests.benchmarks.cycle_peers import PEERS, QUESTIONS
from tests.benchmarks.tables import Table, megabytes, ratio, seconds

_PATIENCE = 400.0  # seconds for one peer


def measure(quick: bool) -> Table:
    columns = ("tool", "tracked", "time", "x memdiag", "memory", "x memdiag ", "asked", "answered")
    table = Table("5. Cycles of a large heap", columns)
    table.notes += [
        "A tenth of the objects are in cycles, nine tenths of these are garbage. memdiag: `memdiag cycles` as a whole, "
        "less plain python on the same program: a look before the passes, five passes, a look after, the report; "
        "memory is the peak of memdiag's own process. Peers are asked in the program, once; memory is what its peak "
        "grew by.",
    ]
    tracked = 100_000 if quick else 1_000_000
    ours = _memdiag(tracked)
    figures = (seconds(ours["seconds"]), ratio(1.0), megabytes(ours["bytes"]), ratio(1.0))
    asked_for = "created, reclaimed, surviving; shapes, holders, cuts"
    table.rows.append(("memdiag cycles", f"{tracked:,}", *figures, asked_for, ours["answer"]))
    for name, module in PEERS.items():
        if find_spec(module) is None:
            table.missing.append(f"{name}: not installed")
            continue
        try:
            _add(table, name, tracked, ours)
        except Failed as error:
            table.missing.append(f"{name} at {tracked:,}: {error}")
    return table


def _add(table: Table, name: str, tracked: int, ours: dict[str, Any]) -> None:
    found = asked("cycle_peers", name, tracked, patience=_PATIENCE)
    took, grown = found["seconds"], found["grown_bytes"]
    figures = (seconds(took), ratio(took / ours["seconds"]), "+" + megabytes(grown), ratio(grown / ours["bytes"]))
    table.rows.append((name, f"{tracked:,}", *figures, QUESTIONS[name], found["answer"]))


def _memdiag(tracked: int) -> dict[str, Any]:
    plain = run([sys.executable, *program("circles", tracked)])
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        command = [sys.executable, "-m", "memdiag", "cycles", "-o", f"{place}/c.memdiag", "--json", str(report)]
        done = run([*command, *program("circles", tracked)], (0, 1))
        found = json.loads(report.read_text())
    survival = found["survival"]
    answer = f"{survival['created']:,} created, {survival['surviving']:,} survive {len(survival['passes'])} passes"
    return {"seconds": done.seconds - plain.seconds, "bytes": done.peak_bytes, "answer": answer}
