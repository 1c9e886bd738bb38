"""Where the objects of a snapshot were allocated, as far as tracemalloc saw it.

While it traces, every object made here is traced as well, at many times the price of making it; so the lookups make
none for what was not traced, and in an image the tracing is ended before the heap is walked.
"""

from __future__ import annotations

from _operator import not_ as _not
from _tracemalloc import _get_object_traceback as _traceback_of
from gc import get_referents as _get_referents
from gc import is_tracked as _is_tracked
from itertools import compress as _compress
from sys import version_info as _version

from .wire import pieces

_map = map
_CHUNK = 10_000
_MOST = 200_000  # objects of one snapshot whose allocation is told
_MANAGED_DICT = 1 << 4  # of a class's flags in 3.11
_BEFORE_INSTANCE = 32  # bytes: the collector's header, and the places of values and dictionary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .native import Native
    from .portable import Portable

    Found = dict[int, Any]  # id -> allocation stack, innermost line first


def allocations(objects: list[object], native: Native | Portable) -> Found:
    """Of the tracked objects and what they refer to, those whose allocation is known."""
    found: Found = {}
    for start in range(0, len(objects), _CHUNK):
        part = objects[start : start + _CHUNK]
        _look_up(part, found)
        referents = _get_referents(*part)
        _look_up(list(_compress(referents, _map(_not, _map(_is_tracked, referents)))), found)
        if _version[:2] == (3, 11):
            _look_up_instances(part, native, found)
        if len(found) > _MOST:
            break
    return found


def _look_up(items: list[object], found: Found) -> None:
    stacks = list(_map(_traceback_of, items))
    known = list(_compress(items, stacks))
    found.update(zip(_map(id, known), _compress(stacks, stacks), strict=True))


def _look_up_instances(items: list[object], native: Native | Portable, found: Found) -> None:
    """3.11's own lookup does not reckon with what lies before an instance that has a ``__dict__``."""
    kinds = {id(kind): kind for kind in _map(type, items)}
    managed = {key for key, kind in kinds.items() if kind.__flags__ & _MANAGED_DICT}
    for item in _compress(items, _map(managed.__contains__, _map(id, _map(type, items)))):
        stack = native.traced_at(id(item) - _BEFORE_INSTANCE)
        if stack is not None:
            found[id(item)] = stack


def record(found: Found) -> list[bytes]:
    """A ``stacks`` record: each stack once, and the objects that were allocated there."""
    numbers: dict[Any, int] = {}
    indices = [numbers.setdefault(stack, len(numbers)) for stack in found.values()]
    stacks = [[list(frame) for frame in stack] for stack in numbers]
    return pieces("stacks", {"stacks": stacks}, {"ids": ("Q", list(found)), "stacks": ("I", indices)})
