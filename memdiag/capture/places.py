"""Where each address of a heap stands in the list of all of them: by a table for each page, not by searching.

A binary search over millions of addresses misses the cache at every step; a table is looked into once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.uint64]
Index = npt.NDArray[np.int32]

_PAGE = np.uint64(16)  # bits of an address that tell its place in a page
_SLOT = np.uint64(4)  # of these, bits that no two objects differ by alone: the smallest has 16 bytes
_SLOTS = 1 << int(_PAGE - _SLOT)
_MOST = 8  # slots for each address, in all: where they lie further apart, searching takes less memory


class Places:
    """``ids`` are in order, each once."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        pages = ids >> _PAGE
        begins = np.flatnonzero(np.append(True, pages[1:] != pages[:-1])[: len(ids)])
        self._pages = pages[begins]
        self._table: Index | None = None
        if 0 < len(begins) * _SLOTS <= _MOST * len(ids) + _SLOTS:
            self._table = np.zeros(len(begins) * _SLOTS, np.int32)
            rows = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(ids)))
            self._table[rows * _SLOTS + _slot(ids)] = np.arange(len(ids), dtype=np.int32)

    def of(self, wanted: Ids) -> tuple[Index, npt.NDArray[np.bool_]]:
        """The place of each, and whether it has one. Both of the shape of ``wanted``."""
        if self._table is None:
            places = np.searchsorted(self._ids, wanted)
            places[places == len(self._ids)] = 0
        else:
            rows = np.searchsorted(self._pages, wanted >> _PAGE)
            rows[rows == len(self._pages)] = 0
            places = self._table[rows * _SLOTS + _slot(wanted)]
        there = self._ids[places] == wanted if len(self._ids) else np.zeros(len(wanted), np.bool_)
        return places.astype(np.int32, copy=False), there


def _slot(ids: Ids) -> npt.NDArray[np.int64]:
    return np.asarray((ids >> _SLOT) & np.uint64(_SLOTS - 1), dtype=np.int64)
