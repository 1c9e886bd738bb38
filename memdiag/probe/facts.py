"""What is known of one object by itself: where it is defined, how long it is, which bound it has. No values."""

from __future__ import annotations

from _collections import deque as _deque

from . import kinds

_Module = type(kinds)
_Function = type(lambda: None)

_MOST_UNSET = 40
_LENGTHS = {id(kind): kind.__len__ for kind in (list, tuple, dict, set, frozenset, str, bytes, bytearray, _deque)}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def facts(item: object, copied: bool) -> dict[str, Any]:
    """Plain values under the names of ``ObjectFacts``; what is not known is left out.

    ``copied``: in an image, and not in the program itself, where no dictionary may be made of an object's attributes.
    """
    found: dict[str, Any] = {}
    for tell in (_definition, _length, _limit, _finalizer, lambda item: _of_attributes(item, copied)):
        try:
            found.update(tell(item))
        except Exception:
            continue
    return found


def _definition(item: Any) -> dict[str, Any]:
    kind = type(item)
    if kind is kinds.Method:
        return _definition(item.__func__)
    if kind is kinds.Coroutine or kind is kinds.Generator:
        code, frame = (item.cr_code, item.cr_frame) if kind is kinds.Coroutine else (item.gi_code, item.gi_frame)
        module = frame.f_globals.get("__name__") if frame is not None else ""
        return {"module": _text(module), "file": code.co_filename, "line": code.co_firstlineno}
    if kind is _Function:
        code = item.__code__
        return {"module": _text(item.__module__), "file": code.co_filename, "line": code.co_firstlineno}
    if issubclass(kind, _Module):
        namespace = kinds.instance_namespace(item) or {}
        return {"module": _text(namespace.get("__name__")), "file": _text(namespace.get("__file__"))}
    if issubclass(kind, type):
        return {"module": kinds.type_name(item)[0], **_of_methods(item)}
    return {}


def _of_methods(kind: type) -> dict[str, Any]:
    """The file of a class is that of a function that it defines itself, in its own module."""
    module, name = kinds.type_name(kind)
    for value in kinds._namespace_of(kind).values():
        if type(value) is _Function and value.__module__ == module and value.__qualname__.startswith(name):
            return {"file": value.__code__.co_filename, "line": value.__code__.co_firstlineno}
    return {}


def _length(item: Any) -> dict[str, Any]:
    for base in kinds._mro_of(type(item)):
        if id(base) in _LENGTHS:
            return {"length": _LENGTHS[id(base)](item)}
    return {}


def _limit(item: Any) -> dict[str, Any]:
    if issubclass(type(item), _deque):
        limit = _deque.maxlen.__get__(item)
        return {} if limit is None else {"limit": limit}
    if ".".join(kinds.type_name(type(item))) == "functools._lru_cache_wrapper":
        _, _, limit, length = type(item).cache_info(item)
        return {"length": length, **({} if limit is None else {"limit": limit})}
    return {}


def _of_attributes(item: Any, copied: bool) -> dict[str, Any]:
    """Of an instance: which attributes are None, and where what it stands in for is defined (``functools.wraps``)."""
    if issubclass(type(item), (type, _Module, _Function)):
        return {}
    stored = kinds.attributes(item, copied)
    wrapped = [value for name, value in stored if name == "__wrapped__" and type(value) is _Function]
    unset = [name for name, value in (*stored, *kinds.slots(item)) if value is None][:_MOST_UNSET]
    return {**(_definition(wrapped[0]) if wrapped else {}), **({"unset": unset} if unset else {})}


def _finalizer(item: Any) -> dict[str, Any]:
    """Of a class: which ``__del__`` its instances have, by the name of the class that defines it."""
    if not issubclass(type(item), type):
        return {}
    for base in kinds._mro_of(item):
        if "__del__" in kinds._namespace_of(base):
            return {"finalizer": f"{kinds.type_name(base)[1]}.__del__"}
    return {}


def _text(value: object) -> str:
    return value if type(value) is str else ""
