"""What kind of cycle it is, in the words of those who write about leaks: told by the types and names along it."""

from __future__ import annotations

from collections.abc import Sequence

from memdiag.analysis.cycles.cuts import BACK
from memdiag.analysis.roles import CACHE, CONTAINERS, SUSPENDED

_FUTURES = ("Task", "Future", "_GatheringFuture")
_CALLBACKS = ("callback", "listener", "handler", "observer", "hook", "subscriber", "on_")
_CHILDREN = ("child", "children", "subtask", "part", "item", "node", "member", "kids")


def pattern_of(shape: Sequence[str], edges: Sequence[str]) -> str:
    """``shape`` are bare type names along the cycle, ``edges`` the labels of the references between them."""
    names = [edge.lower() for edge in edges]
    kinds = set(shape)
    back = any(word in name for name in names if not name.startswith("local(") for word in BACK)
    called = "method" in kinds or any(word in name for name in names for word in _CALLBACKS)
    for pattern, fits in (
        ("exception", ".__traceback__" in names or "traceback" in kinds),
        ("asyncio", bool(kinds & set(_FUTURES))),
        ("lru_cache", any(CACHE.endswith(kind) or kind == "_lru_list_elem" for kind in kinds)),
        ("generator", bool(kinds & SUSPENDED)),
        ("delegation", back and called and len(shape) > 3),
        ("bound method", "method" in kinds),
        ("closure", "cell" in kinds or any("closure(" in name for name in names)),
        ("class", "type" in kinds),
        ("parent and child", back or _has(names, _CHILDREN)),
        ("listener", called),
        ("self-reference", len([kind for kind in shape if kind not in CONTAINERS]) == 1),
    ):
        if fits:
            return pattern
    return "cycle"


def _has(names: Sequence[str], words: Sequence[str]) -> bool:
    return any(word in name for name in names for word in words)
