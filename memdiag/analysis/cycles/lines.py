"""Which lines of a source make a reference: assignments to an attribute of a class, in its methods or from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from memdiag.analysis.scopes import Scope, parse
from memdiag.model import Touch

GIVEN = "given"  # how an attribute is assigned that is what the method was called with
_OWN, _OUTSIDE, _OTHER = range(3)  # in the class itself; of an object of some kind; in another class, perhaps its base


def assigned_at(text: str, file: str, cls: str, attribute: str) -> tuple[Touch, ...]:
    """Lines that assign to ``attribute`` of the class with that qualified name, except plain constants.

    Of the class's own methods; else of others' hands; else of other classes' methods, one of which may be its base.
    Text that is not Python has none.
    """
    module = parse(text, file)
    if module is None:
        return ()
    found: dict[int, list[Touch]] = {}
    for scope in module.scopes:
        for node, receiver in _assigned(scope, attribute):
            own = bool(receiver) and receiver == scope.self_name
            rank = _OUTSIDE if not own else _OWN if scope.cls == cls else _OTHER
            given = isinstance(node.value, ast.Name) and node.value.id in scope.parameters
            touch = Touch(
                file, node.lineno, scope.name or "<module>", module.text(node.lineno), GIVEN if given else "assigned"
            )
            found.setdefault(rank, []).append(touch)
    return tuple(found[min(found)]) if found else ()


def _assigned(scope: Scope, attribute: str) -> Iterator[tuple[ast.Assign | ast.AnnAssign, str]]:
    """Each assignment, and the variable whose attribute it is."""
    for node in scope.nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value and not isinstance(node.value, ast.Constant):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(part, ast.Attribute) and part.attr == attribute:
                        yield node, part.value.id if isinstance(part.value, ast.Name) else ""
