"""``python -m tests.benchmarks [overhead|pause|walk|...] [--quick]``: prints tables, and writes RESULTS.md."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.benchmarks import analysis, cycles, diffing, overhead, snapshots
from tests.benchmarks.tables import Table

BENCHMARKS: dict[str, Callable[[bool], Table]] = {
    "overhead": overhead.measure,
    "pause": snapshots.pause,
    "walk": snapshots.walk,
    "analysis": analysis.measure,
    "cycles": cycles.measure,
    "diff": diffing.measure,
}
RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
_PEERS = ("memray", "objgraph", "pympler", "guppy3", "refcycle")


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="|".join(BENCHMARKS), help="which; all of them by default")
    parser.add_argument("--quick", action="store_true", help="small sizes and few repetitions, to try things out")
    parser.add_argument("--output", type=Path, help="where the tables go; RESULTS.md here, or nowhere if --quick")
    given = parser.parse_args(words)
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    chosen = given.names or list(BENCHMARKS)
    parts = [_about(words, chosen)]
    print(parts[0], flush=True)
    for name in chosen:
        parts.append(BENCHMARKS[name](given.quick).markdown())
        print(parts[-1], flush=True)
    place = given.output or (None if given.quick else RESULTS)
    if place is not None:
        place.write_text("\n".join(parts), encoding="utf-8")


def _about(words: Sequence[str], chosen: Sequence[str]) -> str:
    left = [name for name in BENCHMARKS if name not in chosen]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# What memdiag costs",
        "",
        f"- command: `{' '.join(['python -m tests.benchmarks', *words])}`",
        f"- date: {datetime.date.today()}",
        f"- Python: {platform.python_implementation()} {platform.python_version()}, numpy {_version('numpy')}",
        f"- machine: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}",
        f"- load average at the start: {os.getloadavg()[0]:.1f}",
        f"- peers: {', '.join(f'{name} {_version(name)}' for name in _PEERS)}",
        f"- benchmarks not run: {', '.join(left) or 'none'}",
    ]
    return "\n".join(lines) + "\n"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


if __name__ == "__main__":
    main(sys.argv[1:])
