"""Answers to what the parent asks about single objects in a heap."""

from __future__ import annotations

from .facts import facts
from .names import Labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def told(objects_at: Callable[[set[int]], dict[int, object]], text: bytes, copied: bool) -> dict[str, Any]:
    """Answers to the parent's questions about objects that are still where they were: labels, and facts.

    ``copied`` says whether this is an image, and not the program itself.
    """
    questions = parse_questions(text)
    wanted = {key for pair in questions["edges"] for key in pair}.union(questions["objects"])
    found = objects_at(wanted)
    labels = Labels(found, copied)
    return {
        "edges": [[source, target, labels.edge(source, target)] for source, target in questions["edges"]],
        "objects": [
            [key, {"name": labels.name(key), **(facts(found[key], copied) if key in found else {})}]
            for key in questions["objects"]
        ],
    }


def parse_questions(text: bytes) -> dict[str, Any]:
    """``id:id id:id ...`` (edges) on the first line, ``id id ...`` (objects) on the second; ids in decimal."""
    edges, objects = text.decode("ascii").split("\n")[:2]
    return {
        "edges": [tuple(map(int, pair.split(":"))) for pair in edges.split()],
        "objects": list(map(int, objects.split())),
    }
