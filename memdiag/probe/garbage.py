"""Garbage that awaits the collector: found without collecting, and collected only where nobody could tell."""

from __future__ import annotations

from _weakref import getweakrefcount as _getweakrefcount
from gc import callbacks as _callbacks
from gc import get_debug as _get_debug
from gc import get_objects as _get_objects
from gc import get_referents as _get_referents
from gc import is_tracked as _is_tracked
from sys import getrefcount as _getrefcount

from .graph import _LISTED, beyond, unreachable
from .kinds import dies_unheard
from .moments import kept_frame

_MAX_WALK = 1_000_000  # tracked objects; beyond, the garbage among them is not told apart


class Garbage:
    """``objects`` that the collector would find, and ``hangers``: what it does not track and only these hold.

    ``spared``: the collector would find more than that, namely what the program used until its end.
    """

    def __init__(self, objects: list[object], spared: bool) -> None:
        self.objects = objects
        self.spared = spared
        self.hangers = _hangers(objects)

    def unheard(self, collector_enabled: bool) -> bool:
        """Whether collecting now would go unnoticed: no finalizer, weak reference, callback or debug flag tells.

        Where the program has turned the collector off, it may count on its garbage to stay.
        """
        kinds = {id(kind): kind for kind in map(type, self.objects + self.hangers)}
        if (
            self.spared
            or not collector_enabled
            or _get_debug()
            or len(_callbacks) > 1
            or not all(map(dies_unheard, kinds.values()))
        ):
            return False
        return not any(map(_getweakrefcount, self.objects))


def find_garbage() -> Garbage | None:
    """What awaits the collector now; ``None`` where there is none, or the heap is too large to look."""
    objects = _get_objects()
    if len(objects) > _MAX_WALK:
        return None
    garbage = unreachable(objects)
    del objects
    frame = kept_frame(garbage)
    if frame is not None:
        garbage = beyond([frame], garbage)
    return Garbage(garbage, frame is not None) if garbage else None


def _hangers(garbage: list[object]) -> list[object]:
    """What the collector does not track and only the garbage refers to: strings, numbers, plain tuples."""
    found: dict[int, object] = {}
    inner: dict[int, int] = {}
    layer = garbage
    while layer:
        fresh: dict[int, object] = {}
        for item in _get_referents(*layer):
            if not _is_tracked(item):
                key = id(item)
                inner[key] = inner.get(key, 0) + 1
                if key not in found:
                    fresh[key] = item
        found.update(fresh)
        layer = list(fresh.values())
    item = None
    del layer
    names = list(found)
    items = list(found.values())
    found.clear()
    fresh = {}
    counts = list(map(_getrefcount, items))
    return [item for item, key, count in zip(items, names, counts, strict=True) if count - _LISTED <= inner[key]]
