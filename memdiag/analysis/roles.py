"""What each object of a heap is, and whose: told by its type and by the modules, never by its value."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from memdiag.analysis.origin import is_library
from memdiag.model import HeapGraph, Ints, ModuleRoot

Mask = npt.NDArray[np.bool_]
Nodes = npt.NDArray[np.int32]

OWN, INSTALLED, STANDARD = 1, 3, 4  # whose a module is; what is of the program comes first

CACHE = "functools._lru_cache_wrapper"
SEQUENCES = {"list", "tuple", "collections.deque"}
MAPPINGS = {"dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "mappingproxy"}
SETS = {"set", "frozenset"}
CONTAINERS = SEQUENCES | MAPPINGS | SETS
FUNCTIONS = {"function", "method", "builtin_function_or_method", "functools.partial", "functools.partialmethod"}
SUSPENDED = {"generator", "coroutine", "async_generator"}
WEAK = {"weakref.WeakKeyDictionary", "weakref.WeakValueDictionary", "_weakrefset.WeakSet"}
WEAK_REFERENCES = {"weakref.ReferenceType", "weakref", "weakref.KeyedRef", "weakref.WeakMethod"}
LOGGERS = {"logging.Logger", "logging.RootLogger"}
THREAD_LOCALS = {"_thread._local", "_threading_local.local", "_thread._localdummy"}
_PARTS = {"type", "cell", "frame", "traceback", "code", "module", "getset_descriptor", "member_descriptor", "property"}
BUILT_IN = CONTAINERS | FUNCTIONS | SUSPENDED | _PARTS | {"staticmethod", "classmethod", "wrapper_descriptor"}
ATOMS = {"str", "bytes", "int", "float", "complex", "bool", "NoneType", "bytearray", "range", "ellipsis"}
# Parts of the program's code, and of C's own making: they bear many references without being anybody's container.
_CODE = {"code", "module", "type", "frame", "traceback", "getset_descriptor", "member_descriptor", *FUNCTIONS}

# How readily an edge is followed on the way to a path that a person would write.
NORMAL, BY_TRACEBACK, BY_CLASS, NEVER = 0, 1, 2, 9


def plain_name(name: str, module: str) -> str:
    """A type as a person says it: ``Message``, ``deque``; of a local class its own name only."""
    inner = name.removeprefix(f"{module}.") if module else name
    return inner.rpartition("<locals>.")[2]


def whose(module: ModuleRoot, files: dict[str, str]) -> int:
    """Whether a module is the program's own, of an installed package, or of the standard library."""
    top = module.name.partition(".")[0]
    file = module.file or files.get(top, "")
    if "site-packages" in file or "dist-packages" in file:
        return INSTALLED
    if module.name in ("__main__", "__mp_main__"):
        return OWN
    if top in sys.stdlib_module_names or (file and is_library(file)):
        return STANDARD
    return OWN


@dataclass(frozen=True)
class Roles:
    """What the types of a heap say of its objects. Masks have the shape (nodes), or (types) where they are named so."""

    graph: HeapGraph

    def of_types(self, names: set[str]) -> Mask:
        return np.array([name in names for name in self.graph.type_names], dtype=np.bool_)

    def are(self, names: set[str]) -> Mask:
        return np.asarray(self.of_types(names)[self.graph.types])

    @cached_property
    def classes(self) -> Mask:
        return np.array([role == "class" for role in self.graph.type_roles], dtype=np.bool_)[self.graph.types]

    @cached_property
    def modules(self) -> Mask:
        return np.array([role == "module" for role in self.graph.type_roles], dtype=np.bool_)[self.graph.types]

    @cached_property
    def code_types(self) -> Mask:
        roles = np.array([bool(role) for role in self.graph.type_roles], dtype=np.bool_)
        return np.asarray(self.of_types(_CODE) | roles)

    @cached_property
    def loaded(self) -> Mask:
        """The modules in ``sys.modules``."""
        found = np.zeros(len(self.graph.ids), dtype=np.bool_)
        found[[module.node for module in self.graph.modules if module.node >= 0]] = True
        return found

    @cached_property
    def namespaces(self) -> Mask:
        """The dictionaries of the modules in ``sys.modules``."""
        found = np.zeros(len(self.graph.ids), dtype=np.bool_)
        dicts = self.are({"dict"})
        for module in self.graph.modules:
            for target in self.graph.targets[self.graph.starts[module.node] : self.graph.starts[module.node + 1]]:
                if dicts[target]:
                    found[target] = True
                    break
        return found

    @cached_property
    def origins(self) -> dict[str, int]:
        """Whose each loaded module is, by name."""
        files = {module.name: module.file for module in self.graph.modules}
        return {module.name: whose(module, files) for module in self.graph.modules}

    def is_own_module(self, name: str) -> bool:
        if not name or name == "builtins":
            return False
        top = name.partition(".")[0]
        known = self.origins.get(name, self.origins.get(top))
        return known == OWN if known is not None else top not in sys.stdlib_module_names

    def is_standard_module(self, name: str) -> bool:
        top = name.partition(".")[0]
        return self.origins.get(name, self.origins.get(top)) == STANDARD or top in sys.stdlib_module_names

    @cached_property
    def own_types(self) -> Mask:
        """Classes that the program defines itself. Shape (types)."""
        return np.array([self.is_own_module(name) for name in self.graph.type_modules], dtype=np.bool_)

    @cached_property
    def degrees(self) -> Ints:
        return np.diff(self.graph.starts).astype(np.int64)

    @cached_property
    def sources(self) -> Nodes:
        """The source of every edge. Shape (edges)."""
        return np.repeat(np.arange(len(self.graph.ids), dtype=np.int32), self.degrees)

    def name(self, node: int) -> str:
        """The node's type as a person says it."""
        kind = self.graph.types[node]
        return plain_name(self.graph.type_names[kind], self.graph.type_modules[kind])

    @cached_property
    def levels(self) -> npt.NDArray[np.int8]:
        """How readily each edge is followed. Shape (edges).

        Classes, functions' globals and modules refer to each other without end: an instance's class, a function's
        globals, what imports a module and what it was loaded by are no way that a person would go; nor are a
        logger's references to its parent and to the manager of all.
        """
        graph, targets, sources = self.graph, self.graph.targets, self.sources
        found = np.zeros(len(targets), dtype=np.int8)
        bearers = self.are(CONTAINERS - {"tuple"} | {"cell", "module", "mappingproxy"}) | self.modules
        found[self.classes[targets] & ~bearers[sources]] = BY_CLASS
        found[self._imports[targets] & self.namespaces[sources]] = BY_CLASS
        loggers = self.are(LOGGERS)
        found[loggers[sources] & self.are(LOGGERS | {"logging.Manager"})[targets]] = BY_CLASS
        traces, frames = self.are({"traceback"}), self.are({"frame"})
        found[traces[sources] | (frames[sources] & frames[targets])] = BY_TRACEBACK
        found[self.loaded[targets] | (self.namespaces[targets] & ~self.loaded[sources])] = NEVER
        assert len(found) == graph.starts[-1]
        return found

    @cached_property
    def of_abstract_classes(self) -> Mask:
        """What abstract classes remember of answers to isinstance(): sets of weak references, the interpreter's own."""
        found = np.zeros(len(self.graph.ids), dtype=np.bool_)
        found[self.graph.targets[self.are({"_abc._abc_data"})[self.sources]]] = True
        return found

    @cached_property
    def _imports(self) -> Mask:
        """The modules' specs, and what these refer to: loaders, which lead to all that an import hook keeps."""
        specs = self.are({"_frozen_importlib.ModuleSpec"})
        attributes = np.zeros(len(specs), dtype=np.bool_)  # until 3.11 in a dictionary of their own
        attributes[self.graph.targets[specs[self.sources]]] = True
        bearers = specs | (attributes & self.are({"dict"}))
        found = specs.copy()
        found[self.graph.targets[bearers[self.sources]]] = True
        return np.asarray(found & ~self.are(ATOMS | CONTAINERS))

    @cached_property
    def referred(self) -> Ints:
        """How many references of the heap lead to each node. Shape (nodes)."""
        return np.bincount(self.graph.targets, minlength=len(self.graph.ids)).astype(np.int64)

    @cached_property
    def held_natively(self) -> Mask:
        """Tracked objects with more references than the heap explains: of running frames, and of native code."""
        return np.asarray(self.graph.tracked & (self.graph.refcounts > self.referred))
