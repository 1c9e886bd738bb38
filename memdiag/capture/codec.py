"""Frozen dataclasses <-> plain JSON values, checked by their own type hints.

A capture may come from anywhere, so nothing is assumed of it: each value must have the type that the model declares.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")


def encode(value: Any) -> Any:
    """Dataclasses become objects, tuples and sets lists; numbers, strings and None stay."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (list, tuple, frozenset)):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def decode(kind: type[T], value: Any) -> T:
    """The value as ``kind``. Raises ValueError, naming the place, where it does not fit."""
    return cast("T", _decode(kind, value, getattr(kind, "__name__", "")))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(kind, value, where)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), value, where)
    if origin is typing.Literal:
        if value not in typing.get_args(kind):
            raise ValueError(f"{where}: unexpected {value!r:.40}")
        return value
    if dataclasses.is_dataclass(kind):
        return _decode_fields(cast("type", kind), value, where)
    return _decode_plain(kind, value, where)


def _decode_union(kind: Any, value: Any, where: str) -> Any:
    if value is None and type(None) in typing.get_args(kind):
        return None
    choices = [choice for choice in typing.get_args(kind) if choice is not type(None)]
    return _decode(choices[0], value, where)


def _decode_tuple(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where}: a list was expected")
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_decode(inner[0], item, where) for item in value)
    if len(inner) != len(value):
        raise ValueError(f"{where}: {len(inner)} items were expected")
    return tuple(_decode(kind, item, where) for kind, item in zip(inner, value, strict=True))


def _decode_fields(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: an object was expected")
    hints = _hints(kind)
    try:
        return kind(**{name: _decode(hints[name], item, f"{where}.{name}") for name, item in value.items()})
    except (TypeError, KeyError) as error:
        raise ValueError(f"{where}: unknown or missing field ({str(error)[:60]})") from error


def _decode_plain(kind: Any, value: Any, where: str) -> Any:
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise ValueError(f"{where}: a number of 64 bits was expected")
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise ValueError(f"{where}: {kind.__name__} was expected")
    return value
