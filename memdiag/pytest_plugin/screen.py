"""Two figures of the heap that tell cheaply whether a round left anything behind: most tests leave nothing.

Blocks of the interpreter's allocator tell of new objects, bytes of containers, texts and buffers that swell. Neither
says what grew; where both stand still, nothing that Python knows of did.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from itertools import filterfalse

from memdiag.probe.counted import collect
from memdiag.probe.kinds import Sizes


@dataclass(frozen=True)
class Figures:
    """Of the heap without garbage."""

    blocks: int
    size: int  # bytes

    def grew_from(self, before: Figures) -> bool:
        return self.blocks > before.blocks or self.size > before.size


def figures() -> Figures:
    """Collects, then measures."""
    collect()
    blocks = sys.getallocatedblocks()
    return Figures(blocks, heap_bytes())


def heap_bytes() -> int:
    """Shallow sizes of all objects that the collector tracks, and of those that they refer to, each once."""
    sizes = Sizes()
    objects = gc.get_objects()
    loose = filterfalse(gc.is_tracked, gc.get_referents(*objects))
    once = {id(one): one for one in loose}
    return sum(map(sizes, objects)) + sum(map(sizes, once.values()))
