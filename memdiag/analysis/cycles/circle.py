"""Cycles through the heap, said as a person would write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_CELL = ".cell_contents"
_CLOSURE = ".__closure__"
_NAMESPACE = ".__dict__"


@dataclass(frozen=True)
class Step:
    """One object on a path, and the name of the reference that leads on from it."""

    type: str
    edge: str


def _plain(steps: Sequence[Step]) -> list[Step]:
    """Without the containers' inner parts: an instance's namespace, a closure's tuple and cell."""
    kept: list[Step] = []
    for step in steps:
        before = kept[-1] if kept else None
        if before is not None and before.edge in (_NAMESPACE, _CLOSURE):
            edge = f".{step.edge.lstrip('.')}" if step.edge.startswith(".") else step.edge
            kept[-1] = Step(before.type, edge)
        elif before is not None and step.type == "cell" and step.edge == _CELL and ".closure(" in before.edge:
            continue
        else:
            kept.append(step)
    return kept


def describe_cycle(steps: Sequence[Step]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Types along the cycle, and the names of the references from each to the next.

    ``steps`` ends with the object it begins with.
    """
    plain = _plain(steps)
    if len(plain) > 1 and plain[-1].edge == "":
        plain = plain[:-1]
    return tuple(step.type for step in plain), tuple(step.edge for step in plain)
