"""One checkout seen as another: the same program under two directories is the same program."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from memdiag.model import Capture, StackTable

T = TypeVar("T")


def moved(capture: Capture, directory: str) -> Capture:
    """The capture as if the program had been started in ``directory``: whatever names a file below its own does so."""
    own = capture.target.directory.rstrip("/")
    there = directory.rstrip("/")
    if not own or not there or own == there:
        return capture
    found = _moved(dataclasses.replace(capture, repeats=()), own + "/", there + "/")
    return dataclasses.replace(
        found,
        target=dataclasses.replace(capture.target, directory=directory),
        repeats=tuple(moved(one, directory) for one in capture.repeats),
    )


def _moved(value: T, own: str, there: str) -> T:
    return cast("T", _any(value, own, there))


def _any(value: Any, own: str, there: str) -> Any:
    """Values of the model, which are frozen, made anew where they hold such a name; arrays stay as they are."""
    if isinstance(value, str):
        return there + value[len(own) :] if value.startswith(own) else value
    if isinstance(value, StackTable):
        return StackTable([_any(frame, own, there) for frame in value.frames], value.depths, value.places)
    if isinstance(value, tuple):
        return tuple(_any(item, own, there) for item in value)
    if isinstance(value, Mapping):
        return {_any(key, own, there): _any(item, own, there) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        changed = {name: new for name, old in fields.items() if (new := _any(old, own, there)) is not old}
        return dataclasses.replace(value, **changed) if changed else value
    return value
