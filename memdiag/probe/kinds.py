"""What can be known of an object without running a line of its own code.

``type(o)`` and the descriptors of ``type`` itself are used directly, so that no ``__class__``, ``__getattribute__``,
``__sizeof__``, property or metaclass of the program's is ever called. Classes are told apart by id: to compare or hash
one may run its metaclass.
"""

from __future__ import annotations

import sys as _sys
from gc import get_referents as _get_referents
from sys import getsizeof as _getsizeof
from sys import stdlib_module_names as _stdlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_get_mro = type.__dict__["__mro__"].__get__
_get_namespace = type.__dict__["__dict__"].__get__
_qualname_of = type.__dict__["__qualname__"].__get__
_module_of = type.__dict__["__module__"].__get__


def _mro_of(kind: type) -> tuple[type, ...]:
    """The class and its bases; none of a type of C that nobody has used yet, as _socket.socket before ``socket`` is."""
    return _get_mro(kind) or ()


def _namespace_of(kind: type) -> Mapping[str, Any]:
    return _get_namespace(kind) or {}


class _Sample:
    def method(self) -> None: ...


async def _coroutine() -> None: ...


_made = _coroutine()
Coroutine: type[Any] = type(_made)
_made.close()
del _made
Generator: type[Any] = type(_ for _ in ())
Frame: type[Any] = type(_sys._getframe())
Method: type[Any] = type(_Sample().method)
_Function = type(lambda: None)
_Module = type(_sys)
_SlotWrapper = type(object.__init__)
_MethodDescriptor = type(str.join)
_GetSet = type(_Function.__dict__["__code__"])
_Member = type(_Function.__dict__["__closure__"])
_PLAIN = [object, str, bytes, bytearray, int, float, complex, bool, type(None), list, tuple, dict, set, frozenset]
_PLAIN += [slice, range, property, staticmethod, classmethod, _Function, _Module, type(_sys.getsizeof)]
_PLAIN += [type("".__str__), type(dict.__dict__["fromkeys"]), type(_Function.__dict__["__code__"]), type(...)]
_PLAIN_NAMES = {"collections.deque", "collections.OrderedDict", "collections.defaultdict", "functools.partial"}
_PLAIN_NAMES |= {"typing.Generic"}
_PLAIN_NAMES |= {"builtins.cell", "builtins.method", "builtins.frame", "builtins.traceback", "builtins.code"}
_PLAIN_IDS = frozenset(map(id, _PLAIN))
_exact_text = str.__str__
_attribute_of = object.__getattribute__  # never the class's own, nor its __getattr__
_object_size = object.__sizeof__
_OWN = (__package__ or "").partition(".")[0]


def type_name(kind: type) -> tuple[str, str]:
    """Module and qualified name; an empty module where the class has hidden its own."""
    module = ""
    try:
        found = _module_of(kind)
        if type(found) is str:
            module = found
        return module, _exact_text(_qualname_of(kind))  # it may be of a class derived from str
    except Exception:
        return module, "?"


def lookup(kind: type, name: str) -> Any:
    """What ``name`` means in the class and its bases, unbound; ``None`` where it means nothing."""
    for base in _mro_of(kind):
        namespace = _namespace_of(base)
        if name in namespace:
            return namespace[name]
    return None


def instance_namespace(instance: object) -> dict[str, Any] | None:
    """The instance's own ``__dict__``, by the interpreter's descriptor only.

    Since 3.11 this makes a dictionary where there was none, so it is asked for the few objects on a path only.
    """
    for base in _mro_of(type(instance)):
        descriptor: Any = _namespace_of(base).get("__dict__")
        if type(descriptor) is _GetSet or type(descriptor) is _Member:
            try:
                found = descriptor.__get__(instance)
            except Exception:
                return None
            return found if type(found) is dict else None
    return None


def present_namespace(instance: object) -> dict[str, Any] | None:
    """The instance's own ``__dict__`` where it has one by now: in the program itself none may be made by asking."""
    dictionaries = {id(one) for one in _get_referents(instance) if type(one) is dict}
    if dictionaries <= {id(value) for _, value in inline_attributes(instance)}:
        return None
    return instance_namespace(instance)


def attributes(instance: object, copied: bool) -> list[tuple[str, object]]:
    """Names and values of what the instance keeps in its namespace; in the program itself as far as they are known."""
    namespace = instance_namespace(instance) if copied else present_namespace(instance)
    if namespace is None:
        return [] if copied else inline_attributes(instance)
    return [(name, value) for name, value in namespace.items() if type(name) is str]


def inline_attributes(instance: object) -> list[tuple[str, object]]:
    """Attributes that an instance keeps without a dictionary, as far as its class's functions name them."""
    kind = type(instance)
    found: list[tuple[str, object]] = []
    for name in _names_in_functions(kind):
        in_class = lookup(kind, name)
        if lookup(type(in_class), "__get__") is None:
            try:
                found.append((name, _attribute_of(instance, name)))
            except Exception:
                continue
    return found


def _names_in_functions(kind: type) -> list[str]:
    names: dict[str, None] = {}
    for base in _mro_of(kind):
        for item in list(_namespace_of(base).values()):
            if type(item) is _Function:
                names.update(dict.fromkeys(item.__code__.co_names))
    return list(names)


def slots(instance: object) -> list[tuple[str, object]]:
    """Names and values of the instance's filled slots, and of the C members of built-in types."""
    found: list[tuple[str, object]] = []
    for base in _mro_of(type(instance)):
        for name, descriptor in _namespace_of(base).items():
            if type(descriptor) is _Member and type(name) is str:
                try:
                    found.append((name, descriptor.__get__(instance)))
                except Exception:
                    continue
    return found


def role(kind: type) -> str:
    """``class`` for metaclasses, ``module`` for kinds of modules, else empty: what a person calls infrastructure."""
    if issubclass(kind, type):
        return "class"
    return "module" if issubclass(kind, _Module) else ""


def dies_unheard(kind: type) -> bool:
    """Whether nothing but memory is let go of when an instance dies: no finalizer, and no C type with a handle.

    Known are the plain built-in types and classes made by a class statement; these alone bear, or inherit from a
    class that bears, a ``__slots__`` or a ``__dict__`` that the interpreter made. Any other type is not trusted.
    """
    if lookup(kind, "__del__") is not None:
        return False
    made_in_python = False
    for base in reversed(_mro_of(kind)):
        namespace = _namespace_of(base)
        made_in_python = made_in_python or "__slots__" in namespace or type(namespace.get("__dict__")) is _GetSet
        if id(base) not in _PLAIN_IDS and not made_in_python and ".".join(type_name(base)) not in _PLAIN_NAMES:
            return False
    return True


class Homes:
    """Where objects come from: the module of a class, a function or a frame's code, else that of the object's type."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._of_kind: dict[int, int] = {}  # by id of the class; walks are over before a class can go

    def __call__(self, instance: object) -> int:
        kind = type(instance)
        if kind is _Function:
            module = instance.__module__
            return self._index(module if type(module) is str else "")
        if kind is Frame:
            module = instance.f_globals.get("__name__")  # type: ignore[attr-defined]
            return self._index(module if type(module) is str else "")
        home = self._of_kind.get(id(kind))
        if home is None:
            home = self._of_kind[id(kind)] = -1 if issubclass(kind, type) else self._index(type_name(kind)[0])
        return home if home >= 0 else self._index(type_name(instance)[0])  # type: ignore[arg-type]

    def _index(self, module: str) -> int:
        return self.names.setdefault(module, len(self.names))


def is_library(module: str) -> bool:
    """Of the standard library, built in, or the probe's own: not of the program's making."""
    top = module.partition(".")[0]
    return top in _stdlib or top == _OWN


class Sizes:
    """Shallow sizes in bytes; a class with a ``__sizeof__`` of its own is measured by ``object``'s instead."""

    def __init__(self) -> None:
        self._trusted: dict[int, bool] = {}  # by id of the class

    def trusts(self, kind: type) -> bool:
        trusted = self._trusted.get(id(kind))
        if trusted is None:
            trusted = self._trusted[id(kind)] = type(lookup(kind, "__sizeof__")) is _MethodDescriptor
        return trusted

    def __call__(self, instance: object) -> int:
        try:
            return _getsizeof(instance) if self.trusts(type(instance)) else _object_size(instance)
        except Exception:
            return 0
