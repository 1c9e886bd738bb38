"""The heap written down as arrays, and answers to what the parent asks about single objects in it."""

from __future__ import annotations

from gc import get_referents as _get_referents
from itertools import chain as _chain
from sys import getrefcount as _getrefcount

from .facts import facts
from .graph import _LISTED
from .kinds import Homes, Sizes, is_library, role, type_name
from .names import Labels
from .wire import pack

_map = map
_CHUNK = 10_000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def walk(objects: list[object], header: dict[str, Any]) -> list[bytes]:
    """The tracked objects and the references among them, as records to be written one after the other.

    Each ``heap`` record holds one chunk: ids, types, homes, sizes (bytes), reference counts (without the walker's
    own), how many referents each has, and the referents' ids. A last ``types`` record names the types and homes.
    """
    records = []
    types: dict[int, int] = {}  # by id of the class: to hash one may run its metaclass
    named: list[tuple[str, str]] = []
    sizes = Sizes()
    homes = Homes()
    for start in range(0, len(objects), _CHUNK):
        part = objects[start : start + _CHUNK]
        counts = list(_map(_getrefcount, part))
        referents = list(_map(_get_referents, part))
        columns = {
            "ids": ("Q", list(_map(id, part))),
            "types": ("I", list(_map(types.__getitem__, _known(part, types, named)))),
            "homes": ("I", list(_map(homes, part))),
            "sizes": ("Q", list(_map(sizes, part))),
            "refcounts": ("q", [count - _LISTED - 1 for count in counts]),
            "degrees": ("I", list(_map(len, referents))),
            "referents": ("Q", list(_map(id, _chain.from_iterable(referents)))),
        }
        del referents
        records.append(pack("heap", header, columns))
    places = [(home, is_library(home)) for home in homes.names]
    records.append(pack("types", {**header, "types": named, "homes": places}))
    return records


def _known(part: list[object], types: dict[int, int], named: list[tuple[str, str]]) -> list[int]:
    """The ids of the objects' classes; those met for the first time are named and numbered."""
    kinds = list(_map(type, part))
    ids = list(_map(id, kinds))
    for kind, key in zip(kinds, ids, strict=True):
        if key not in types:
            types[key] = len(types)
            named.append((type_name(kind)[1], role(kind)))
    return ids


def answers(objects: list[object], questions: dict[str, Any]) -> dict[str, Any]:
    """Labels of the asked ``edges`` (pairs of ids), and names of the asked ``objects`` (ids)."""
    edges = [tuple(pair) for pair in questions["edges"]]
    wanted = {key for pair in edges for key in pair}.union(questions["objects"])
    found = {key: item for key, item in zip(_map(id, objects), objects, strict=True) if key in wanted}
    labels = Labels(found)
    return {
        "edges": [[source, target, labels.edge(source, target)] for source, target in edges],
        "objects": [[key, labels.name(key)] for key in questions["objects"]],
    }


def told(object_at: Callable[[int], object], text: bytes, copied: bool) -> dict[str, Any]:
    """Answers to the parent's questions about objects that are still where they were: labels, and facts.

    ``copied`` says whether this is an image, and not the program itself.
    """
    questions = parse_questions(text)
    wanted = {key for pair in questions["edges"] for key in pair}.union(questions["objects"])
    found = {key: object_at(key) for key in wanted}
    labels = Labels(found, copied)
    return {
        "edges": [[source, target, labels.edge(source, target)] for source, target in questions["edges"]],
        "objects": [[key, {"name": labels.name(key), **facts(found[key])}] for key in questions["objects"]],
    }


def parse_questions(text: bytes) -> dict[str, Any]:
    """``id:id id:id ...`` (edges) on the first line, ``id id ...`` (objects) on the second; ids in decimal."""
    edges, objects = text.decode("ascii").split("\n")[:2]
    return {
        "edges": [tuple(map(int, pair.split(":"))) for pair in edges.split()],
        "objects": list(map(int, objects.split())),
    }
