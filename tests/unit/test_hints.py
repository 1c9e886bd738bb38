"""What a line of source adds to, where it says so itself; and silence where it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdiag.analysis.hints import addition


@pytest.mark.parametrize(
    ("text", "function", "owner", "container"),
    [
        ("self.history.append(item)", "Manager.add", "Manager.history", "list"),
        ("self.history.extend(items)", "Manager.add", "Manager.history", "list"),
        ("self.history.insert(0, item)", "Manager.add", "Manager.history", "list"),
        ("self.queue.appendleft(item)", "Manager.add", "Manager.queue", "deque"),
        ("self.seen.add(key)", "Manager.add", "Manager.seen", "set"),
        ("self.cache[key] = value", "Manager.put", "Manager.cache", "dict"),
        ("self.cache.setdefault(key, [])", "Manager.put", "Manager.cache", "dict"),
        ("self.inner.items.append(1)", "Manager.add", "Manager.inner.items", "list"),
        ("cls.registry.append(cls)", "Base.register", "Base.registry", "list"),
        ("self.items.append(x)", "Outer.Inner.add", "Outer.Inner.items", "list"),
        ("CACHE[key] = value", "lookup", "CACHE", "dict"),
        ("_CACHE[key] = value", "lookup", "_CACHE", "dict"),
        ("HANDLERS.append(handler)", "<module>", "HANDLERS", "list"),
        ("first = self.cache[key] = value", "Manager.put", "Manager.cache", "dict"),
        ("    self.history.append(item)  # keep it", "Manager.add", "Manager.history", "list"),
    ],
)
def test_what_is_added_to(text: str, function: str, owner: str, container: str) -> None:
    found = addition(text, function)
    assert found is not None
    assert (found.owner, found.container) == (owner, container)
    assert found.idiom


@pytest.mark.parametrize(
    "text",
    [
        "",
        "items.append(x)",
        "result[key] = value",
        "x = 1",
        "self.total = total",
        "self.history.clear()",
        "return self.history.append",
        "self.history.append(",
        "{",
        "'text': [",
        "append(x)",
        "other.history.append(x)",
        "\0",
        "x" * 5000 + "[0] = 1",
        "(" * 500 + ")" * 500,
    ],
)
def test_what_does_not_say_so(text: str) -> None:
    assert addition(text, "Manager.add") is None


@pytest.mark.parametrize("function", ["", "<module>", "add"])
def test_self_means_nothing_outside_of_a_class(function: str) -> None:
    assert addition("self.history.append(x)", function) is None


def test_a_nested_function_is_not_a_method_of_locals() -> None:
    """``outer.<locals>.inner`` has a ``self`` of who knows what."""
    found = addition("self.history.append(x)", "outer.<locals>.inner")
    assert found is None or "<locals>" not in found.owner


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_is_taken(text: str, function: str) -> None:
    found = addition(text, function)
    assert found is None or found.owner
