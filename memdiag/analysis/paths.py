"""Paths through the heap, said as a person would write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_CELL = ".cell_contents"
_CLOSURE = ".__closure__"
_NAMESPACE = ".__dict__"


@dataclass(frozen=True)
class Labels:
    """What the target answered: names of references, and of objects that have one; by id."""

    edges: dict[tuple[int, int], str] = field(default_factory=dict)
    objects: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One object on a path, and the name of the reference that leads on from it."""

    type: str
    home: str  # the module of its type, or its own
    name: str
    edge: str


def _plain(steps: Sequence[Step]) -> list[Step]:
    """Without the containers' inner parts: an instance's namespace, a closure's tuple and cell."""
    kept: list[Step] = []
    for step in steps:
        before = kept[-1] if kept else None
        if before is not None and before.edge in (_NAMESPACE, _CLOSURE):
            edge = f".{step.edge.lstrip('.')}" if step.edge.startswith(".") else step.edge
            kept[-1] = Step(before.type, before.home, before.name, edge)
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


def describe_path(steps: Sequence[Step]) -> str:
    """``__main__.registry.items[*]``: from a root to what it holds. Empty for an empty path."""
    if not steps:
        return ""
    plain = _plain(steps)
    while len(plain) > 1 and plain[0].type == "cell":
        plain = plain[1:]  # a variable that an inner function shares: what it holds is what a person would name
    first = plain[0]
    root = first.name or f"{first.home}.{first.type}".removeprefix("builtins.")
    middle = "".join(step.edge or f" -> {following.type}" for step, following in pairwise(plain))
    return root + middle if first.name else f"{root}{middle}, the {first.type} by a local variable or native code"
