"""``memdiag baseline``: write down the findings that are known, so that only new ones fail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from memdiag.commands import configuration, output


def baseline(
    captures: Annotated[list[Path], typer.Argument(metavar="CAPTURE...", help="Captures of run, cycles or check.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where it goes; else memdiag-baseline.json.")
    ] = None,
) -> int:
    """Write the leaks and suspects of captures to a file for --baseline: read it, and put it under version control.

    It replaces what the file said before. What the configuration ignores is not in it.
    """
    from datetime import date

    from memdiag import gate
    from memdiag.capture.baseline import DEFAULT, entries, write_baseline
    from memdiag.capture.load import load
    from memdiag.commands.recording import diagnose
    from memdiag.units import counted

    settings = configuration.read()
    place = out or settings.baseline or DEFAULT
    output.check_place(place)
    with output.working("reading"):
        reports = [gate.hidden(diagnose(load(capture)), settings.ignore, date.today()) for capture in captures]
    count = write_baseline((entry for report in reports for entry in entries(report)), place)
    print(f"{counted(count, 'finding')} written to {place}", file=sys.stderr)
    return 0
