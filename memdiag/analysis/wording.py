"""A way through the heap, said as a person would write it: ``__main__.Dashboard.bus.listeners['price']``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memdiag.analysis.own import FORK_LIST
from memdiag.analysis.roles import CACHE, SUSPENDED, THREAD_LOCALS, WEAK, Roles
from memdiag.analysis.roots import Tree, is_own_frame
from memdiag.model import Answers, FrameRoot, ObjectFacts

BY_NATIVE_CODE = "held by native code"  # ends the path of what no name holds
_CLOSURE = re.compile(r"closure[^(]*\((\w+)\)")
_LOCAL = re.compile(r"local\((\w+)\)")
_CONTEXT = re.compile(r"context\((.+)\)")
_KEYED = re.compile(r"\['(\w+)'\]")
_NAMESPACE = ".__dict__"


@dataclass
class Way:
    """What a trail says: its text, the owner of the last named part, and that part's bare name."""

    text: str = ""
    owner: str = ""
    attribute: str = ""
    module: str = ""
    file: str = ""
    pattern: str = ""
    root_file: str = ""  # where the function, class or module that it begins with is defined


REGISTERED = Way("the functions registered with atexit", owner="atexit", pattern="atexit")


class Narrator:
    """Words for trails of one heap; ``ended`` is the function whose variables still live though it runs no more."""

    def __init__(self, roles: Roles, tree: Tree, answers: Answers, ended: str = "") -> None:
        self._roles, self._tree, self._answers, self._ended = roles, tree, answers, ended
        self._graph = roles.graph
        self._modules = {module.node: module for module in reversed(self._graph.modules)}
        self._by_name = {module.name: module for module in self._graph.modules}
        self._locals = local_names(roles)

    def tell(self, trail: Sequence[int], spread: frozenset[int] = frozenset()) -> Way:
        way = Way()
        self._begin(way, trail[0])
        at = 0
        while at + 1 < len(trail):
            at += self._step(way, trail, at, spread)
        return way

    # --- roots

    def _begin(self, way: Way, node: int) -> None:
        module = self._modules.get(node)
        if module is not None:
            way.text, way.module, way.file = module.name, module.name, module.file
            way.root_file = module.file
            return
        local = self._locals.get(node)
        if local is not None:
            frame, name = local
            where = f"{frame.module}." if frame.module else ""
            thread = "" if frame.thread == "main" else f" (thread {frame.thread})"
            way.text = f"{where}{frame.function}(){thread} local {name}"
            way.module, way.file = frame.module, frame.file
            way.owner, way.attribute = f"{frame.function}.{name}", name
            way.root_file = frame.file
            return
        registry = next((name for name, kept in self._graph.registries if kept == node), "")
        if registry:
            way.text = way.owner = registry
            if registry == FORK_LIST:
                way.owner, way.pattern = "os.register_at_fork", "at-fork"
            return
        named = self.facts(node)
        kind = self._roles.name(node)
        if self._ended and not named.name:
            way.text = f"{self._ended} local {kind}"
            return
        way.text = f"{kind} {named.name} {BY_NATIVE_CODE}" if named.name else f"{kind} {BY_NATIVE_CODE}"
        way.module, way.file = named.module, named.file

    # --- steps

    def _step(self, way: Way, trail: Sequence[int], at: int, spread: frozenset[int]) -> int:
        """Add the reference from one node of the trail to the next to the text; how many nodes that took."""
        node, target = trail[at], trail[at + 1]
        label = self._label(node, target)
        kind = self._graph.type_names[self._graph.types[node]]
        namespace = self._is_namespace(node, target, label) and at + 2 < len(trail)
        if kind in WEAK and way.attribute and way.attribute != "data":
            return 2 if namespace else 1  # what it keeps its items in is its own affair
        if namespace:
            inner = self._label(target, trail[at + 2])
            self._attribute(way, node, _bare(inner), trail[at + 2])
            return 2
        if kind == "function":
            return self._of_function(way, trail, at, label)
        if kind in THREAD_LOCALS and self._of_thread(way, trail[at + 2 : at + 4]):
            return 3
        if not self._is_named(way, node, label, node in spread):
            self._go_on(way, node, target, label)
        return 1

    def _is_named(self, way: Way, node: int, label: str, spread: bool) -> bool:
        """Whether the reference begins the text anew, or stands for any of many."""
        if spread and label[:1] in ("", "["):
            way.text += "[*]"
        elif found := _LOCAL.fullmatch(label):
            self._local(way, node, found[1])
        elif found := _CONTEXT.fullmatch(label):
            way.text = way.owner = f"context variable {found[1]}"
            way.attribute, way.pattern = "", "contextvar"
        else:
            return False
        return True

    def _go_on(self, way: Way, node: int, target: int, label: str) -> None:
        kind = self._graph.type_names[self._graph.types[node]]
        if kind == CACHE or kind == "cell" or label in (_NAMESPACE, ".cell_contents", ".__func__"):
            way.pattern = "cache" if kind == CACHE else way.pattern
        elif label.startswith("."):
            self._attribute(way, node, _bare(label), target)
        elif label and label != "[*]":
            way.text += label
        else:
            way.text += label or self._unnamed(kind, target)

    def _local(self, way: Way, node: int, name: str) -> None:
        """A variable of a suspended function: the text begins anew, at that function."""
        facts = self.facts(node)
        where = f"{facts.module}." if facts.module else ""
        way.text = f"{where}{facts.name}() local {name}"
        way.module, way.file, way.root_file = facts.module, facts.file, facts.file
        way.owner, way.attribute = f"{facts.name}.{name}", name

    def _unnamed(self, kind: str, target: int) -> str:
        if kind in SUSPENDED:
            return f" local {self._roles.name(target)}"
        return f" -> {self._roles.name(target)}"

    def _attribute(self, way: Way, node: int, name: str, target: int) -> None:
        """A class or function begins the text anew: where it is defined, not where it was imported to."""
        if not name:
            way.text += f" -> {self._roles.name(target)}"
            return
        if name.startswith(("[", "(")):
            way.text += name
            return
        facts = self.facts(target)
        defined = _full(facts)
        if node in self._modules and defined and defined.rpartition(".")[2] == name:
            way.text, way.module, way.file = defined, facts.module, facts.file or self._file(facts.module)
            way.root_file = way.file
        else:
            way.text += f".{name}"
        way.owner, way.attribute = self._owner(node, name), name
        if not (node in self._modules or self._modules.get(target)):
            self._place(way, node)

    def _owner(self, node: int, name: str) -> str:
        if node in self._modules:
            return f"{self._modules[node].name}.{name}"
        if self._roles.classes[node]:
            facts = self.facts(node)
            return f"{facts.name.removeprefix(facts.module + '.') or 'class'}.{name}"
        return f"{self._roles.name(node)}.{name}"

    def _place(self, way: Way, node: int) -> None:
        """The module of a class, or of an instance's class."""
        facts = self.facts(node)
        if self._roles.classes[node] and facts.module:
            way.module, way.file = facts.module, facts.file or self._file(facts.module)
            return
        module = self._graph.type_modules[self._graph.types[node]]
        if module and module != "builtins":
            way.module, way.file = module, self._file(module)

    def _of_thread(self, way: Way, last: Sequence[int]) -> bool:
        """``scratch.items`` for what each thread has: the dictionaries of all threads are left out."""
        name = _bare(self._label(last[0], last[1])) if len(last) == 2 else ""
        if not name.isidentifier() or not way.owner:
            return False
        way.text, way.owner, way.attribute = f"{way.text}.{name}", f"{way.owner}.{name}", name
        return True

    def _of_function(self, way: Way, trail: Sequence[int], at: int, label: str) -> int:
        """Closures and defaults: the tuple and the cell between are left out."""
        names = [self._label(a, b) for a, b in zip(trail[at : at + 3], trail[at + 1 : at + 4], strict=False)]
        closed = next((found[1] for name in names[:2] if (found := _CLOSURE.search(name))), "")
        function = self.facts(trail[at]).name
        if function and not way.text.endswith(function.rpartition(".")[2]):
            way.text += f" -> {function.rpartition('.')[2]}"
        own = function.removeprefix(self.facts(trail[at]).module + ".") or "function"
        if closed or "closure" in label:
            way.text += f"() closure variable {closed}".rstrip()
            way.owner, way.attribute, way.pattern = f"{own}.{closed}", closed, "closure"
        elif "default" in label:
            way.text += "() default argument"
            way.owner, way.attribute, way.pattern = own, "", "default argument"
        elif label.startswith("."):
            self._attribute(way, trail[at], _bare(label), trail[at + 1])
            return 1
        else:
            way.text += self._unnamed("function", trail[at + 1])
            return 1
        skipped = 1
        while at + skipped + 1 < len(trail) and self._roles.name(trail[at + skipped]) in ("tuple", "cell"):
            skipped += 1
            if self._roles.name(trail[at + skipped - 1]) == "cell":
                break
            if "default" in label:
                break
        return skipped

    # --- what was answered

    def _is_namespace(self, node: int, target: int, label: str) -> bool:
        named = self._roles.namespaces[target] and node in self._modules
        of_class = self._roles.classes[node] and self._roles.name(target) == "dict"
        return bool(label == _NAMESPACE or named or of_class)

    def _label(self, node: int, target: int) -> str:
        ids = self._graph.ids
        return self._answers.edges.get((int(ids[node]), int(ids[target])), "")

    def facts(self, node: int) -> ObjectFacts:
        return self._answers.objects.get(int(self._graph.ids[node]), _NOTHING)

    def _file(self, module: str) -> str:
        known = self._by_name.get(module)
        return known.file if known is not None else ""


_NOTHING = ObjectFacts()


def _bare(label: str) -> str:
    """``history`` of ``.history`` and of ``['history']``."""
    keyed = _KEYED.fullmatch(label)
    return keyed.group(1) if keyed else label.removeprefix(".")


def _full(facts: ObjectFacts) -> str:
    """The qualified name with its module, which may be part of the name."""
    if not facts.name or not facts.module or facts.name == facts.module:
        return ""
    return facts.name if facts.name.startswith(facts.module + ".") else f"{facts.module}.{facts.name}"


def local_names(roles: Roles) -> Mapping[int, tuple[FrameRoot, str]]:
    """The variable that a person would name each node by: of the program's own outermost function."""
    found: dict[int, tuple[FrameRoot, str]] = {}
    outward = roles.graph.frames[::-1]
    frames = sorted(outward, key=lambda frame: not is_own_frame(frame, roles))
    for frame in frames:
        for name, node in frame.locals:
            found.setdefault(node, (frame, name))
    return found
