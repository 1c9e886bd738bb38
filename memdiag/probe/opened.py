"""What is open in a heap: the objects that own a descriptor or a connection, and whose code went unheard with one.

Nothing hooks into opening or closing. An audit hook cannot be taken out again, makes every ``id()`` six times as slow
and can fail in the program's own calls; a filter for warnings shows in ``warnings.filters``. So the open objects are
looked for where the heap is written down anyway, and the analysis tells which of them only the collector would close.
What goes with its last reference is gone before any look. But the interpreter warns of it, and a warning, even one that
is ignored, leaves ``__warningregistry__`` in the globals of the code that ran: that much can be told.
"""

from __future__ import annotations

import sys as _sys
from _io import FileIO as _FileIO
from itertools import compress as _compress

from .kinds import _GetSet, _MethodDescriptor, _mro_of, _namespace_of, instance_namespace

_map = map
_modules = _sys.modules
_MOST = 20_000  # objects that are told of one by one
_STANDARD_STREAMS = 2
_REGISTRY = "__warningregistry__"
# Of these types' objects, what tells whether they are open: a method or a property of C, which says no, or raises.
_LOADED_LATER = {("_socket", "socket"): "fileno", ("_sqlite3", "Connection"): "in_transaction"}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def opened(objects: list[object], kinds: Mapping[int, type]) -> list[int]:
    """Ids of those objects that are open: files above the standard streams, sockets, sqlite's connections.

    ``kinds`` are the types of all objects, by id.
    """
    tests = _tests()
    wanted = {key: tests[id(base)] for key, kind in kinds.items() for base in _mro_of(kind) if id(base) in tests}
    chosen = list(_compress(objects, _map(wanted.__contains__, _map(id, _map(type, objects)))))
    return [id(one) for one in chosen[:_MOST] if wanted[id(type(one))](one)]


def unheard() -> list[str]:
    """Names of the modules whose code some warning came of, heard or not."""
    found = []
    for name, module in list(_modules.items()):
        if type(name) is str and module is not None and _REGISTRY in (instance_namespace(module) or {}):
            found.append(name)
    return found


def _tests() -> dict[int, Callable[[Any], bool]]:
    found = {id(_FileIO): _test(_FileIO, "fileno")}
    for (home, name), attribute in _LOADED_LATER.items():
        kind = (instance_namespace(_modules.get(home)) or {}).get(name)
        if type(kind) is type:
            found[id(kind)] = _test(kind, attribute)
    return found


def _test(kind: type, attribute: str) -> Callable[[Any], bool]:
    """By C's own descriptor; where the program has put something else in its place nothing is open."""
    told: Any = _namespace_of(kind).get(attribute)
    is_method, is_property = type(told) is _MethodDescriptor, type(told) is _GetSet

    def is_open(item: Any) -> bool:
        try:
            if is_method:
                return bool(told(item) > _STANDARD_STREAMS)
            return is_property and told.__get__(item) is not None
        except Exception:
            return False

    return is_open
