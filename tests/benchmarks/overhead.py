"""Benchmark 1: how much longer a program takes under ``memdiag run``, and under tracing over the whole run."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from tests.benchmarks.children import Failed, program, run
from tests.benchmarks.tables import Table, held, ratio, seconds, spread

LIMIT = 1.15
_PROGRAMS = {"alloc": 100, "compute": 200, "mixed": 50, "large": 100}  # rounds to find out how many are needed
_WAYS: dict[str, tuple[str, ...]] = {
    "memdiag run": (),
    "--snapshots none": ("--snapshots", "none", "--tracer", "none"),
    "--tracer tracemalloc": ("--tracer", "tracemalloc", "--snapshots", "none"),
    "--tracer memray": ("--tracer", "memray"),
}
_LENIENT = (0, 1)  # a finding may make memdiag end with 1


@dataclass(frozen=True)
class Cost:
    """Of one way to run a program: wall time against plain python's, pair by pair."""

    program: list[float]
    command: list[float]
    plain: list[float]


def measure(quick: bool) -> Table:
    columns = ("program", "way", "pairs", "plain", "program, x plain (range)", "limit", "whole command")
    table = Table("1. Overhead of a run", columns)
    table.notes.append(
        "Wall time of the program alone (start to end of its process) against plain python, median of the ratios of "
        "interleaved pairs; the whole command includes memdiag's own start, analysis and report. "
        "`large` works on a heap of 1 M tracked objects. `--snapshots none` is with `--tracer none`: sampling alone."
    )
    for name, rounds in _PROGRAMS.items():
        size = _rounds_for(name, rounds, 1.0 if quick else 4.0)
        for way, options in _WAYS.items():
            if way == "--tracer memray" and find_spec("memray") is None:
                table.missing.append(f"{way} on {name}: not installed")
                continue
            pairs = (3 if quick else 7) if way == "memdiag run" else (1 if quick else 3)
            try:
                cost = _cost(name, size, options, pairs)
            except Failed as error:
                table.missing.append(f"{way} on {name}: {error}")
                continue
            table.rows.append(_row(name, way, cost))
    return table


def _row(name: str, way: str, cost: Cost) -> Sequence[str]:
    ratios = [ours / plain for ours, plain in zip(cost.program, cost.plain, strict=True)]
    whole = median(ours / plain for ours, plain in zip(cost.command, cost.plain, strict=True))
    limit = held(median(ratios), LIMIT) if way == "memdiag run" else ""
    return (name, way, str(len(ratios)), seconds(median(cost.plain)), spread(ratios), limit, ratio(whole))


def _plain(name: str, rounds: int) -> float:
    return run([sys.executable, *program(name, rounds)]).seconds


def _rounds_for(name: str, rounds: int, wanted_s: float) -> int:
    """How many rounds take about so long: the start costs what it costs, and short runs tell little."""
    begun = _plain(name, 0)
    wanted = max(wanted_s - begun, wanted_s / 2)
    while (took := _plain(name, rounds) - begun) < wanted / 3:
        rounds *= 3
    return max(1, round(rounds * wanted / took))


def _cost(name: str, rounds: int, options: Sequence[str], pairs: int) -> Cost:
    cost = Cost([], [], [])
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        for at in range(pairs):
            ours = [sys.executable, "-m", "memdiag", "run", *options, "-o", f"{place}/{at}.memdiag"]
            ours += ["--json", str(report), *program(name, rounds)]
            if at % 2:  # neither is always the first
                cost.plain.append(_plain(name, rounds))
            cost.command.append(run(ours, _LENIENT).seconds)
            cost.program.append(float(json.loads(report.read_text())["target"]["duration_s"]))
            if not at % 2:
                cost.plain.append(_plain(name, rounds))
    return cost
