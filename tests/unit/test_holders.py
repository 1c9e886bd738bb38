"""Drawn heaps with one thing wrong in each, or nothing: what grows, what holds it, and how that is said."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from memdiag.launch.owners import with_owners
from memdiag.model import Frame, HeapEvidence, ObjectFacts, Population
from tests.heapgraphs import Heap, evidence, inquired

APP = "/home/u/app.py"
LIBRARY = "/usr/lib/python3.11/logging/__init__.py"
Draw = Callable[[Heap, int], None]


def _program(heap: Heap) -> None:
    """Some things that stay as they are."""
    heap.module("__main__", file=APP)
    heap.module("logging", file=LIBRARY)
    heap.variable("__main__", "settings", "dict")
    for at in range(200):
        heap.add(f"setting{at}", "__main__.Setting", by="__main__.settings", label="[*]")


def _app(heap: Heap) -> None:
    _program(heap)
    heap.variable("__main__", "app", "__main__.App")


def _only(found: HeapEvidence) -> Population:
    assert len(found.populations) == 1, [one.path for one in found.populations]
    return found.populations[0]


def _history(heap: Heap, moment: int, items: int = 10) -> None:
    _app(heap)
    heap.add("history", "list", by="__main__.app", label=".history")
    for at in range(20 + items * moment):
        heap.add(f"m{at}", "__main__.Message", by="history", size=100)
        heap.add(f"meta{at}", "dict", by=f"m{at}", label=".meta", size=200)


def test_a_list_that_an_instance_holds() -> None:
    found = _only(evidence(_history))
    assert (found.path, found.owner, found.attribute) == ("__main__.app.history", "App.history", "history")
    assert (found.kind, found.holder_type, found.item_type) == ("container", "list", "Message")
    assert found.counts == tuple(range(20, 91, 10))
    assert found.retained_bytes == found.reachable_bytes == 90 * 300
    assert (found.pattern, found.owner_module, found.owner_file) == ("history", "__main__", APP)
    assert found.via[-1] == "list"
    assert not found.library
    assert not found.others


def test_nothing_grows_where_nothing_does() -> None:
    found = evidence(lambda heap, _: _history(heap, 5))
    assert found.populations == ()
    assert (found.garbage_objects, found.traced) == (0, False)


def test_what_comes_and_goes_does_not_grow() -> None:
    sizes = [60, 90, 40, 95, 50, 45, 80, 70]
    assert evidence(lambda heap, moment: _history(heap, sizes[moment], items=1)).populations == ()


def test_items_that_replace_others_in_a_container_of_steady_length() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("recent", "collections.deque", by="__main__.app", label=".recent")
        for at in range(moment * 40, moment * 40 + 100):
            heap.add(f"m{at}", "__main__.Message", by="recent")

    assert evidence(draw).populations == ()


def test_a_dictionary_with_two_references_for_each_item_counts_items() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("__main__", "_cache", "dict")
        heap.facts["__main__._cache"] = ObjectFacts(length=10 * (moment + 1))
        for at in range(10 * (moment + 1)):
            heap.add(f"k{at}", "int", by="__main__._cache")
            heap.add(f"q{at}", "__main__.Quote", by="__main__._cache")

    found = _only(evidence(draw))
    assert (found.path, found.owner, found.attribute) == ("__main__._cache", "__main__._cache", "_cache")
    assert found.counts == tuple(range(10, 81, 10))
    assert (found.pattern, found.item_type) == ("cache", "Quote")


def test_listeners_are_called_after_whose_method_they_are() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("listeners", "collections.defaultdict", by="__main__.app", label=".listeners")
        heap.add("price", "list", by="listeners", label="['price']")
        heap.add("on_price", "function")
        for at in range(10 + 9 * moment):
            heap.add(f"method{at}", "method", by="price")
            heap.add(f"panel{at}", "__main__.Panel", by=f"method{at}", label=".__self__")
            heap.refer(f"method{at}", "on_price", ".__func__")
            heap.refer(f"panel{at}", "__main__.app", ".app")

    found = _only(evidence(draw))
    assert (found.path, found.item_type) == ("__main__.app.listeners['price']", "Panel")
    assert (found.pattern, found.owner) == ("listener", "App.listeners")


def test_many_small_lists_of_one_role_are_one() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("sessions", "dict", by="__main__.app", label=".sessions")
        for at in range(20):
            heap.add(f"s{at}", "__main__.Session", by="sessions", label="[*]")
            heap.add(f"events{at}", "list", by=f"s{at}", label=".events")
            for event in range(5 + 2 * moment):
                heap.add(f"e{at}.{event}", "__main__.Event", by=f"events{at}")

    found = _only(evidence(draw))
    assert (found.path, found.item_type) == ("__main__.app.sessions[*].events", "Event")
    assert found.counts == tuple(20 * (5 + 2 * moment) for moment in range(8))
    assert found.owner == "Session.events"


def test_parts_of_items_that_are_replaced_vary_by_chance() -> None:
    """Others lie where the lists before them lay, some longer and some shorter; their sum goes up at every look."""

    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("pages", "collections.deque", by="__main__.app", label=".pages")
        for at in range(55):
            heap.add(f"page{at}", "__main__.Page", by="pages")
            heap.add(f"words{at}", "list", by=f"page{at}", label=".words")
            length = 8 + (7 * at + 5 * moment) % 11 + (3 if at < 3 * moment else 0)
            for word in range(length):
                heap.add(f"page{at}word{word}", "str", by=f"words{at}")

    assert evidence(draw).populations == ()


def test_inner_lists_that_multiply_with_the_items_are_no_finding_of_their_own() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("orders", "list", by="__main__.app", label=".orders")
        for at in range(10 + 6 * moment):
            heap.add(f"o{at}", "__main__.Order", by="orders")
            heap.add(f"lines{at}", "list", by=f"o{at}", label=".lines")
            for line in range(6):
                heap.add(f"l{at}.{line}", "__main__.Line", by=f"lines{at}")

    found = _only(evidence(draw))
    assert (found.path, found.item_type) == ("__main__.app.orders", "Order")


def test_a_list_that_is_made_anew_each_time() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        log = heap.add(f"log{moment}", "list", by="__main__.app", label=".log")
        for at in range(20 + 10 * moment):
            heap.add(f"m{at}", "__main__.Message", by=log)

    found = _only(evidence(draw))
    assert found.path == "__main__.app.log"
    assert found.counts == tuple(range(20, 91, 10))


def test_a_text_that_swells() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add(f"text{moment}", "str", by="__main__.app", label=".text", size=(20 + 10 * moment) * 1024)

    found = _only(evidence(draw))
    assert (found.kind, found.path, found.holder_type) == ("object", "__main__.app.text", "str")
    assert found.sizes == tuple((20 + 10 * moment) * 1024 for moment in range(8))
    assert found.counts == (1,) * 8
    assert found.retained_bytes == 90 * 1024


def test_two_that_hold_the_same_items_say_so_of_each_other() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _history(heap, moment)
        heap.add("index", "dict", by="__main__.app", label=".index")
        for at in range(20 + 10 * moment):
            heap.refer("index", f"m{at}", "[*]")

    told = {one.path: one for one in evidence(draw).populations}
    assert set(told) == {"__main__.app.history", "__main__.app.index"}
    assert told["__main__.app.history"].others == ("__main__.app.index",)
    assert told["__main__.app.index"].others == ("__main__.app.history",)
    assert all(one.retained_bytes == 0 and one.reachable_bytes == 90 * 300 for one in told.values())


def test_a_functools_cache_is_named_by_its_function() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("__main__", "Report", "type")
        heap.add("namespace", "dict", by="__main__.Report", label=".__dict__")
        heap.add("total", "functools._lru_cache_wrapper", by="namespace", label="['total']")
        heap.add("results", "dict", by="total")
        heap.facts["__main__.Report"] = ObjectFacts(name="__main__.Report", module="__main__", file=APP)
        for at in range(10 + 10 * moment):
            heap.add(f"key{at}", "tuple", by="results")
            heap.add(f"report{at}", "__main__.Report", by=f"key{at}")
            heap.refer(f"report{at}", "__main__.Report")

    found = _only(evidence(draw))
    assert found.path == "__main__.Report.total (functools cache)"
    assert (found.owner, found.attribute, found.item_type) == ("Report.total", "total", "Report")
    assert found.pattern == "cache"


def test_a_closure_names_its_variable() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("__main__", "add", "function")
        heap.add("closure", "tuple", by="__main__.add", label=".__closure__")
        heap.add("cell", "cell", by="closure", label=".closure(seen)")
        heap.add("seen", "list", by="cell", label=".cell_contents")
        heap.facts["__main__.add"] = ObjectFacts(name="__main__.make.<locals>.add", module="__main__", file=APP)
        for at in range(10 + 10 * moment):
            heap.add(f"e{at}", "__main__.Event", by="seen")

    found = _only(evidence(draw))
    assert found.path == "__main__.make.<locals>.add() closure variable seen"
    assert (found.pattern, found.attribute) == ("closure", "seen")


def test_a_local_variable_of_the_outermost_function() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.add("manager", "__main__.Manager")
        heap.frame("__main__", f"handle{moment}", APP, self="manager")  # which one runs differs from look to look
        heap.frame("__main__", "main", APP, manager="manager")
        heap.add("history", "list", by="manager", label=".history")
        for at in range(10 + 10 * moment):
            heap.add(f"m{at}", "__main__.Message", by="history")

    found = _only(evidence(draw))
    assert (found.path, found.owner) == ("__main__.main() local manager.history", "Manager.history")


def test_globals_name_it_before_variables_and_libraries_do() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _history(heap, moment)
        heap.frame("__main__", "main", APP, short="history")
        heap.refer("logging.__dict__", "history", "['seen']")

    found = evidence(draw).populations[0]
    assert found.path == "__main__.app.history"


def _returned(heap: Heap, moment: int, *, whose: str) -> None:
    _program(heap)
    heap.add("service", whose)
    heap.add("items", "list", by="service", label=".items")
    for at in range(20 + 10 * moment):
        heap.add(f"m{at}", "__main__.Message", by="items", size=100)
    heap.frame("__main__", "main", APP, service="service", found="items")


@pytest.mark.parametrize("ways", [1, 2])
def test_a_tree_is_told_from_a_chain(ways: int) -> None:
    """Each item refers to one other, or to two: the longest way of the tree is short."""

    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("n0", "__main__.Node", by="__main__.app", label=".root")
        for at in range(1, 100 + 300 * moment):
            heap.add(f"n{at}", "__main__.Node", by=f"n{(at - 1) // ways}", label=".next", size=100)

    one = _only(evidence(draw))
    assert (one.kind, one.path, one.item_type) == ("chain", "__main__.app.root", "Node")
    assert one.branching == (ways == 2)


def test_a_variable_that_is_another_name_of_an_attribute() -> None:
    """``found = service.items``: the shorter way, and maybe the later one; the source will tell which is filled."""
    one = _only(evidence(lambda heap, moment: _returned(heap, moment, whose="__main__.Service")))
    assert (one.path, one.owner) == ("__main__.main() local found", "main.found")
    assert [(also.path, also.owner, also.attribute, also.module, also.file) for also in one.aliases] == [
        ("__main__.main() local service.items", "Service.items", "items", "__main__", APP)
    ]
    assert not _only(evidence(lambda heap, moment: _returned(heap, moment, whose="logging.Logger"))).aliases


@pytest.mark.parametrize("fills", ["class", "function", "nothing"])
def test_the_name_by_which_it_is_filled(fills: str, tmp_path: Path) -> None:
    in_class = "self.items.append(one)" if fills == "class" else "pass"
    in_main = "found.append(1)" if fills == "function" else "pass"
    source = f"""
        class Service:
            def __init__(self):
                self.items = []
            def handle(self, one):
                {in_class}
        def main():
            service = Service()
            found = service.items
            {in_main}
    """
    app = tmp_path / "app.py"
    app.write_text(textwrap.dedent(source))
    (one,) = evidence(lambda heap, moment: _returned(heap, moment, whose="__main__.Service")).populations
    aliases = tuple(dataclasses.replace(alias, file=str(app)) for alias in one.aliases)
    seen = HeapEvidence(moments=(), populations=(dataclasses.replace(one, owner_file=str(app), aliases=aliases),))
    (named,) = with_owners(seen).populations
    assert named.owner == ("Service.items" if fills == "class" else "main.found")
    assert named.path.endswith("service.items" if fills == "class" else "found")
    assert bool(named.source.adds) == (fills != "nothing")
    assert not named.aliases


def test_a_librarys_own_growth_is_marked_as_such() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("logging", "names", "dict")
        for at in range(100 + 30 * moment):
            heap.add(f"l{at}", "logging.Logger", by="logging.names")

    found = _only(evidence(draw))
    assert (found.path, found.library, found.owner_file) == ("logging.names", True, LIBRARY)


def test_the_programs_objects_in_a_librarys_container_are_its_own() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("logging", "handlers", "list")
        for at in range(100 + 30 * moment):
            heap.add(f"h{at}", "__main__.Handler", by="logging.handlers")

    assert not _only(evidence(draw)).library


def test_a_librarys_warming_up_is_left_out() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("logging", "names", "dict")
        for at in range(10 + 4 * moment):
            heap.add(f"l{at}", "logging.Logger", by="logging.names")

    assert evidence(draw).populations == ()


def test_what_only_native_code_holds() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.add("waiting", "list", extra=1)
        for at in range(10 + 10 * moment):
            heap.add(f"m{at}", "__main__.Message", by="waiting")

    found = _only(evidence(draw))
    assert (found.path, found.item_type) == ("list held by native code", "Message")


def test_garbage_is_counted_and_is_no_population() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        for at in range(50 * (moment + 1)):
            heap.add(f"a{at}", "__main__.Session")
            heap.add(f"b{at}", "list", by=f"a{at}")
            heap.refer(f"b{at}", f"a{at}")

    found = evidence(draw)
    assert found.populations == ()
    assert (found.garbage_objects, found.garbage_bytes) == (800, 800 * 64)
    assert found.garbage_types == (("__main__.Session", 400), ("list", 400))


def test_the_sites_are_where_the_items_were_made() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _history(heap, moment)
        for at in range(40, 20 + 10 * moment):
            line = 44 if at % 5 else 50
            heap.traces[f"m{at}"] = (Frame("/usr/lib/python3.11/json/decoder.py", 3), Frame(APP, line, "handle"))

    sites = _only(evidence(draw)).sites
    assert [(site.file, site.line, site.function, site.count) for site in sites] == [
        (APP, 44, "handle", 40),
        (APP, 50, "handle", 10),
    ]
    assert sites[0].bytes == 4000


def test_what_is_asked_is_along_the_way() -> None:
    inquiry, heap = inquired(_history)
    way = ["__main__", "__main__.__dict__", "__main__.app", "history"]
    assert set(zip(map(heap.id, way), map(heap.id, way[1:]), strict=False)) <= set(inquiry.questions.edges)
    assert {heap.id(name) for name in way} <= set(inquiry.questions.objects)


def test_without_answers_there_is_evidence_all_the_same() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _history(heap, moment)
        heap.labels.clear()

    found = _only(evidence(draw))
    assert found.counts == tuple(range(20, 91, 10))
    assert found.path.startswith("__main__")


@pytest.mark.parametrize("moments", [1, 2, 3])
def test_few_moments_are_no_error(moments: int) -> None:
    found = evidence(lambda heap, moment: _history(heap, moment, items=100), moments)
    assert len(found.moments) == moments
    assert len(found.populations) == (moments > 1)


def _imported(heap: Heap, moment: int, dictionary: bool) -> None:
    """An import hook that is a module's loader as well, and keeps a list."""
    _app(heap)
    heap.module("plugin", file="/home/u/plugin.py")
    heap.variable("plugin", "__spec__", "_frozen_importlib.ModuleSpec")
    heap.variable("plugin", "__loader__", "logging.Hook")
    by = heap.add("of spec", "dict", by="plugin.__spec__") if dictionary else "plugin.__spec__"
    heap.refer(by, "plugin.__loader__")
    heap.variable("logging", "hooks", "list")
    heap.refer("logging.hooks", "plugin.__loader__", "[*]")
    heap.add("rewritten", "list", by="plugin.__loader__", label=".rewritten")
    for at in range(200 + 100 * moment):
        heap.add(f"r{at}", "pathlib.PosixPath", by="rewritten", size=100)


@pytest.mark.parametrize("dictionary", [True, False])
def test_what_a_loader_keeps_is_not_held_by_the_modules_that_it_loaded(dictionary: bool) -> None:
    found = _only(evidence(lambda heap, moment: _imported(heap, moment, dictionary)))
    assert (found.path, found.library) == ("logging.hooks[*].rewritten", True)


def _abstract(heap: Heap, moment: int) -> None:
    _app(heap)
    heap.variable("__main__", "Shape", "abc.ABCMeta")
    heap.add("answers", "_abc._abc_data", by="__main__.Shape")
    heap.add("no shapes", "set", by="answers")
    for at in range(300 * moment):
        heap.add(f"weak{at}", "weakref.ReferenceType", by="no shapes")


def test_what_an_abstract_class_remembers_is_the_interpreters_own() -> None:
    assert evidence(_abstract).populations == ()


def test_blocks_that_each_hold_the_next_are_a_chain() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("__main__", "audit", "itertools._tee")
        above = "__main__.audit"
        for block in range(4 + 3 * moment):
            heap.add(f"block{block}", "itertools._tee_dataobject", by=above, size=500)
            for at in range(20):
                heap.add(f"reading{block}.{at}", "__main__.Reading", by=f"block{block}")
            above = f"block{block}"

    found = _only(evidence(draw))
    assert (found.kind, found.item_type, found.path) == (
        "chain",
        "_tee_dataobject",
        "__main__.audit -> _tee_dataobject",
    )
    assert (found.counts[0], found.counts[-1]) == (4, 25)


def test_a_weak_dictionary_is_named_by_who_owns_it() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _app(heap)
        heap.add("plans", "weakref.WeakKeyDictionary", by="__main__.app", label=".plans")
        heap.add("data", "dict", by="plans", label=".data")
        for at in range(20 + 10 * moment):
            heap.add(f"key{at}", "weakref.ReferenceType", by="data", label="[key]")
            heap.add(f"plan{at}", "__main__.Plan", by="data", label="[*]", size=100)

    found = _only(evidence(draw))
    assert (found.path, found.owner, found.attribute) == ("__main__.app.plans", "App.plans", "plans")
    assert (found.holder_type, found.item_type) == ("WeakKeyDictionary", "Plan")


def test_a_context_variable_is_named() -> None:
    def draw(heap: Heap, moment: int) -> None:
        _program(heap)
        heap.variable("__main__", "context", "Context")
        heap.add("tree", "hamt", by="__main__.context")
        heap.add("leaf", "hamt_bitmap_node", by="tree")
        heap.add("steps", "list", by="leaf", label="context(trail)")
        for at in range(20 + 10 * moment):
            heap.add(f"step{at}", "__main__.Step", by="steps")

    found = _only(evidence(draw))
    assert (found.path, found.owner, found.pattern) == ("context variable trail",) * 2 + ("contextvar",)


def test_a_site_is_of_an_object_that_was_there_all_along() -> None:
    """Others lay at the addresses that a tracer saw: of another type, or gone for a while since."""

    def draw(heap: Heap, moment: int) -> None:
        _history(heap, moment)
        if moment == 4:
            heap.traces |= {f"m{at}": (Frame(APP, 44, "handle"),) for at in range(40, 60)}
            heap.items["m45"].type = "__main__.Reply"
        if moment == 6:
            for name in ("m46", "meta46"):
                del heap.items[name]
            heap.items["history"].to.remove("m46")

    assert [site.count for site in _only(evidence(draw)).sites] == [18]
