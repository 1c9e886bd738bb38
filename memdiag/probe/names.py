"""What a reference is called: attribute, item, closure, local, and what an object is called where it has a name.

Looked up by identity, without ``repr``, without comparing, and without running a descriptor of the program's.
Keys of ordinary dictionaries are the user's data and are not told; keys of namespaces are names.
"""

from __future__ import annotations

from _thread import _local as _ThreadLocal
from gc import get_referents as _get_referents
from itertools import pairwise as _pairwise

from . import kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_Module = type(kinds)
_Function = type(lambda: None)
_Cell = type((lambda x: lambda: x)(0).__closure__[0])  # type: ignore[index]
_Frame = kinds.Frame
_SEQUENCES = frozenset(map(id, (list, tuple, set, frozenset)))
_NO_NAMESPACE = _SEQUENCES | set(map(id, (dict, _Cell)))
_TREES = {"hamt", "hamt_bitmap_node", "hamt_array_node", "hamt_collision_node"}
_CONTEXT_VARIABLE = "_contextvars.ContextVar"  # by name, since the program may never have imported it
_STORED = {
    "__traceback__",
    "__context__",
    "__cause__",
    "args",
    "__defaults__",
    "__kwdefaults__",
    "__code__",
    "_coro",
    "_exception",
    "_fut_waiter",
    "_loop",
    "_result",
    "cell_contents",
}
_FUTURES = {("_asyncio", "Future"), ("_asyncio", "Task")}


def _of_threads(local: object) -> list[int]:
    """The ids of the namespaces that a ``threading.local`` has for each of the threads."""
    kept = [one for one in _get_referents(local) if type(one) is dict]
    return [id(value) for one in kept for value in one.values() if type(value) is dict]


class Labels:
    """Names for the edges among a few objects, kept by id.

    ``copied``: in an image, where a dictionary that is made of a suspended function's variables, or of an instance's
    attributes, is none of the program's.
    """

    def __init__(self, objects: dict[int, object], copied: bool = False) -> None:
        self._objects = objects
        self._copied = copied
        self._namespaces: set[int] = set()
        self._closures: dict[int, tuple[str, ...]] = {}
        for item in objects.values():
            self._note_namespace(item)

    def _note_namespace(self, item: object) -> None:
        kind = type(item)
        if kind is _Function:
            if item.__closure__ is not None:  # type: ignore[attr-defined]
                self._closures[id(item.__closure__)] = item.__code__.co_freevars  # type: ignore[attr-defined]
            return
        if issubclass(kind, _ThreadLocal):
            self._namespaces.update(_of_threads(item))
        elif id(kind) not in _NO_NAMESPACE:
            namespace = self._namespace(item)
            if namespace is not None:
                self._namespaces.add(id(namespace))

    def _namespace(self, item: object) -> dict[str, Any] | None:
        """The dictionary behind an instance's or a class's attributes."""
        if issubclass(type(item), type):
            inner = _get_referents(kinds._namespace_of(item))  # type: ignore[arg-type]
            return inner[0] if inner and type(inner[0]) is dict else None
        return kinds.instance_namespace(item) if self._copied else kinds.present_namespace(item)

    def edge(self, source: int, target: int) -> str:
        """``.attribute``, ``[*]``, ``.closure(name)``, or empty where it cannot be told."""
        holder = self._objects.get(source)
        held = self._objects.get(target)
        if holder is None or held is None:
            return ""
        try:
            return self._label(holder, held)
        except Exception:
            return ""

    def _label(self, holder: object, held: object) -> str:
        kind = type(holder)
        if issubclass(kind, dict) and (label := self._item(holder, held)):  # type: ignore[arg-type]
            return label
        if kind is tuple and id(holder) in self._closures:
            names = self._closures[id(holder)]
            places = [name for name, cell in zip(names, holder, strict=False) if cell is held]  # type: ignore[call-overload]
            return f".closure({places[0]})" if places else ""
        if id(kind) in _SEQUENCES:
            return "[*]"
        if kind is kinds.Coroutine or kind is kinds.Generator:
            frame = holder.cr_frame if kind is kinds.Coroutine else holder.gi_frame  # type: ignore[attr-defined]
            return ".frame" if frame is held else self._local(frame, held)
        if kind is _Frame:
            return self._local(holder, held) or self._attribute(holder, held)
        if kinds.type_name(kind)[1] in _TREES:
            return self._in_context(holder, held)
        return self._attribute(holder, held) or self._class_edge(holder, held) or self._inside(kind, held)

    @staticmethod
    def _in_context(holder: object, held: object) -> str:
        """``context(name)`` in the tree of a context's variables: its leaves are values, each before its variable."""
        referents = _get_referents(holder)
        for value, variable in _pairwise(referents):
            name = kinds._namespace_of(type(variable)).get("name")
            if value is held and ".".join(kinds.type_name(type(variable))) == _CONTEXT_VARIABLE and name is not None:
                return f"context({name.__get__(variable)})"
        return ""

    def _local(self, frame: Any, held: Any) -> str:
        """A variable of a function that is suspended, or whose frame something keeps."""
        content = held.cell_contents if type(held) is _Cell else held
        variables = frame.f_locals if self._copied and frame is not None else {}
        return next((f"local({name})" for name, value in variables.items() if value is content), "")

    def _item(self, holder: dict[Any, Any], held: object) -> str:
        """``dict.items`` of the exact or base class: an overridden one is never called."""
        for key, value in dict.items(holder):
            if value is held:
                named = id(holder) in self._namespaces and type(key) is str
                return f".{key}" if named else "[*]"
            if key is held:
                return "[key]"
        return ""

    def _attribute(self, holder: object, held: object) -> str:
        namespace = self._namespace(holder)
        if namespace is held:
            return ".__dict__"
        inline = [] if self._copied or namespace is not None else kinds.inline_attributes(holder)
        for name, value in (*(namespace or {}).items(), *inline, *kinds.slots(holder)):
            if value is held and type(name) is str:
                return f".{name}"
        return self._built_in(holder, held)

    @staticmethod
    def _built_in(holder: object, held: object) -> str:
        """Attributes that C keeps: by getters that hand out what is stored; others make what they are asked for."""
        for base in kinds._mro_of(type(holder)):
            for name, descriptor in kinds._namespace_of(base).items():
                if type(descriptor) is kinds._GetSet and name in _STORED:
                    try:
                        if descriptor.__get__(holder) is held:
                            return f".{name}"
                    except Exception:
                        continue
        return ""

    @staticmethod
    def _class_edge(holder: object, held: object) -> str:
        return ".__class__" if type(holder) is held else ""

    @staticmethod
    def _inside(kind: type, held: object) -> str:
        """A reference inside a container of C's making (deque, ...), or a future's to what it is to call."""
        if kinds.lookup(kind, "__len__") is not None:
            return "[*]"
        calls = kinds.lookup(type(held), "__call__") is not None
        return (
            "._callbacks[*]" if calls and any(kinds.type_name(base) in _FUTURES for base in kinds._mro_of(kind)) else ""
        )

    def name(self, key: int) -> str:
        """The name of a module, class or function, or empty."""
        item = self._objects.get(key)
        try:
            return self._name(item)
        except Exception:
            return ""

    @staticmethod
    def _name(item: object) -> str:
        kind = type(item)
        if kind is _Function:
            module, name = item.__module__, item.__qualname__  # type: ignore[attr-defined]
            return f"{module}.{kinds._exact_text(name)}" if type(module) is str else kinds._exact_text(name)
        if kind is kinds.Coroutine or kind is kinds.Generator:
            return kinds._exact_text(item.__qualname__)  # type: ignore[attr-defined]
        if kind is kinds.Method:
            return Labels._name(item.__func__)  # type: ignore[attr-defined]
        if kind is _Frame:
            code = item.f_code  # type: ignore[attr-defined]
            return str(getattr(code, "co_qualname", code.co_name))
        if issubclass(kind, _Module):
            namespace = kinds.instance_namespace(item) or {}
            name = namespace.get("__name__", "")
            return name if type(name) is str else ""
        if issubclass(kind, type):
            return ".".join(part for part in kinds.type_name(item) if part)  # type: ignore[arg-type]
        return ""
