"""Reference cycles told by shape, by the names along them, and by what holds them."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from memdiag.model import CycleCluster, CycleEvidence
from tests.heaps import World

# An instance's attributes are a dictionary of its own before 3.11, and that is a member of the cycle too.
PER_INSTANCE = 2 if sys.version_info < (3, 11) else 1


class Context:
    """An object with a cycle through itself."""

    def __init__(self) -> None:
        self.me = self


class Parent:
    def __init__(self, children: int) -> None:
        self.children = [Child(self) for _ in range(children)]


class Child:
    def __init__(self, parent: Parent) -> None:
        self.parent = parent


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the program's."""
    module = types.ModuleType("app")
    monkeypatch.setitem(sys.modules, "app", module)
    return module


def clusters(evidence: CycleEvidence, state: str, first: str) -> list[CycleCluster]:
    return [one for one in evidence.clusters if one.state == state and first in one.shape]


# --- shapes ---------------------------------------------------------------------------------------------------


def test_the_shape_and_the_names_along_it(world: World) -> None:
    for _ in range(5):
        Parent(children=3)
    evidence = world.look(passes=1)
    (found,) = clusters(evidence, "waiting", "Parent")
    steps = list(zip(found.shape, found.edges, strict=True))
    start = steps.index(("Parent", ".children"))
    assert steps[start:] + steps[:start] == [("Parent", ".children"), ("list", "[*]"), ("Child", ".parent")]
    assert found.count == 5
    assert found.objects == 5 * (PER_INSTANCE * 4 + 1)
    assert found.own
    assert found.size_bytes > 5 * 4 * 40


def test_waiting_and_reachable_are_told_apart(world: World) -> None:
    kept = [Context() for _ in range(3)]
    for _ in range(4):
        Context()
    evidence = world.look(passes=1)
    (reachable,) = clusters(evidence, "reachable", "Context")
    (waiting,) = clusters(evidence, "waiting", "Context")
    assert (reachable.count, waiting.count) == (3, 4)
    assert reachable.holder != ""
    assert waiting.holder == ""
    assert len(kept) == 3


def test_different_numbers_of_children_are_one_shape(world: World) -> None:
    kept = [Parent(children) for children in (1, 2, 3, 4)]
    evidence = world.look(passes=1)
    (found,) = clusters(evidence, "reachable", "Parent")
    assert found.count == 4
    assert len(kept) == 4


def test_the_largest_shape_comes_first(world: World) -> None:
    kept: list[object] = [Context() for _ in range(3)]
    kept += [Parent(4) for _ in range(3)]
    evidence = world.look(passes=1)
    assert "Parent" in evidence.clusters[0].shape
    assert [one.objects for one in evidence.clusters] == sorted((o.objects for o in evidence.clusters), reverse=True)


# --- holders --------------------------------------------------------------------------------------------------


def held_by(world: World, first: str = "Context") -> str:
    (found,) = clusters(world.look(passes=1), "reachable", first)
    return found.holder


def test_held_by_a_module(world: World, app: Any) -> None:
    app.registry = [Context() for _ in range(3)]
    assert held_by(world) == "app.registry[*]"


def test_held_by_a_class(world: World, app: Any) -> None:

    class Registry:
        contexts: dict[int, Context] = {}  # noqa: RUF012

    Registry.__module__, Registry.__qualname__ = "app", "Registry"
    app.Registry = Registry
    Registry.contexts[1] = Context()
    assert held_by(world) == "app.Registry.contexts[*]"


def test_held_by_an_instance_of_a_module(world: World, app: Any) -> None:
    app.manager = types.SimpleNamespace()
    app.manager.contexts = {"secret": Context()}
    assert held_by(world) == "app.manager.contexts[*]"


def handler_of(kept: list[Context]) -> Any:
    def handler() -> object:
        return kept

    handler.__module__, handler.__qualname__ = "app", "handler"
    return handler


def test_held_by_a_closure(world: World, app: Any) -> None:
    app.handler = handler_of([Context()])
    assert held_by(world) == "app.handler() closure variable kept[*]"


def test_held_by_a_local_variable(world: World) -> None:
    kept = [Context()]
    assert held_by(world) == f"{__name__}.test_held_by_a_local_variable() local kept[*]"
    assert len(kept) == 1


def test_a_module_is_named_rather_than_a_local_variable(world: World, app: Any) -> None:
    app.registry = kept = [Context()]
    assert held_by(world) == "app.registry[*]"
    assert len(kept) == 1


def test_no_holder_tells_the_users_keys(world: World, app: Any) -> None:
    app.sessions = {"alice@example.org": {"token": [Context()]}}
    assert held_by(world) == "app.sessions[*][*][*]"


def test_each_holder_of_the_same_shape_is_named(world: World, app: Any) -> None:
    """Thirty held here and two there are not thirty-two held here."""
    app.many = [Context() for _ in range(30)]
    app.few = [Context() for _ in range(2)]
    found = clusters(world.look(passes=1), "reachable", "Context")
    assert {one.holder: one.count for one in found} == {"app.many[*]": 30, "app.few[*]": 2}
