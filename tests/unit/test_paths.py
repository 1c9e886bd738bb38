"""Paths and cycles as a person would write them."""

from __future__ import annotations

import pytest

from memdiag.analysis.paths import Step, describe_cycle, describe_path


def steps(*drawn: str) -> list[Step]:
    """``"module app .registry"``: type, name (``-`` for none) and the name of the reference that leads on."""
    found = []
    for text in drawn:
        kind, name, edge = f"{text} - -".split()[:3]
        found.append(Step(kind, "app", "" if name == "-" else name, "" if edge == "-" else edge))
    return found


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ([], ""),
        (["module app .__dict__", "dict - .registry", "list - [*]", "Node"], "app.registry[*]"),
        (["module app .__dict__", "dict - .manager", "Manager - .items", "list - [*]", "Node"], "app.manager.items[*]"),
        (
            ["module app .__dict__", "dict - .manager", "Manager - .__dict__", "dict - .items", "list - [*]", "Node"],
            "app.manager.items[*]",
        ),
        (
            [
                "module app .__dict__",
                "dict - .Registry",
                "type app.Registry .__dict__",
                "dict - .items",
                "list - [*]",
                "Node",
            ],
            "app.Registry.items[*]",
        ),
        (
            [
                "function app.handler .__closure__",
                "tuple - .closure(kept)",
                "cell - .cell_contents",
                "list - [*]",
                "Node",
            ],
            "app.handler.closure(kept)[*]",
        ),
        (["module app .__dict__", "dict - -", "Node"], "app -> Node"),
        (["function app.read .__defaults__", "tuple - [*]", "Node"], "app.read.__defaults__[*]"),
    ],
)
def test_paths(drawn: list[str], expected: str) -> None:
    assert describe_path(steps(*drawn)) == expected


def test_a_path_from_a_nameless_root_says_what_it_is() -> None:
    said = describe_path(steps("Manager - .items", "list - [*]", "Node"))
    assert said.startswith("app.Manager.items[*]")
    assert "local variable" in said


def test_a_built_in_root_is_not_given_a_module() -> None:
    said = describe_path([Step("list", "builtins", "", "[*]"), Step("Node", "app", "", "")])
    assert said.startswith("list[*]")


def test_a_variable_that_an_inner_function_shares_is_named_by_what_it_holds() -> None:
    said = describe_path(steps("cell - .cell_contents", "Manager - .items", "list - [*]", "Node"))
    assert said.startswith("app.Manager.items[*]")


@pytest.mark.parametrize(
    ("drawn", "shape", "edges"),
    [
        (["Node - .me", "Node"], ("Node",), (".me",)),
        (
            ["Parent - .children", "list - [*]", "Child - .parent", "Parent"],
            ("Parent", "list", "Child"),
            (".children", "[*]", ".parent"),
        ),
        (["Node - .__dict__", "dict - .me", "Node"], ("Node",), (".me",)),
        (
            ["Parent - .__dict__", "dict - .child", "Child - .__dict__", "dict - .parent", "Parent"],
            ("Parent", "Child"),
            (".child", ".parent"),
        ),
        (
            ["function - .__closure__", "tuple - .closure(inner)", "cell - .cell_contents", "function"],
            ("function",),
            (".closure(inner)",),
        ),
        (["list - [*]", "dict - [*]", "list"], ("list", "dict"), ("[*]", "[*]")),
        (["list - [*]", "list"], ("list",), ("[*]",)),
    ],
)
def test_cycles(drawn: list[str], shape: tuple[str, ...], edges: tuple[str, ...]) -> None:
    assert describe_cycle(steps(*drawn)) == (shape, edges)


def test_every_type_has_its_edge() -> None:
    for drawn in (["A - .b", "B - -", "A"], ["A - -", "A"], ["A - .b", "B - .c", "C - -", "A"]):
        shape, edges = describe_cycle(steps(*drawn))
        assert len(shape) == len(edges) == len(drawn) - 1
