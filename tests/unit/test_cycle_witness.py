"""objgraph as an independent witness: what it counts and finds by crawling the live heap is what a look says of it.

It collects and crawls, so it is no part of what memdiag does by itself; here it looks at the same objects afterwards.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Iterator
from typing import Any

import objgraph
import pytest

from memdiag.model import CycleCluster
from tests.heaps import World


class Keeper:
    def __init__(self) -> None:
        self.kept: dict[int, Owner] = {}


class Owner:
    def __init__(self, number: int) -> None:
        self.number = number
        self.parts = [Part(self) for _ in range(2)]


class Part:
    def __init__(self, owner: Owner) -> None:
        self.owner = owner


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module that keeps one owner in five."""
    with World() as world:
        module: Any = types.ModuleType("app")
        monkeypatch.setitem(sys.modules, "app", module)
        module.world = world
        module.keeper = Keeper()
        for number in range(50):
            owner = Owner(number)
            if number % 5 == 0:
                module.keeper.kept[number] = owner
        del owner
        yield module


def surviving(app: Any) -> CycleCluster:
    clusters: list[CycleCluster] = [one for one in app.world.look(passes=2).clusters if one.state == "reachable"]
    assert len(clusters) == 1
    return clusters[0]


def test_as_many_are_counted(app: Any) -> None:
    look = app.world.look(passes=2)
    created = {row.type: (row.created, row.surviving) for row in look.by_type}
    objects = gc.get_objects()
    before = [objgraph.count(f"{__name__}.{kind}", objects) for kind in ("Owner", "Part")]
    del objects
    gc.collect()
    after = [objgraph.count(f"{__name__}.{kind}", gc.get_objects()) for kind in ("Owner", "Part")]
    assert [created["Owner"], created["Part"]] == list(zip(before, after, strict=True)) == [(50, 10), (100, 20)]


def test_the_chain_that_holds_them_is_the_same(app: Any) -> None:
    cluster = surviving(app)
    chain = objgraph.find_backref_chain(app.keeper.kept[5], lambda item: item is app, max_depth=20)
    named = [type(item).__name__ for item in chain if type(item).__name__ not in ("dict", "module")]
    assert cluster.holder == "app.keeper.kept[*]"
    assert named == ["Keeper", "Owner"]


def test_the_cycle_is_found_by_crawling_too(app: Any) -> None:
    cluster = surviving(app)
    owner = app.keeper.kept[5]
    chain = objgraph.find_ref_chain(owner.parts[0], lambda item: item is owner.parts, max_depth=5)
    crawled = [type(item).__name__ for item in chain if type(item) is not dict]
    start = cluster.shape.index("Part")
    assert [*cluster.shape[start:], *cluster.shape[:start]] == crawled == ["Part", "Owner", "list"]
