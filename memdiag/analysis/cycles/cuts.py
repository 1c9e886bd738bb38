"""Which reference of a cycle to cut: what a weak one in its place would free at once, worked out on the graph.

Without a reference, what is no longer in a cycle, nor led to by one, goes with the last reference from outside, by
counting alone. A reference that points back, from a part to its whole or to an owner, is the one to weaken: the other
direction is what keeps the part alive while it is in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memdiag.analysis.cycles import graph
from memdiag.analysis.cycles.references import Web
from memdiag.analysis.roles import CONTAINERS, FUNCTIONS, SUSPENDED, Roles
from memdiag.model import Ints

BACK = ("parent", "owner", "manager", "context", "root", "self", "prev", "back", "outer", "container", "session")
_MOST_CUTS = 12  # references that are tried
_MOST_TOGETHER = 3
_EFFORT = 20_000_000  # references gone through in all tries
_TOLD = 6


@dataclass(frozen=True)
class Reference:
    """A reference that has a name, and the edges of the web that are it. ``label`` is how the holder calls it."""

    name: str
    label: str
    edges: Ints


@dataclass(frozen=True)
class Freed:
    """What is freed at once, of the web's own nodes, when these references are cut."""

    references: tuple[Reference, ...]
    objects: int
    bytes: int
    is_all: bool
    reason: str = ""


def weighed(web: Web, references: Sequence[Reference], roles: Roles, entry: int = -1) -> list[Freed]:
    """Every reference that frees something, the one to cut first; several together where no fit one frees it all.

    ``entry`` is the node by which the cycle is held, if it is: a reference to that points back.
    """
    references = sorted(references, key=lambda one: not _leads_to(one, web, entry))
    ranked = sorted(references, key=lambda one: _rank_of(one, web, roles))
    tries = max(1, min(_MOST_CUTS, _EFFORT // max(1, len(web.sources))))
    tried = [_freed(web, (one,), roles) for one in ranked[:tries]]
    fitting = [one for one in ranked[:tries] if _rank_of(one, web, roles) < _FORWARD]
    if not any(one.is_all and one.references[0] in fitting for one in tried):
        tried += _together(web, fitting, roles)
    useful = [one for one in tried if one.objects]
    return sorted(useful, key=lambda one: (not one.is_all, _rank(one, web, roles)))[:_TOLD]


def _together(web: Web, fitting: Sequence[Reference], roles: Roles) -> list[Freed]:
    """The fewest that free it all, taken in order and those left out again that are not needed; at most three."""
    for count in range(2, len(fitting) + 1):
        if not _freed(web, tuple(fitting[:count]), roles).is_all:
            continue
        chosen = list(fitting[:count])
        for one in chosen[-2::-1]:
            rest = tuple(other for other in chosen if other is not one)
            if _freed(web, rest, roles).is_all:
                chosen.remove(one)
        return [_freed(web, tuple(chosen), roles)] if len(chosen) <= _MOST_TOGETHER else []
    return []


def _leads_to(reference: Reference, web: Web, entry: int) -> bool:
    return bool((web.nodes[web.targets[reference.edges]] == entry).any())


def _freed(web: Web, cut: tuple[Reference, ...], roles: Roles) -> Freed:
    kept = np.ones(len(web.sources), dtype=np.bool_)
    for one in cut:
        kept[one.edges] = False
    sources, targets = web.sources[kept], web.targets[kept]
    circles = graph.in_cycles(sources, targets, len(web.nodes)) >= 0
    freed = ~graph.spread(sources, targets, len(web.nodes), circles)
    return Freed(
        references=cut,
        objects=int(freed.sum()),
        bytes=int(web.sizes[freed].sum()),
        is_all=bool(freed.all()),
        reason=_REASONS[_rank_of(cut[0], web, roles)],
    )


OWN_FUNCTION = "a function, method or generator that leads back to the object itself"
_POINTS_BACK, _PART_TO_WHOLE, _VARIABLE, _OWN_FUNCTION, _CALLBACK, _PLAIN, _RUNNING, _FORWARD = range(8)
_REASONS = {
    _POINTS_BACK: "it points back",
    _PART_TO_WHOLE: "it leads from a part to what contains it",
    _VARIABLE: "a variable of a function that has done its work",
    _CALLBACK: "a function need not keep what it is called for",
    _OWN_FUNCTION: OWN_FUNCTION,
    _PLAIN: "",
    _RUNNING: "it ends when what it belongs to does",
    _FORWARD: "it is what keeps the parts: they would go at once",
}


def _rank(one: Freed, web: Web, roles: Roles) -> tuple[int, int]:
    """A reference that keeps parts is the last resort, whatever else must be cut instead."""
    return max(_rank_of(reference, web, roles) // _FORWARD for reference in one.references), len(one.references)


def _rank_of(reference: Reference, web: Web, roles: Roles) -> int:
    """How fit a reference is to be weakened; the smaller the better, and ``_FORWARD`` is not."""
    source, target = (int(ends[reference.edges[0]]) for ends in (web.sources, web.targets))
    name = reference.label.rpartition(".")[2].lower()
    contains = _type(web, roles, target) in CONTAINERS
    if reference.label.startswith("local(") and _type(web, roles, source) in SUSPENDED:
        return _RUNNING
    if _is_of_library(web, roles, source):
        return _RUNNING
    if reference.label.startswith(".closure("):
        return _CALLBACK
    if reference.label.startswith("local(") or name in ("__traceback__", "tb_frame"):
        return _VARIABLE
    if reference.label == "[*]":
        return _PART_TO_WHOLE if _is_owner(web, roles, source, target) else _FORWARD
    if name in ("__self__", "__defaults__", "__kwdefaults__"):
        return _CALLBACK
    if _type(web, roles, target) in FUNCTIONS | SUSPENDED:
        return _OWN_FUNCTION
    if not contains and any(word in name for word in BACK):
        return _POINTS_BACK
    if not contains and _is_part(web, roles, source, target):
        return _PART_TO_WHOLE
    return _FORWARD if contains else _PLAIN


def _is_of_library(web: Web, roles: Roles, place: int) -> bool:
    """Whether an object's class is of the standard library, and not built in: its attributes are not ours to cut."""
    module = roles.graph.type_modules[int(roles.graph.types[web.nodes[place]])]
    return module not in ("", "builtins") and roles.is_standard_module(module)


def _type(web: Web, roles: Roles, place: int) -> str:
    return roles.graph.type_names[int(roles.graph.types[web.nodes[place]])]


def _is_owner(web: Web, roles: Roles, container: int, owner: int) -> bool:
    """Whether what a container holds refers to that container itself, by its namespace or directly."""
    above = web.sources[web.targets == container].tolist()
    spaces = [at for at in above if _type(web, roles, at) == "dict"]
    return owner in above or any(owner in web.sources[web.targets == at] for at in spaces)


def _is_part(web: Web, roles: Roles, part: int, whole: int) -> bool:
    """Whether a container that belongs to the whole holds the part."""
    above = web.sources[web.targets == part]
    holding = [at for at in above.tolist() if _type(web, roles, at) in CONTAINERS]
    owners = {int(at) for one in holding for at in web.sources[web.targets == one].tolist()}
    namespaces = {int(at) for one in owners for at in web.sources[web.targets == one].tolist()}
    return whole in owners or (whole in namespaces and part != whole)
