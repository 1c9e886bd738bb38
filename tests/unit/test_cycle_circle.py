"""Cycles as a person would write them."""

from __future__ import annotations

import pytest

from memdiag.analysis.cycles.circle import Step, describe_cycle


def steps(*drawn: str) -> list[Step]:
    """``"Node - .me"``: type, and the name of the reference that leads on."""
    found = []
    for text in drawn:
        kind, _, edge = f"{text} - -".split()[:3]
        found.append(Step(kind, "" if edge == "-" else edge))
    return found


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
