"""In a fresh process: from the snapshot files in a directory to the report that memdiag prints.

Prints JSON: seconds, the peak of the resident set (bytes), and what the report says holds the leak.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.children import peak_bytes


def main(directory: Path) -> dict[str, Any]:
    begun = time.perf_counter()
    from memdiag.analysis.diagnose import diagnose_run
    from memdiag.capture import spool
    from memdiag.launch.images import ImageDesk
    from memdiag.launch.owners import with_owners
    from memdiag.model import Capture, TargetInfo
    from memdiag.report import render

    recording = spool.Recording()
    recording.add(spool.Stream(directory / "stream").fresh())
    heap = ImageDesk(recording, directory).conclude()
    if heap is None:
        raise SystemExit("no evidence came of the snapshots")
    target = TargetInfo(argv=("leaking.py",), exit_status=0, duration_s=heap.moments[-1].t_s)
    report = diagnose_run(Capture(command="run", target=target, tracer="auto", heap=with_owners(heap)))
    render(report, width=80, color=False)
    took = time.perf_counter() - begun
    first = report.findings[0] if report.findings else None
    named = first.holder.path if first is not None and first.holder is not None else ""
    verdict = first.verdict if first is not None else "nothing"
    return {"seconds": took, "peak_bytes": peak_bytes(), "named": named, "verdict": verdict}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
