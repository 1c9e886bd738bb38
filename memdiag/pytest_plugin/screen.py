"""One figure of the heap that tells cheaply whether a round left anything behind: most tests leave nothing.

It is exact, unlike the blocks of the interpreter's allocator or the resident set, which go up and down by themselves: a
test that leaves nothing leaves not a byte. It does not say what grew; where it stands still, nothing did.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import compress, filterfalse
from sys import getsizeof
from typing import Any

from memdiag.probe.counted import collect
from memdiag.probe.kinds import Sizes

_BEARING = {dict, tuple, frozenset}


def settled_bytes() -> int:
    """The bytes of the live heap, with all garbage collected."""
    with thawed():
        collect()
        return heap_bytes()


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


def heap_bytes() -> int:
    """Shallow sizes of all objects that the collector tracks, and of all that these lead to, each once.

    The loops are left to C; what a class says of its size in Python is not asked.
    """
    objects = layer = gc.get_objects()
    once: dict[int, Any] = {}
    while layer:
        loose = list(filterfalse(gc.is_tracked, gc.get_referents(*layer)))
        fresh = dict(zip(map(id, loose), loose, strict=True))
        for known in once.keys() & fresh.keys():
            del fresh[known]
        once.update(fresh)
        # A dictionary of plain values is not tracked, and what it holds is met through it alone.
        layer = [one for one in fresh.values() if type(one) in _BEARING]
    return _size_of(objects) + _size_of(list(once.values()))


def _size_of(objects: list[Any]) -> int:
    kinds = list(map(type, objects))
    each = dict(zip(map(id, kinds), kinds, strict=True))
    trusts = Sizes().trusts
    untrusted = {key for key, kind in each.items() if not trusts(kind)}
    measured: Iterable[Any] = objects
    if untrusted:
        measured = compress(objects, (id(kind) not in untrusted for kind in kinds))
    return sum(map(getsizeof, measured))
