"""tracemalloc in the target: live memory grouped by allocation stack, several times over the run."""

from __future__ import annotations

import _tracemalloc
from gc import collect as _collect
from gc import disable as _disable
from gc import enable as _enable
from gc import isenabled as _isenabled
from itertools import chain as _chain
from time import perf_counter as _perf_counter

from .cadence import Budget, Cadence
from .garbage import find_garbage
from .kinds import Sizes
from .recorder import Recorder

_start = _tracemalloc.start
_stop = _tracemalloc.stop
_is_tracing = _tracemalloc.is_tracing
_get_traces = _tracemalloc._get_traces
_traceback_of = _tracemalloc._get_object_traceback
_traced_memory = _tracemalloc.get_traced_memory
_tracer_memory = _tracemalloc.get_tracemalloc_memory

_MAX_STACKS = 100_000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .wire import Column

    RawStack = tuple[tuple[str, int], ...]


class TraceRecorder:
    """Starts tracing, and writes how much each stack has alive at the moments that the cadence allows."""

    def __init__(self, recorder: Recorder, frames: int) -> None:
        self._recorder = recorder
        self._stacks: dict[RawStack, int] = {}
        self._told = 0
        self._cadence = Cadence(keep=16, seconds=0.003, work=1, budget=Budget(share=0.2, allowance=0.6))
        self._stopped = False
        if not _is_tracing():
            _start(frames)

    def memory(self) -> tuple[int, int] | None:
        """Traced bytes and the tracer's own bytes; ``None`` once the program has stopped the tracing itself."""
        if _is_tracing():
            return _traced_memory()[0], _tracer_memory()
        if not self._stopped:
            self._stopped = True
            self._recorder.write("note", {"text": "tracing-stopped", "t": self._recorder.now()})
        return None

    def stop(self) -> None:
        _stop()

    def due(self) -> bool:
        return self._cadence.due(self._recorder.now(), self._recorder.collections) and _is_tracing()

    def snapshot(self, label: str, garbage: bool = False) -> None:
        """Write one moment; with ``garbage`` also which part of it awaits the collector."""
        recorder = self._recorder
        begun = _perf_counter()
        if not _is_tracing():
            return
        header: dict[str, Any] = {"t": recorder.active(), "worked": recorder.worked(), "label": label}
        header.update(garbage_told=garbage, untold=0)
        live = self._group(_read_traces())
        columns = self._columns(live, "")
        if garbage:
            awaiting, header["untold"] = self._awaiting(live)
            columns.update(self._columns(awaiting, "awaiting_"))
        else:
            columns.update(self._columns({}, "awaiting_"))
        header["first"], header["files"] = self._told, self._new_stacks(columns)
        recorder.write("traces", header, columns)
        self._cadence.took(recorder.now(), recorder.collections, _perf_counter() - begun)

    def _awaiting(self, live: dict[int, list[int]]) -> tuple[dict[int, list[int]], int]:
        """Garbage that awaits the collector, by stack ([bytes, blocks]), and its size where that may not be all of it.

        It is worked out without collecting. Where nobody could tell that it dies, it is then collected, and what is
        gone afterwards is exact; else the blocks of the objects themselves are looked up one by one, which misses
        the buffers of lists and dictionaries (and, on 3.11, instances, whose traces are not found there).
        """
        found = find_garbage()
        if found is None:
            return {}, 0
        if not found.unheard(self._recorder.collector_enabled):
            return self._looked_up(found.objects + found.hangers)
        del found
        _collect()
        left = self._group(_read_traces())
        gone = {}
        for index, (size, blocks) in live.items():
            size_left, blocks_left = left.get(index, (0, 0))
            if size_left < size and blocks_left < blocks:
                gone[index] = [size - size_left, blocks - blocks_left]
        return gone, 0

    def _looked_up(self, items: list[object]) -> tuple[dict[int, list[int]], int]:
        """By stack what was found, and the size of it all: of none of it is it known whether that was everything."""
        sizes = Sizes()
        traced = _Lists()
        for item in items:
            stack = _traceback_of(item)
            if stack is not None:
                traced[stack].append(sizes(item))
        return self._totals(traced), sum(map(sizes, items))

    def _group(self, traces: Any) -> dict[int, list[int]]:
        """Index of the stack -> [bytes, blocks].

        The sizes are only moved about, never added one by one: this code is traced as well, and a number made for
        every block would cost ten times the loop.
        """
        sizes = _Lists()
        for trace in traces:
            sizes[trace[2]].append(trace[1])
        return self._totals(sizes)

    def _totals(self, sizes: dict[RawStack, list[int]]) -> dict[int, list[int]]:
        grouped: dict[int, list[int]] = {}
        for stack, items in sizes.items():
            entry = grouped.setdefault(self._index(stack), [0, 0])
            entry[0] += sum(items)
            entry[1] += len(items)
        return grouped

    def _index(self, stack: RawStack) -> int:
        known = self._stacks.get(stack)
        if known is None:
            if len(self._stacks) >= _MAX_STACKS:
                stack = (("<other stacks>", 0),)
            known = self._stacks.setdefault(stack, len(self._stacks))
        return known

    def _new_stacks(self, columns: dict[str, Column]) -> list[str]:
        """Put the stacks that no record has told yet into the columns; the names of their files come back."""
        told, self._told = self._told, len(self._stacks)
        files: dict[str, int] = {}
        depths, places, numbers = [], [], []
        for stack in list(self._stacks)[told:]:
            depths.append(len(stack))
            for file, line in stack:
                places.append(files.setdefault(file, len(files)))
                numbers.append(line)
        columns.update(depths=("I", depths), places=("I", places), lines=("I", numbers))
        return list(files)

    @staticmethod
    def _columns(grouped: dict[int, list[int]], prefix: str) -> dict[str, Column]:
        return {
            prefix + "index": ("I", list(grouped)),
            prefix + "bytes": ("Q", [entry[0] for entry in grouped.values()]),
            prefix + "blocks": ("Q", [entry[1] for entry in grouped.values()]),
        }


_call = type(len).__call__
_AT_REST = {True: (_disable, _get_traces, _enable), False: (_isenabled, _get_traces, _isenabled)}


def _read_traces() -> Any:
    """All traces; a tuple for each would set off collections, and in our thread run the program's finalizers there.

    The collector rests in one call into C: no other thread of the program's ever sees its switch turned.
    """
    enabled = _isenabled()
    steps = _chain.from_iterable(map(_AT_REST.__getitem__, map(_call, (_isenabled,))))
    try:
        _, traces, _ = map(_call, steps)
    except MemoryError:
        if enabled:
            _enable()
        raise
    return traces


class _Lists(dict):  # type: ignore[type-arg]
    """A list for every key; ``collections`` is not imported into the target."""

    def __missing__(self, key: Any) -> list[int]:
        made: list[int] = []
        self[key] = made
        return made
