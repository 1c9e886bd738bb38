"""Which lines make a reference, read off the source."""

from __future__ import annotations

from textwrap import dedent

from memdiag.analysis.cycles.lines import assigned_at

SOURCE = dedent(
    """
    class Node:
        def __init__(self, parent):
            self.parent = parent
            self.children = []
            self.owner = None

        def adopt(self, child):
            child.parent = self
            self.first, self.last = child, child


    class Other:
        def __init__(self, parent):
            self.parent = parent


    def link(one, other):
        one.next = other
    """
)


def lines(cls: str, attribute: str) -> list[int]:
    return [touch.line for touch in assigned_at(SOURCE, "app.py", cls, attribute)]


def test_the_classes_own_methods_come_first() -> None:
    assert lines("Node", "parent") == [4]
    assert lines("Other", "parent") == [15]


def test_else_what_is_done_from_outside() -> None:
    assert lines("Node", "next") == [19]
    assert lines("Unknown", "parent") == [9]


def test_parts_of_a_tuple_count_and_constants_do_not() -> None:
    assert lines("Node", "last") == [10]
    assert lines("Node", "owner") == []


def test_a_base_may_be_the_one() -> None:
    assert lines("Derived", "children") == [5]


def test_what_is_no_python_has_none() -> None:
    assert assigned_at("def (", "app.py", "Node", "parent") == ()
