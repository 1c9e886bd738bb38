"""Whole numbers as columns of bytes that deflate well: as narrow as they may be, their high bytes apart from the low.

A table (moments, stacks) is kept as differences from one moment to the next, which are mostly nothing. Everything is
modulo 2^64, so that any int64 comes back as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memdiag.capture.codec import _decode as _checked
from memdiag.model import Frame, Ints, StackTable

_WIDTHS = (1, 2, 4, 8)
DEEPEST = 65_535  # frames of a stack: tracemalloc's own limit
MOST_NUMBERS = 1 << 26  # of one column: half a gigabyte of them, whatever they took in the file

Column = tuple[str, int, bytes]  # name of the member, bytes of each number, and its content
Content = Callable[[str, int], bytes]  # of the member of that name and that length; raises ValueError where it is not


def pack(name: str, values: npt.NDArray[Any]) -> Column:
    """The numbers as one member of an archive; tables row by row, each row as its difference from the one before."""
    numbers = np.ascontiguousarray(values, dtype=np.int64)
    if numbers.ndim == 2:
        numbers = np.concatenate([numbers[:1], np.diff(numbers, axis=0)])
    numbers = numbers.ravel()
    signed = (numbers << 1) ^ (numbers >> 63)  # small where the number is near 0, on either side
    unsigned = signed.view(np.uint64)
    width = next(one for one in _WIDTHS if not len(unsigned) or int(unsigned.max()) < 1 << (8 * one))
    narrow = unsigned.astype(f"<u{width}")
    return name, width, narrow.view(np.uint8).reshape(-1, width).T.tobytes()


def unpack(content: Content, name: str, width: Any, shape: Sequence[int], kind: type[Any] = np.int64) -> Any:
    """The numbers again, of this kind, writable. Raises ValueError where the member is not as long as that."""
    if type(width) is not int or width not in _WIDTHS:
        raise ValueError(f"{name}: a width of 1, 2, 4 or 8 bytes was expected")
    if math.prod(shape) > MOST_NUMBERS:
        raise ValueError(f"{name}: more numbers than memdiag reads")
    planes = np.frombuffer(content(name, width * math.prod(shape)), np.uint8).reshape(width, -1)
    unsigned = planes[0].astype(f"=u{width}")
    for place in range(1, width):
        unsigned |= planes[place].astype(unsigned.dtype) << 8 * place
    signed = (unsigned >> 1).view(f"=i{width}") ^ -(unsigned & 1).view(f"=i{width}")
    numbers = signed.astype(kind).reshape(shape)
    return np.cumsum(numbers, axis=0, dtype=kind) if len(shape) == 2 and shape[0] > 1 else numbers


def stack_columns(stacks: StackTable) -> Iterator[Column]:
    """Frames as numbers of files and functions, and what each stack consists of: all innermost frames first."""
    files, functions = names(stacks)
    of_file = {name: at for at, name in enumerate(files)}
    of_function = {name: at for at, name in enumerate(functions)}
    frames = stacks.frames
    yield pack("frame_files", np.array([of_file[frame.file] for frame in frames], np.int64))
    yield pack("frame_lines", np.array([frame.line for frame in frames], np.int64))
    yield pack("frame_functions", np.array([of_function[frame.function] for frame in frames], np.int64))
    yield pack("stack_depths", stacks.depths)
    levels = [places for _, places in stacks.levels()]
    yield pack("stack_frames", np.concatenate(levels) if levels else np.zeros(0, np.int64))


def names(stacks: StackTable) -> tuple[list[str], list[str]]:
    """Files and functions of the frames, each once."""
    files = dict.fromkeys(frame.file for frame in stacks.frames)
    functions = dict.fromkeys(frame.function for frame in stacks.frames)
    return list(files), list(functions)


def read_stacks(head: dict[str, Any], content: Content) -> StackTable:
    """The stacks that ``head`` describes. Raises ValueError or KeyError where it, or what it leads to, does not fit."""
    files = _checked(tuple[str, ...], head["files"], "files")
    functions = _checked(tuple[str, ...], head["functions"], "functions")
    sizes = {name: _amount(head["sizes"][name], name) for name in ("frames", "stacks", "places")}

    def column(name: str, size: str, kind: type[Any] = np.int64) -> Any:
        return unpack(content, name, head["widths"][name], (sizes[size],), kind)

    of_file = _indices(column("frame_files", "frames"), len(files))
    of_function = _indices(column("frame_functions", "frames"), len(functions))
    lines = column("frame_lines", "frames")
    frames = [
        Frame(files[file], line, functions[function])
        for file, line, function in zip(of_file.tolist(), lines.tolist(), of_function.tolist(), strict=True)
    ]
    depths = column("stack_depths", "stacks")
    if depths.size and (depths.min() < 0 or depths.max() > DEEPEST or int(depths.sum()) != sizes["places"]):
        raise ValueError("stacks: their frames are not as many as they say")
    levels = _indices(column("stack_frames", "places", np.int32), len(frames))
    return StackTable(frames, depths, _by_stack(depths, levels))


def _by_stack(depths: Ints, levels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """From all innermost frames first, then all next ones, to one stack after the other."""
    deepest = int(depths.max(initial=0))
    if deepest and int(depths.min()) == deepest:
        return np.ascontiguousarray(levels.reshape(deepest, -1).T).ravel()
    places = np.zeros(len(levels), np.int32)
    starts = np.cumsum(depths) - depths
    there, at = np.flatnonzero(depths > 0), 0
    for level in range(deepest):
        there = there[depths[there] > level]
        places[starts[there] + level] = levels[at : at + len(there)]
        at += len(there)
    return places


def _amount(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ValueError(f"{name}: a number of them was expected")
    return value


def _indices(values: Any, count: int) -> Any:
    if values.size and (values.min() < 0 or values.max() >= count):
        raise ValueError("stacks: a number that stands for nothing")
    return values
