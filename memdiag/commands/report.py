"""``memdiag report``: a capture again, for people or for machines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from memdiag.commands import options, output
from memdiag.errors import UsageError


def report(
    capture: Annotated[Path, typer.Argument(help="A capture, a tracemalloc dump, or a memray .bin file.")],
    format: options.Formats = None,
    out: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Where a format without a file goes.")
    ] = None,
    json: options.Json = None,
    limit: options.Rows = 10,
) -> int:
    """Print what a capture says, as when it was recorded; or write it in other formats."""
    from memdiag.capture.load import load
    from memdiag.commands.recording import diagnose

    output.check_json(json)
    asked = _placed(format or ([] if json == output.STDOUT else ["terminal"]), out)
    places = output.places(asked, json)
    with output.working("reading"):
        found = dataclasses.replace(diagnose(load(capture)), saved=str(capture))
    output.write(found, places, limit)
    output.write_json(found, json)
    return 0


def _placed(formats: Sequence[str], file: str | None) -> list[str]:
    """The formats, with ``-o FILE`` where one has no file. Raises UsageError where it would be for none."""
    if file is None:
        return list(formats)
    placed = [text if "=" in text else f"{text}={file}" for text in formats]
    if placed == list(formats):
        raise UsageError(f"-o {file}: every format has a file of its own", "leave -o out")
    return placed
