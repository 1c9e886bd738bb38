"""The command line: the verbs, and the one place where errors become a line and a status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from memdiag import __version__
from memdiag.commands import baseline, captures, check, cycles, diff, report
from memdiag.commands import run as run_command
from memdiag.commands.sides import SidesCommand
from memdiag.commands.targets import CyclesCommand, RunCommand
from memdiag.errors import BAD_INPUT, FAILED, FINE, MemdiagError

app = typer.Typer(
    name="memdiag",
    help="Leak diagnosis for Python: run a program that knows nothing of it, read what leaks.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_TARGET = {"allow_interspersed_args": False}

app.command("run", cls=RunCommand, context_settings=_TARGET)(run_command.run)
app.command("cycles", cls=CyclesCommand, context_settings=_TARGET)(cycles.cycles)
app.command("diff", cls=SidesCommand)(diff.diff)
app.command("check")(check.check)
app.command("report")(report.report)
app.command("captures")(captures.captures)
app.command("baseline")(baseline.baseline)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"memdiag {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Leak diagnosis for Python: run a program that knows nothing of it, read what leaks."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status. Nothing but the errors of memdiag and of its usage is caught."""
    try:
        status = app(args=list(arguments), standalone_mode=False, prog_name="memdiag")
    except MemdiagError as error:
        _complain(error.problem, error.next_step)
        return error.exit_status
    except (BrokenPipeError, SystemExit):
        return FINE  # typer leaves by itself when nobody reads what is printed; that is no failure
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        _complain(f"cannot write the report: {error.strerror or error}", "make room, or send it elsewhere")
        return FAILED
    except Exception as error:
        return _usage_error(error)
    return status if isinstance(status, int) else FINE


def _usage_error(error: Exception) -> int:
    """typer's own errors carry a message of theirs; anything else is a defect of ours and is not hidden."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        print(context.get_help(), file=sys.stderr)
        return BAD_INPUT
    if not hasattr(error, "format_message"):
        if type(error).__name__ == "Exit":
            return int(getattr(error, "exit_code", BAD_INPUT))
        if type(error).__name__ == "Abort":
            return 130
        raise error
    path = context.command_path if context is not None else "memdiag"
    _complain(error.format_message(), f"{path} --help tells what it takes")
    return BAD_INPUT


def _complain(problem: str, next_step: str) -> None:
    lines = [f"memdiag: {_one_line(problem)}", *([f"  {_one_line(next_step)}"] if next_step else [])]
    with suppress(OSError):
        print("\n".join(lines), file=sys.stderr, flush=True)


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "?" for letter in flat)
