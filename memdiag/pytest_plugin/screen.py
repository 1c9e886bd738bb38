"""Two figures of the heap that tell cheaply whether a round left anything behind: most tests leave nothing.

They are exact, unlike the blocks of the interpreter's allocator or the resident set, which go up and down by
themselves: a test that leaves nothing leaves not a byte, and not a reference, which a list with room to spare takes
without becoming larger. They do not say what grew; where they stand still, nothing did.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress, filterfalse
from sys import getsizeof
from typing import Any

from memdiag.probe.counted import collect
from memdiag.probe.kinds import Sizes

_BEARING = {dict, tuple, frozenset}


@dataclass(frozen=True)
class Size:
    """Of the live heap; ``references`` are those of its containers and instances."""

    bytes: int
    references: int


def settled_size() -> Size:
    """With all garbage collected."""
    with thawed():
        collect()
        return _size()


@contextmanager
def thawed() -> Iterator[None]:
    """While it is looked at, nothing is kept from the collector's view: a suite may freeze all that it has imported."""
    frozen = gc.get_freeze_count()
    if frozen:
        gc.unfreeze()
    try:
        yield
    finally:
        if frozen:
            gc.freeze()


def _size() -> Size:
    """Shallow sizes of all objects that the collector tracks, and of all that these lead to, each once.

    The loops are left to C; what a class says of its size in Python is not asked.
    """
    objects = layer = gc.get_objects()
    once: dict[int, Any] = {}
    references = 0
    while layer:
        referents = gc.get_referents(*layer)
        references += len(referents)
        loose = list(filterfalse(gc.is_tracked, referents))
        fresh = dict(zip(map(id, loose), loose, strict=True))
        for known in once.keys() & fresh.keys():
            del fresh[known]
        once.update(fresh)
        # A dictionary of plain values is not tracked, and what it holds is met through it alone.
        layer = [one for one in fresh.values() if type(one) in _BEARING]
    return Size(_bytes_of(objects) + _bytes_of(list(once.values())), references)


def _bytes_of(objects: list[Any]) -> int:
    kinds = list(map(type, objects))
    each = dict(zip(map(id, kinds), kinds, strict=True))
    trusts = Sizes().trusts
    untrusted = {key for key, kind in each.items() if not trusts(kind)}
    measured: Iterable[Any] = objects
    if untrusted:
        measured = compress(objects, (id(kind) not in untrusted for kind in kinds))
    return sum(map(getsizeof, measured))
