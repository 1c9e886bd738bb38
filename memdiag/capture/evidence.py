"""What a capture says of the heap, held to what the model says of it: series that go together, figures of a heap."""

from __future__ import annotations

from collections.abc import Iterator

from memdiag.model import HeapEvidence

_MOST = 1 << 48  # bytes, or objects: more than any process can address


def checked(heap: HeapEvidence) -> HeapEvidence:
    """The evidence. Raises ValueError where a series is not of its moments, or a figure is none of a heap's."""
    length = len(heap.moments)
    for name, series, may_be_empty in _series(heap):
        if len(series) != length and (series or not may_be_empty):
            raise ValueError(f"HeapEvidence.{name}: {length} figures were expected")
        _check_figures(name, series)
    _check_figures("garbage", (heap.garbage_objects, heap.garbage_bytes, *(count for _, count in heap.garbage_types)))
    for one in heap.populations:
        _check_figures("populations", (one.retained_bytes, one.reachable_bytes))
    return heap


def _series(heap: HeapEvidence) -> Iterator[tuple[str, tuple[int, ...], bool]]:
    """Everything that has a figure at each moment, and whether it may have none at all."""
    yield "objects", heap.objects, False
    yield "heap_bytes", heap.heap_bytes, False
    for one in heap.populations:
        yield "populations", one.counts, False
        yield "populations", one.sizes, True
    for waiting in heap.waiting:
        yield "waiting", waiting.counts, False
    for kind in heap.types:
        yield "types", kind.counts, False
        yield "types", kind.sizes, False


def _check_figures(name: str, figures: tuple[int, ...]) -> None:
    """-1 stands for what was not there yet."""
    if figures and not (min(figures) >= -1 and max(figures) < _MOST):
        raise ValueError(f"HeapEvidence.{name}: a figure that no heap has")
