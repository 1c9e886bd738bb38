"""The whole heap written down as arrays: all that the collector tracks, and all that it refers to.

The loops are left to C (``map`` over lists, ``gc.get_referents`` of many objects): code in Python for each object would
cost ten times the walk. Objects that the collector does not track are met once in every chunk that refers to them; the
reader tells them apart by their ids.
"""

from __future__ import annotations

from _operator import is_ as _is
from _operator import not_ as _not
from gc import get_referents as _get_referents
from gc import is_tracked as _is_tracked
from itertools import chain as _chain
from itertools import compress as _compress
from itertools import filterfalse as _filterfalse
from itertools import repeat as _repeat
from sys import getrefcount as _getrefcount
from sys import getsizeof as _getsizeof

from .graph import _LISTED
from .kinds import Sizes, role, type_name
from .wire import pieces

_map = map
_keys_of = dict.__iter__  # never a class's own
_CHUNK = 10_000
# What most of the untracked are, and what tells their sizes: ten times as fast as a size of just any object.
_PLAIN: dict[type, Any] = {str: str.__sizeof__, int: int.__sizeof__, float: float.__sizeof__}
_ATOMS = frozenset(map(id, (str, bytes, int, float, complex, bool, type(None), bytearray, range, type(...))))

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .wire import Column


class Walk:
    """Writes ``nodes`` records, one for each chunk, and two last ones, ``types`` and ``classes``.

    Columns of a ``nodes`` record: ids, types (ids of classes), sizes (bytes), refcounts (without the walker's own; of
    tracked objects only) and the referents' ids, in order; after those of each object stands the id of ``end``.
    """

    def __init__(self, write: Callable[[list[bytes]], object], addresses: Callable[[list[Any]], bytes]) -> None:
        self._write = write
        self._addresses = addresses
        self.kinds: dict[int, type] = {}  # of all objects so far, by id
        self._metaclasses: set[int] = set()
        self._dicts: set[int] = set()  # ids of classes
        self._classes: list[type] = []  # all that are objects of the heap
        self._sizes = Sizes()
        self._untrusted: set[int] = set()
        # Asked for the referents of many objects, C tells them as one list: what this refers to marks where each ends.
        self._end: list[list[object]] = [[]]

    def objects(self, objects: list[object]) -> None:
        for start in range(0, len(objects), _CHUNK):
            part = objects[start : start + _CHUNK]
            # What is referred to must be let go of again before the next chunk's references are counted.
            self._loose(self._describe(part, tracked=True))

    def types(self) -> None:
        """Module, name and role of every class that has instances here, and the module of every class."""
        kinds = list(self.kinds.values())
        named = [[*type_name(kind), role(kind)] for kind in kinds]
        self._write(pieces("types", {"types": named}, {"ids": ("Q", list(_map(id, kinds)))}))
        homes = [type_name(kind)[0] for kind in self._classes]
        self._write(pieces("classes", {"modules": homes}, {"ids": ("Q", list(_map(id, self._classes)))}))

    def _loose(self, layer: list[object]) -> None:
        """What the collector does not track, layer by layer: a dictionary of plain values may hold tuples of them."""
        seen: set[int] = set()
        while layer:
            rest = list(_filterfalse(_is_tracked, layer))
            for kind in _PLAIN:
                rest = self._plain(rest, kind)
            fresh = dict(zip(_map(id, rest), rest, strict=True))
            for key in seen.intersection(fresh):
                del fresh[key]
            seen.update(fresh)
            rest = list(fresh.values())
            atomic = list(_map(_ATOMS.__contains__, _map(id, _map(type, rest))))
            self._describe(list(_compress(rest, atomic)), leaves=True)
            layer = self._describe(list(_compress(rest, _map(_not, atomic))))

    def _plain(self, items: list[Any], kind: type) -> list[Any]:
        """Write those of one kind, which needs no look at each one's type; the others come back."""
        found = list(_map(_is, _map(type, items), _repeat(kind)))
        part = list(_compress(items, found))
        if not part:
            return items
        if id(kind) not in self.kinds:
            self._note([kind])
        columns: dict[str, Column] = {
            "ids": ("Q", self._addresses(part)),
            "types": ("Q", id(kind).to_bytes(8, "little") * len(part)),
            "sizes": ("Q", list(_map(_PLAIN[kind], part))),
        }
        self._write(pieces("nodes", {"tracked": False}, columns))
        return list(_compress(items, _map(_not, found)))

    def _describe(self, part: list[Any], tracked: bool = False, leaves: bool = False) -> list[object]:
        """Write these nodes; their referents come back, as often as they are referred to, and the ends between them."""
        if not part:
            return []
        refcounts = [count - _LISTED - 1 for count in _map(_getrefcount, part)] if tracked else []
        kinds = list(_map(type, part))
        columns: dict[str, Column] = {
            "ids": ("Q", self._addresses(part)),
            "types": ("Q", self._addresses(kinds)),
            "sizes": ("Q", self._measure(part, kinds)),
        }
        if tracked:
            columns["refcounts"] = ("q", refcounts)
        referents: list[object] = []
        if not leaves:
            referents = _get_referents(*_chain.from_iterable(zip(part, self._texts(part, kinds), _repeat(self._end))))
            columns["referents"] = ("Q", self._addresses(referents))
        self._write(pieces("nodes", {"tracked": tracked, "end": id(self._end[0])}, columns))
        return referents

    def _texts(self, part: list[Any], kinds: list[type]) -> Iterable[Any]:
        """Keys that are texts, for each object: the collector passes over these in a dictionary of no other keys.

        Where there are others it does not, and an edge to a text that is told twice does no harm.
        """
        are_dicts = list(_map(self._dicts.__contains__, _map(id, kinds)))
        if True not in are_dicts:
            return _repeat(())
        found: list[Any] = [()] * len(part)
        for at in _compress(range(len(part)), are_dicts):
            found[at] = [key for key in _keys_of(part[at]) if type(key) is str]
        return found

    def _measure(self, part: list[Any], kinds: list[type]) -> list[int]:
        """``sys.getsizeof`` where no code of the program's would answer."""
        present = set(_map(id, kinds))
        if not present <= self.kinds.keys():
            self._note(kinds)
        if not self._metaclasses.isdisjoint(present):
            are_classes = _map(self._metaclasses.__contains__, _map(id, kinds))
            self._classes += list(_compress(part, are_classes))
        if self._untrusted.isdisjoint(present):
            try:
                return list(_map(_getsizeof, part))
            except Exception:
                pass
        return list(_map(self._sizes, part))

    def _note(self, kinds: list[type]) -> None:
        for key, kind in dict(zip(_map(id, kinds), kinds, strict=True)).items():
            if key not in self.kinds:
                self.kinds[key] = kind
                if issubclass(kind, dict):
                    self._dicts.add(key)
                if issubclass(kind, type):
                    self._metaclasses.add(key)
                if not self._sizes.trusts(kind):
                    self._untrusted.add(key)
