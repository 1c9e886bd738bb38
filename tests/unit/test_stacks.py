"""Stacks as a table, and whole numbers as columns: what goes in comes out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdiag.analysis.lines import index_lines, shown_frame
from memdiag.capture import columns
from memdiag.model import Frame, Stack, StackTable

frames = st.builds(
    Frame, st.sampled_from(["a.py", "/usr/lib/python3.11/x.py", "<frozen y>", "z.c", ""]), st.integers(0, 3)
)
all_stacks = st.lists(st.lists(frames, max_size=5).map(tuple), max_size=8)


@given(all_stacks)
def test_a_table_is_the_sequence_it_was_made_of(stacks: list[Stack]) -> None:
    table = StackTable.of(stacks)
    assert list(table) == stacks
    assert [table[at] for at in range(len(table))] == stacks
    assert table[1:3] == stacks[1:3]
    assert table == tuple(stacks)
    assert (table == [*stacks, ()]) is False
    assert StackTable.of(table) is table


@given(all_stacks)
def test_levels_are_the_frames_of_each_depth(stacks: list[Stack]) -> None:
    table = StackTable.of(stacks)
    for level, (there, places) in enumerate(table.levels()):
        owners = np.arange(len(table))[there].tolist()
        assert owners == [at for at, one in enumerate(stacks) if len(one) > level]
        assert [table.frames[place] for place in places.tolist()] == [stacks[at][level] for at in owners]


@given(all_stacks)
def test_lines_of_a_table_are_those_of_its_stacks(stacks: list[Stack]) -> None:
    index = index_lines(StackTable.of(stacks))
    shown = [index.frames[at] for at in index.of_stacks.tolist()]
    assert [(one.file, one.line) for one in shown] == [(shown_frame(one).file, shown_frame(one).line) for one in stacks]
    amounts = np.arange(1, len(stacks) + 1)
    assert int(index.sums(amounts).sum()) == int(amounts.sum())


def test_sums_are_exact_where_floats_are_not() -> None:
    index = index_lines(StackTable.of([(Frame("a.py", 1),), (Frame("a.py", 1),)]))
    assert index.sums(np.array([2**60, 1])).tolist() == [2**60 + 1]


def through(name: str, values: Any) -> Any:
    """The values packed and unpacked."""
    packed_name, width, content = columns.pack(name, values)

    def read(asked: str, size: int) -> bytes:
        assert (asked, size) == (packed_name, len(content))
        return content

    return columns.unpack(read, name, width, values.shape)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=12), st.sampled_from([1, 2, 3, 4]))
def test_numbers_come_back_as_they_were(numbers: list[int], rows: int) -> None:
    flat = np.array(numbers, np.int64)
    assert through("flat", flat).tolist() == numbers
    table = flat[: len(flat) // rows * rows].reshape(rows, -1)
    assert np.array_equal(through("table", table), table)


@pytest.mark.parametrize(("largest", "width"), [(0, 1), (127, 1), (128, 2), (2**15, 4), (2**40, 8)])
def test_numbers_take_no_more_room_than_they_need(largest: int, width: int) -> None:
    assert columns.pack("x", np.array([0, largest]))[1] == width
    assert len(columns.pack("x", np.array([0, largest]))[2]) == 2 * width


@pytest.mark.parametrize("width", [0, 3, 16, -1, None, "1", True, 1.0])
def test_a_width_that_is_none_is_refused(width: Any) -> None:
    with pytest.raises(ValueError, match="width"):
        columns.unpack(lambda _, size: bytes(size), "x", width, (2,))


HEAD: dict[str, Any] = {
    "files": ["a.py"],
    "functions": [""],
    "sizes": {"frames": 1, "stacks": 2, "places": 3},
    "widths": dict.fromkeys(("frame_files", "frame_lines", "frame_functions", "stack_depths", "stack_frames"), 1),
}


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("frame_files", [2]),  # zigzag: a file 1, where there is none
        ("frame_files", [1]),
        ("frame_functions", [2]),
        ("stack_depths", [4, 4]),  # 2 and 2 frames, where three are told
        ("stack_depths", [1, 8]),  # -1 and 4
        ("stack_frames", [0, 0, 2]),
    ],
)
def test_numbers_that_lead_nowhere_are_refused(member: str, content: list[int]) -> None:
    right = {
        "frame_files": [0],
        "frame_lines": [2],
        "frame_functions": [0],
        "stack_depths": [2, 4],
        "stack_frames": [0] * 3,
    }
    wrong = {**right, member: content}
    found = columns.read_stacks(HEAD, lambda name, _: bytes(right[name]))
    assert list(found) == [(Frame("a.py", 1),), (Frame("a.py", 1), Frame("a.py", 1))]
    with pytest.raises(ValueError, match="stacks"):
        columns.read_stacks(HEAD, lambda name, _: bytes(wrong[name]))


def test_shapes_are_kept_where_they_are_empty() -> None:
    for shape in ((0,), (0, 5), (5, 0)):
        assert through("x", np.zeros(shape, np.int64)).shape == shape
        assert math.prod(shape) == 0
