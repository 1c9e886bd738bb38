"""What one line of source says about where its objects go: which attribute it adds to, and in what way."""

from __future__ import annotations

import ast
from dataclasses import dataclass

_ADDING = {"append": "list", "insert": "list", "extend": "list"}
_ADDING |= {"appendleft": "deque", "add": "set", "setdefault": "dict"}

_IDIOMS = {
    "list": "bound it (collections.deque(maxlen=...), or trim it where it is added to), or remove what is done with",
    "deque": "give the deque a maxlen, or remove what is done with",
    "set": "discard what is done with, or keep only what is still needed",
    "dict": "bound it (evict the oldest, functools.lru_cache(maxsize=...)), or delete keys that are done with",
}


@dataclass(frozen=True)
class Addition:
    """``owner`` as a person would write it (``Manager.history``), and the kind of container the line treats it as."""

    owner: str
    container: str

    @property
    def idiom(self) -> str:
        return _IDIOMS[self.container]


def addition(text: str, function: str) -> Addition | None:
    """What the line adds to, if it does so by one of the usual idioms; told from the line alone."""
    try:
        statement = ast.parse(text.strip()).body[0]
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError):
        return None
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value.func
        if isinstance(called, ast.Attribute) and called.attr in _ADDING:
            return _named(called.value, _ADDING[called.attr], function)
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Subscript):
                return _named(target.value, "dict", function)
    return None


def _named(owner: ast.expr, container: str, function: str) -> Addition | None:
    """Attributes of the object at work, and constants of the module: what else the line names may be a local."""
    text = ast.unparse(owner)
    cls, _, method = function.rpartition(".")
    if "<locals>" in cls:
        return None
    if isinstance(owner, ast.Attribute) and cls and method and text.startswith(("self.", "cls.")):
        return Addition(cls + text[text.index(".") :], container)
    if isinstance(owner, ast.Name) and owner.id.isupper():
        return Addition(text, container)
    return None
