"""What a reference is called, as a person would write it, found without comparing and without running anything."""

from __future__ import annotations

import asyncio
import collections
import functools
import gc
import sys
import threading
import types
from typing import Any

import pytest

from memdiag.probe import heap
from memdiag.probe.facts import facts
from memdiag.probe.names import Labels
from tests.heaps import noticed_by


class Plain:
    shared: list[object] = []  # noqa: RUF012

    def method(self) -> None: ...


class Slotted:
    __slots__ = ("left", "right")


class Both(Slotted):
    pass


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    shared: list[object] = []  # noqa: RUF012


def function() -> None: ...


def label(holder: object, held: object, *also: object) -> str:
    """What the reference from ``holder`` to ``held`` is called where these and ``also`` are on a path."""
    labels = Labels({id(item): item for item in (holder, held, *also)}, copied=True)
    return labels.edge(id(holder), id(held))


def namespace_of(cls: type) -> dict[str, Any]:
    """The dictionary behind a class, which Python code sees as a ``mappingproxy`` only."""
    return next(item for item in gc.get_referents(cls) if type(item) is dict and "__module__" in item)


def closing_over(value: object) -> Any:
    def inner() -> object:
        return value

    return inner


def instance(kind: type, **attributes: object) -> Any:
    made = kind()
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


# --- attributes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Plain, Slotted, Both])
def test_an_attribute(kind: type) -> None:
    held: list[object] = []
    assert label(instance(kind, left=[], right=held), held) == ".right"


def test_attributes_are_told_apart_by_identity_not_by_value() -> None:
    one: list[object] = []
    other: list[object] = []
    holder = instance(Plain, first=one, second=other)
    assert label(holder, one) == ".first"
    assert label(holder, other) == ".second"


def test_an_instances_namespace_on_the_way() -> None:
    held: list[object] = []
    holder = instance(Plain, items=held)
    assert label(holder, vars(holder)) == ".__dict__"
    assert label(vars(holder), held, holder) == ".items"


def test_what_each_thread_has_of_a_thread_local() -> None:
    local = threading.local()
    held: list[object] = []
    local.items = held
    namespace = vars(local)
    assert label(namespace, held, local) == ".items"
    assert label({"items": held}, held, local) == "[*]"


def test_a_modules_namespace_on_the_way() -> None:
    module = types.ModuleType("app")
    held: list[object] = []
    module.registry = held  # type: ignore[attr-defined]
    assert label(module, vars(module)) == ".__dict__"
    assert label(vars(module), held, module) == ".registry"


def test_a_modules_attribute_in_one_step() -> None:
    """A type of modules may be a class of the program's, whose instances refer to values directly."""
    module = types.ModuleType("app")
    held: list[object] = []
    module.registry = held  # type: ignore[attr-defined]
    assert label(module, held) in (".registry", "")


@pytest.mark.parametrize("cls", [Plain, WithMeta])
def test_a_classes_namespace_on_the_way(cls: Any) -> None:
    assert label(cls, namespace_of(cls)) == ".__dict__"
    assert label(namespace_of(cls), cls.shared, cls) == ".shared"


def test_the_class_of_an_instance() -> None:
    assert label(Plain(), Plain) == ".__class__"
    assert label(Both(), Both) == ".__class__"


def test_the_name_of_an_attribute_need_not_be_an_identifier() -> None:
    holder = Plain()
    held: list[object] = []
    setattr(holder, "not an identifier\n", held)
    assert label(holder, held) == ".not an identifier\n"


# --- items ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "container",
    [list, tuple, set, frozenset, collections.deque, lambda items: dict.fromkeys("ab", *items)],
    ids=["list", "tuple", "set", "frozenset", "deque", "dict"],
)
def test_an_item(container: Any) -> None:
    held = Plain()
    assert label(container([held]), held) == "[*]"


@pytest.mark.parametrize("kind", [collections.OrderedDict, collections.defaultdict, collections.Counter])
def test_an_item_of_a_kind_of_dict(kind: Any) -> None:
    held = Plain()
    holder = kind()
    holder["secret key"] = held
    assert label(holder, held) == "[*]"


def test_keys_are_the_users_data_and_are_not_told() -> None:
    held = Plain()
    key = Plain()
    assert label({"alice@example.org": held}, held) == "[*]"
    assert label({key: 1}, key) == "[key]"


def test_an_attribute_of_a_kind_of_dict() -> None:
    class Configuration(dict[str, object]):
        pass

    held = Plain()
    holder = Configuration()
    holder.owner = held  # type: ignore[attr-defined]
    assert label(holder, held) == ".owner"


def test_an_item_of_a_kind_of_list() -> None:
    class Rows(list[object]):
        pass

    held = Plain()
    assert label(Rows([held]), held) == "[*]"


# --- functions ------------------------------------------------------------------------------------------------


def test_a_closure_on_the_way() -> None:
    held: list[object] = []
    inner = closing_over(held)
    cells = inner.__closure__
    assert label(inner, cells) == ".__closure__"
    assert label(cells, cells[0], inner) == ".closure(value)"
    assert label(cells[0], held) == ".cell_contents"


def test_which_variable_of_a_closure() -> None:
    def outer() -> Any:
        first, second = [1], [2]

        def inner() -> object:
            return first, second

        return inner

    inner = outer()
    for name, cell in zip(inner.__code__.co_freevars, inner.__closure__, strict=True):
        assert label(inner.__closure__, cell, inner) == f".closure({name})"


@pytest.mark.parametrize("name", ["__defaults__", "__kwdefaults__", "__globals__", "__code__"])
def test_the_parts_of_a_function(name: str) -> None:
    def inner(first: object = Plain(), *, second: object = Plain()) -> object:
        return first, second

    assert label(inner, getattr(inner, name)) == f".{name}"


def test_an_attribute_of_a_function() -> None:
    def inner() -> None: ...

    held: list[object] = []
    inner.cache = held  # type: ignore[attr-defined]
    assert label(inner, held) == ".cache"


def test_a_bound_method() -> None:
    owner = Plain()
    method = owner.method
    assert label(method, owner) == ".__self__"
    assert label(method, Plain.method) == ".__func__"


def test_the_parts_of_a_partial() -> None:
    held = Plain()
    made = functools.partial(Plain.method, held)
    assert label(made, Plain.method) == ".func"
    assert label(made, made.args) == ".args"
    assert label(made, made.keywords) == ".keywords"


def test_the_parts_of_an_exception() -> None:
    def failing() -> Exception:
        try:
            raise ValueError("text")
        except ValueError as error:
            return error

    error = failing()
    assert label(error, error.__traceback__) == ".__traceback__"
    assert error.__traceback__ is not None
    assert label(error.__traceback__, error.__traceback__.tb_frame) == ".tb_frame"


def test_a_property() -> None:
    made = property(Plain.method)
    assert label(made, Plain.method) == ".fget"


# --- what cannot be told --------------------------------------------------------------------------------------


def test_the_variables_of_a_frame_that_something_keeps() -> None:
    """In an image only: the dictionary of a frame's variables would keep them alive."""

    def failing(item: object) -> None:
        raise KeyError(item)

    held: list[object] = []
    with pytest.raises(KeyError) as raised:
        failing(held)
    frame = raised.tb.tb_next.tb_frame  # type: ignore[union-attr]
    known = {id(frame): frame, id(held): held}
    assert Labels(known, copied=True).edge(id(frame), id(held)) == "local(item)"
    assert Labels(known, copied=False).edge(id(frame), id(held)) == ""
    assert Labels(known, copied=True).name(id(frame)).endswith("failing")


def test_what_a_future_is_to_call() -> None:
    async def waiting() -> str:
        future = asyncio.get_running_loop().create_future()
        callback = functools.partial(print)
        future.add_done_callback(callback)
        return label(future, callback)

    assert asyncio.run(waiting()) == "._callbacks[*]"


def test_a_bound_method_is_called_by_its_functions_name() -> None:
    bound = types.MethodType(label, Plain())
    assert Labels({id(bound): bound}).name(id(bound)) == f"{__name__}.label"


def test_no_reference_has_no_name() -> None:
    assert label(Plain(), []) == ""
    assert Labels({}).edge(1, 2) == ""
    assert Labels({id(sys): sys}).edge(id(sys), 2) == ""


# --- names of objects -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (sys, "sys"),
        (types.ModuleType("app.models"), "app.models"),
        (Plain, f"{__name__}.Plain"),
        (int, "builtins.int"),
        (function, f"{__name__}.function"),
        (Plain.method, f"{__name__}.Plain.method"),
        (Plain(), ""),
        ([], ""),
        ("text", ""),
        (42, ""),
    ],
)
def test_names(item: object, name: str) -> None:
    assert Labels({id(item): item}).name(id(item)) == name


def test_an_unknown_object_has_no_name() -> None:
    assert Labels({}).name(12345) == ""


def test_a_module_without_a_proper_name() -> None:
    module = types.ModuleType("app")
    module.__name__ = 42  # type: ignore[assignment]
    assert Labels({id(module): module}).name(id(module)) == ""


def test_a_function_whose_module_is_no_text() -> None:
    def inner() -> None: ...

    inner.__module__ = None  # type: ignore[assignment]
    assert Labels({id(inner): inner}).name(id(inner)).endswith("inner")


# --- nobody is disturbed --------------------------------------------------------------------------------------


def _ask_everything(objects: list[object]) -> None:
    pairs = [(id(one), id(other)) for one in objects for other in (*objects, objects)]
    said = " ".join(f"{one}:{other}" for one, other in pairs) + "\n" + " ".join(str(id(item)) for item in objects)
    known = {id(item): item for item in (*objects, objects)}
    heap.told(lambda _: known, said.encode(), copied=True)


def test_no_code_of_the_programs_is_run() -> None:
    assert noticed_by(_ask_everything) == []


def test_asking_leaves_no_trace() -> None:
    """Some getters make what they are asked for: a class without annotations would have them afterwards."""

    class Bare:
        pass

    def bare() -> None: ...

    before = set(vars(Bare)), set(vars(bare))
    held: list[object] = []
    label(Bare, held)
    label(bare, held)
    assert (set(vars(Bare)), set(vars(bare))) == before


def test_answers_come_in_the_order_of_the_questions() -> None:
    held: list[object] = []
    holder = instance(Plain, items=held)
    known = {id(item): item for item in (holder, held, sys)}
    edges = [[id(sys), id(held)], [id(holder), id(held)]]
    asked = " ".join(f"{one}:{other}" for one, other in edges) + f"\n{id(sys)} {id(held)}"
    said = heap.told(lambda _: known, asked.encode(), copied=True)
    assert said["edges"] == [[*edges[0], ""], [*edges[1], ".items"]]
    assert [facts["name"] for _, facts in said["objects"]] == ["sys", ""]


class Kept:
    """Two attributes that its own functions name, one of them a dictionary, and one in the class as well."""

    limit: object = None

    def __init__(self) -> None:
        self.rows: dict[str, object] = {}
        self.limit = [1]

    @property
    def never(self) -> object:
        raise AssertionError("nothing of the program's is run")

    def use(self) -> object:
        return self.never


@pytest.mark.skipif(sys.version_info < (3, 11), reason="every instance has a dictionary there")
def test_in_the_program_itself_no_dictionary_is_made_by_asking() -> None:
    kept = Kept()
    labels = Labels({id(one): one for one in (kept, kept.rows, kept.limit)}, copied=False)
    assert labels.edge(id(kept), id(kept.rows)) == ".rows"
    assert labels.edge(id(kept), id(kept.limit)) == ".limit"
    assert facts(kept, copied=False) == {}
    assert {id(one) for one in gc.get_referents(kept)} == {id(kept.rows), id(kept.limit), id(Kept)}


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the collector passes over a dictionary of inline values there")
def test_in_the_program_itself_a_dictionary_that_is_there_is_read() -> None:
    kept = Kept()
    vars(kept)["named elsewhere"] = held = object()
    assert Labels({id(one): one for one in (kept, held)}, copied=False).edge(id(kept), id(held)) == ".named elsewhere"
