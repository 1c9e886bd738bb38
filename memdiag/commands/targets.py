"""Which program is meant: the words behind a verb, and what stands in for them where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from memdiag.commands import configuration
from memdiag.errors import MemdiagError, UsageError
from memdiag.launch.target import Target, from_words

_WHOLE = ("-m", "--module", "-c", "--code")


class TargetCommand(TyperCommand):
    """A verb behind which a program is named, as behind ``python``: all that follows the program is the program's."""

    trailing: tuple[str, ...] = ()  # options of ours that are taken from behind the program too

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = lead(args, self.trailing) if self.trailing else args
        return super().parse_args(ctx, separate(args, self._takes_value()))

    def _takes_value(self) -> set[str]:
        options = [param for param in self.params if param.param_type_name == "option"]
        return {name for param in options if not getattr(param, "is_flag", False) for name in param.opts}


class RunCommand(TargetCommand):
    """``--native`` alone is a switch, and ``--native auto`` another one: ``--native-auto``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_native_auto(args, self._takes_value()))


class CyclesCommand(TargetCommand):
    """``memdiag cycles script.py --passes 5`` is how it is asked for: a ``--`` before it leaves it to the script."""

    trailing = ("--passes",)


def lead(args: Sequence[str], options: Sequence[str]) -> list[str]:
    """The words with the last of ``options`` and its value, where they end the line, put first."""
    if "--" in args:
        return list(args)
    if len(args) > 2 and args[-2] in options:
        return [*args[-2:], *args[:-2]]
    if len(args) > 1 and args[-1].partition("=")[0] in options and "=" in args[-1]:
        return [args[-1], *args[:-1]]
    return list(args)


def separate(args: Sequence[str], takes_value: set[str]) -> list[str]:
    """Put ``--`` behind ``-m module`` and ``-c code``: options that follow are the program's, not ours."""
    at = 0
    while at < len(args):
        word = args[at]
        if word == "--" or not word.startswith("-") or word == "-":
            break
        if word in _WHOLE:
            return [*args[: at + 2], "--", *args[at + 2 :]]
        if word.partition("=")[0] in _WHOLE or (word[:2] in _WHOLE and not word.startswith("--")):
            return [*args[: at + 1], "--", *args[at + 1 :]]
        at += 2 if word in takes_value else 1
    return list(args)


def with_native_auto(args: Sequence[str], takes_value: set[str]) -> list[str]:
    """The words with ``--native auto`` in one, where it is ours and not the program's."""
    at = 0
    while at < len(args) and args[at].startswith("-") and args[at] not in ("-", "--", *_WHOLE):
        if args[at] == "--native=auto" or list(args[at : at + 2]) == ["--native", "auto"]:
            return [*args[:at], "--native-auto", *args[at + 1 + (args[at] == "--native") :]]
        at += 2 if args[at] in takes_value else 1
    return list(args)


def target_of(words: Sequence[str], module: str | None, code: str | None) -> Target | None:
    """The target that was named; ``None`` where none was. Raises UsageError where two were."""
    if module is not None and code is not None:
        raise UsageError("-m and -c name two programs", "give one of them")
    if module is not None:
        return Target("module", module, tuple(words))
    if code is not None:
        return Target("code", code, tuple(words))
    return Target("script", words[0], tuple(words[1:])) if words else None


def required(target: Target | None) -> Target:
    """The target, checked. Raises UsageError where there is none."""
    if target is None:
        raise UsageError("no program was named", "memdiag run script.py, memdiag run -m module, or memdiag run -c code")
    target.check()
    return target


def or_known(target: Target | None) -> Target:
    """The target, else the one in ``[tool.memdiag]``, else that of the latest run, else an error that explains."""
    found = target or configuration.read().target or _latest()
    if found is None:
        next_step = 'name one (memdiag cycles script.py), or put target = "script.py" under [tool.memdiag]'
        raise UsageError("no program was named, configured, or run here before", next_step)
    found.check()
    return found


def _latest() -> Target | None:
    from memdiag.capture import format, store

    for path in store.captures():
        try:
            argv = format.read_capture(path).target.argv
        except MemdiagError:
            continue
        if argv:
            return from_words(argv)
    return None
