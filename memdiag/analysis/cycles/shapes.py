"""Cycles told apart by shape: by the types that the shortest way round runs through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.cycles import graph
from memdiag.analysis.roles import Roles
from memdiag.model import Ints

_STARTS = 40  # members from which a shortest cycle is searched
LONGEST = 24  # nodes of a cycle that are told; a longer one is a ring that nobody reads to its end
_EFFORT = 200_000  # nodes visited in the search for a shortest cycle


@dataclass(frozen=True)
class Draft:
    """Components whose shortest cycles run through the same types."""

    members: tuple[Ints, ...]
    cycle: tuple[int, ...]
    waiting: bool


def drafts(roles: Roles, parts: Sequence[Ints], waiting: bool) -> list[Draft]:
    """The components of one heap by shape; ``waiting`` says whether they are garbage."""
    types = roles.graph.types
    by_makeup: dict[bytes, list[Ints]] = {}
    for part in parts:
        by_makeup.setdefault(np.sort(types[part]).tobytes(), []).append(part)
    by_shape: dict[tuple[str, ...], tuple[tuple[int, ...], list[Ints]]] = {}
    for group in by_makeup.values():
        cycle = _canonical(
            roles, graph.shortest_cycle(graph.successors(roles.graph, group[0]), _starts(roles, group[0]))
        )
        shape = tuple(roles.name(node) for node in cycle)
        by_shape.setdefault(shape, (tuple(cycle), []))[1].extend(group)
    return [Draft(tuple(members), cycle, waiting) for cycle, members in by_shape.values()]


def _starts(roles: Roles, part: Ints) -> list[int]:
    """The members to search from: those of the program's own classes first, a person looks for these."""
    others = ~roles.own_types[roles.graph.types[part]]
    ordered = part[np.argsort(others, kind="stable")]
    own = ordered[: int((~others).sum())]
    starts = max(1, min(_STARTS, _EFFORT // len(part)))
    chosen: list[int] = (own if len(own) else ordered)[:starts].tolist()
    return chosen


def _canonical(roles: Roles, cycle: list[int]) -> list[int]:
    """The rotation that begins with the program's own class, and then the smallest name; a long ring is cut off."""
    if len(cycle) > LONGEST:
        return cycle[:LONGEST]

    def rank(turn: int) -> tuple[bool, list[str]]:
        turned = cycle[turn:] + cycle[:turn]
        return not roles.own_types[roles.graph.types[turned[0]]], [roles.name(node) for node in turned]

    turn = min(range(len(cycle)), key=rank, default=0)
    return cycle[turn:] + cycle[:turn]
