"""``memdiag report``: print a capture again."""

from __future__ import annotations

import dataclasses
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from memdiag.commands import options, output


class Format(str, Enum):
    """What a report is written as."""

    terminal = "terminal"
    json = "json"


def report(
    capture: Annotated[Path, typer.Argument(help="A capture, a tracemalloc dump, or a memray .bin file.")],
    format: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.terminal,
    json: options.Json = None,
    limit: options.Rows = 10,
) -> int:
    """Print what a capture says, as when it was recorded."""
    from memdiag.capture.load import load
    from memdiag.commands.recording import diagnose

    output.check_json(json)
    with output.working("reading"):
        found = dataclasses.replace(diagnose(load(capture)), saved=str(capture))
    if format is Format.terminal and json != "-":
        output.show(found, sys.stdout, limit)
    output.write_json(found, "-" if format is Format.json else None)
    output.write_json(found, None if format is Format.json and json == "-" else json)
    return 0
