"""Whatever a file holds, reading it gives Traces or one clear UnreadableInput: nothing runs, nothing blows up."""

from __future__ import annotations

import copyreg
import functools
import pickle
import pickletools
import struct
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memdiag.capture.tracemalloc_dump import read_tracemalloc_dump
from memdiag.errors import UnreadableInput
from memdiag.model import Traces

HEAD = b"\x80\x05\x8c\x0btracemalloc\x94\x8c\x08Snapshot\x94"
BEGUN = (  # as CPython begins it; the places 0 to 11 of the memory are taken
    HEAD
    + b"\x93\x94)\x81\x94}\x94(\x8c\x06traces\x94"
    + b"h\x00\x8c\x07_Traces\x94\x93\x94)\x81\x94}\x94\x8c\x07_traces\x94]\x94"
)
ENDED = b"sb\x8c\x0ftraceback_limit\x94K\x01ub."
FRAME = b"\x8c\x01fK\x01\x86\x94"
TRACE = b"(K\x00K\x08" + FRAME + b"\x85\x94K\x01t\x94"


def snapshot(traces: Any, limit: int) -> tracemalloc.Snapshot:
    return tracemalloc.Snapshot(traces, limit)


@functools.cache
def small_dump() -> bytes:
    """A real snapshot of four traces, without the frame around it, so that bytes can be put in anywhere."""
    stack = (("a.py", 1), ("b.py", 2))
    traces = [(0, 100, stack, 2), (0, 2**33, stack, 2), (1, 70_000, (("c.py", 300),), 1), (0, 1, (*stack, ("d", 4)), 3)]
    data = pickle.dumps(snapshot(traces, 3), 5)
    return data[:2] + data[11:]


@functools.cache
def real_dump() -> bytes:
    """What this very interpreter dumps, framed as it frames it."""
    tracemalloc.start(4)
    try:
        kept = [functools.partial(print, n) for n in range(50)]
        traces = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    del kept
    return pickle.dumps(traces, pickle.HIGHEST_PROTOCOL)


def outcome(data: bytes) -> Traces | UnreadableInput:
    """What reading *data* comes to. Any other exception fails the test that asks."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        result: Traces | UnreadableInput
        try:
            result = read_tracemalloc_dump(Path(file.name))
        except UnreadableInput as error:
            result = error
    assert_clear(result) if isinstance(result, UnreadableInput) else assert_consistent(result)
    return result


def assert_clear(error: UnreadableInput) -> None:
    assert "\n" not in error.problem + error.next_step
    assert len(error.problem) < 400
    assert error.next_step


def assert_consistent(traces: Traces) -> None:
    assert traces.live_bytes.shape == traces.live_blocks.shape == (1, len(traces.stacks))
    assert len(set(traces.stacks)) == len(traces.stacks)
    assert (traces.live_bytes >= 0).all()
    assert (traces.live_blocks >= 1).all()


def test_the_building_bricks_of_these_tests_make_a_dump() -> None:
    for data in (BEGUN + TRACE + b"a" + ENDED, BEGUN + b"(" + TRACE * 3 + b"e" + ENDED, small_dump(), real_dump()):
        assert isinstance(outcome(data), Traces)


# --- programs that were built by hand -------------------------------------------------------------------------


def long_text(text: bytes) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text


def calls(target: Path) -> dict[str, bytes]:
    """Pickles, less head and end, that would create *target* if any of them ran."""
    command = long_text(b"touch " + bytes(target))
    code = long_text(b"open(" + ascii(str(target)).encode() + b", 'w')")
    return {
        "REDUCE os.system": b"cos\nsystem\n" + command + b"\x85R",
        "REDUCE posix.system": long_text(b"posix") + long_text(b"system") + b"\x93" + command + b"\x85R",
        "GLOBAL builtins.eval": b"cbuiltins\neval\n" + code + b"\x85R",
        "STACK_GLOBAL builtins.eval": long_text(b"builtins") + long_text(b"eval") + b"\x93" + code + b"\x85R",
        "STACK_GLOBAL through tracemalloc": b"h\x00" + long_text(b"os.system") + b"\x93" + command + b"\x85R",
        "STACK_GLOBAL Snapshot.load": b"h\x00" + long_text(b"Snapshot.load") + b"\x93" + command + b"\x85R",
        "INST": b"(" + command + b"ios\nsystem\n",
        "OBJ": b"(cos\nsystem\n" + command + b"o",
        "NEWOBJ": b"csubprocess\nPopen\n" + command + b"\x85\x81",
        "NEWOBJ_EX": b"csubprocess\nPopen\n" + command + b"\x85}\x92",
        "PERSID": b"Pos.system\n",
        "BINPERSID": command + b"Q",
        "EXT1": b"\x82\xf0" + command + b"\x85R",
        "EXT2": b"\x83\xf0\x00" + command + b"\x85R",
        "EXT4": b"\x84\xf0\x00\x00\x00" + command + b"\x85R",
        "BUILD of a class": b"h\x00h\x01\x93}" + long_text(b"__reduce__") + command + b"sb",
        "NEXT_BUFFER": b"\x97",
    }


@pytest.fixture
def _extension() -> Iterator[None]:
    copyreg.add_extension("os", "system", 0xF0)
    yield
    copyreg.remove_extension("os", "system", 0xF0)


@pytest.mark.usefixtures("_extension")
@pytest.mark.parametrize("name", sorted(calls(Path("x"))))
def test_nothing_is_ever_called(name: str, tmp_path: Path) -> None:
    target = tmp_path / "created"
    evil = calls(target)[name]
    for head, end in ((HEAD, b"."), (BEGUN, b"a" + ENDED), (BEGUN + TRACE + b"a", ENDED), (BEGUN, b".")):
        assert isinstance(outcome(head + evil + end), UnreadableInput)
    data = small_dump()
    for _, _, position in pickletools.genops(data):
        if position:
            outcome(data[:position] + evil + data[position:])
    assert not target.exists()


def test_nothing_is_ever_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memdiag_bait.py").write_text("Snapshot = dict\n")
    monkeypatch.syspath_prepend(tmp_path)
    bait = long_text(b"memdiag_bait") + b"h\x01\x93"
    for data in (HEAD + bait + b".", HEAD + bait + b")\x81.", BEGUN + bait + b"a" + ENDED):
        assert "refers to 'memdiag_bait'.'Snapshot'" in str(outcome(data))
    assert "memdiag_bait" not in sys.modules


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (b"0", "instruction 0x30 has no place"),
        (b"N", "instruction 0x4e has no place"),
        (b"\x80\x03", "protocol"),
        (b"K\x01K\x02\x93", "without a name"),
        (b"\x93K\x01\x81", "an object of another kind"),
        (b"\x93" + FRAME + b"\x81", "an object of another kind"),
        (b"}b", "gives attributes"),
        (b"\x93)\x81" + FRAME + b"b", "gives attributes"),
        (b"}" + FRAME + b"K\x01s", "name of an attribute is not text"),
        (b"}(K\x01K\x01u", "name of an attribute is not text"),
        (b"}(h\x00u", "attributes make no sense"),
        (b"}(" + b"h\x00" * 10 + b"u", "attributes make no sense"),
        (b"h\x00" + TRACE + b"a", "outside the list"),
        (b")(" + TRACE + b"e", "outside the list"),
        (b"]h\x00a", "holds something else"),
        (b"])a", "holds something else"),
        (b"])\x85a", "a stack holds something"),
        (b"", "no snapshot"),
        (b"\x93)\x81", "no snapshot"),
        (b"s", "instructions make no sense"),
    ],
)
def test_each_refusal_says_why(program: bytes, says: str) -> None:
    assert says in str(outcome(HEAD + program + b"."))


def doubled(taken: int, levels: int = 100) -> bytes:
    """((x, x), (x, x)), ...: six bytes a level, and twice the work to hash. *taken* places of the memory are."""
    return FRAME + b"".join(b"0h%ch%c\x86\x94" % (taken + n, taken + n) for n in range(levels))


BOMBS = {
    "hash of nested tuples as a key": HEAD + b"}" + doubled(2) + b"K\x01s.",
    "hash of nested tuples as a stack": BEGUN + b"(K\x00K\x01" + doubled(12) + b"K\x01ta" + ENDED,
    "tuples in tuples": HEAD + b")" + b"\x85" * 200_000 + b".",
    "tuples of frames in tuples": HEAD + FRAME + b"\x85" * 200_000 + b".",
    "lists in lists": HEAD + b"]" * 400_000 + b"a" * 10 + b".",
    "dicts in dicts": HEAD + b"}" * 400_000 + b"h\x00s" * 10 + b".",
    "objects piled up": HEAD + b"\x93\x94" + b"h\x02)\x81" * 400_000 + b".",
    "marks": HEAD + b"(" * 400_000 + b".",
    "everything remembered": HEAD + b"\x94" * 500_000 + b".",
    "texts piled up": HEAD + b"\x8c\x02\xc4\x80" * 500_000 + b".",
    "frame longer than the file": HEAD + b"\x95" + struct.pack("<Q", 2**40) + b"K\x01.",
    "frame longer than any file": HEAD + b"\x95" + struct.pack("<Q", 2**64 - 1) + b"K\x01.",
    "text longer than the file": HEAD + b"X" + struct.pack("<I", 2**32 - 1) + b"x.",
    "text longer than any file": HEAD + b"\x8d" + struct.pack("<Q", 2**62) + b"x.",
    "bytes longer than any file": HEAD + b"\x8e" + struct.pack("<Q", 2**62) + b"x.",
    "bytearray longer than any file": HEAD + b"\x96" + struct.pack("<Q", 2**40) + b"x.",
    "a number of a million digits": HEAD + b"\x8b" + struct.pack("<i", 2**31 - 1) + b"1.",
    "a number in decimal": HEAD + b"I" + b"9" * 1_000_000 + b"\n.",
    "a far place in memory": HEAD + b"r" + struct.pack("<I", 2**32 - 1) + b".",
    "recall from nowhere": HEAD + b"j" + struct.pack("<I", 2**32 - 1) + b".",
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_small_file_costs_little(name: str) -> None:
    data = BOMBS[name]
    tracemalloc.start()
    try:
        result = outcome(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(result, UnreadableInput)
    assert peak < 12 * len(data) + 12_000_000  # the constant: what may wait for its place at any time


def test_one_long_stack_of_many_traces_is_hashed_once() -> None:
    """65 000 frames times 150 000 traces would take minutes if every trace's stack were hashed."""
    stack = b"(" + FRAME + b"h\x0c" * 64_999 + b"t\x94"  # the frame is at place 12, the stack at 13
    first, other = b"(K\x00K\x01" + stack + b"K\x01t", b"(K\x00K\x01h\x0dK\x01t"
    result = outcome(BEGUN + b"(" + first + other * 150_000 + b"e" + ENDED)
    assert isinstance(result, Traces)
    assert result.live_blocks.tolist() == [[150_001]]


# --- damage ---------------------------------------------------------------------------------------------------


def test_cut_short_at_every_byte() -> None:
    for data in (small_dump(), real_dump()[:3000] if len(real_dump()) > 3000 else real_dump()[:-1]):
        for length in range(min(len(data), 600)):
            assert isinstance(outcome(data[:length]), UnreadableInput)
    for length in range(len(real_dump()) - 1, 600, -97):
        assert isinstance(outcome(real_dump()[:length]), UnreadableInput)


edits = st.lists(
    st.tuples(
        st.sampled_from(["replace", "insert", "delete", "repeat"]),
        st.integers(0, 2**16),
        st.binary(min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=5,
)


def edited(data: bytes, changes: list[tuple[str, int, bytes]], keep: int) -> bytes:
    """*data* with *changes* behind its first *keep* bytes, so that it still passes for a dump."""
    for kind, place, new in changes:
        at = keep + place % max(len(data) - keep, 1)
        if kind == "replace":
            data = data[:at] + new + data[at + len(new) :]
        elif kind == "insert":
            data = data[:at] + new + data[at:]
        elif kind == "delete":
            data = data[:at] + data[at + len(new) :]
        else:
            data = data[:at] + data[at : at + 16 * len(new)] + data[at:]
    return data


@settings(max_examples=500, deadline=None)
@given(edits)
def test_a_damaged_small_dump(changes: list[tuple[str, int, bytes]]) -> None:
    outcome(edited(small_dump(), changes, len(HEAD)))


@settings(max_examples=200, deadline=None)
@given(edits)
def test_a_damaged_real_dump(changes: list[tuple[str, int, bytes]]) -> None:
    outcome(edited(real_dump(), changes, 40))


numbers = st.integers(0, 255).map(lambda n: b"K" + bytes([n]))
recalls = st.integers(0, 20).map(lambda n: b"h" + bytes([n]))
texts = st.text(max_size=3).map(lambda text: long_text(text.encode("utf-8", "surrogatepass")))
plain = st.sampled_from([bytes([code]) for code in b"(\x85\x86\x87t)]}aesu\x94\x93\x81b.0"] + [FRAME, TRACE])
everything = st.binary(min_size=1, max_size=2)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(numbers, recalls, texts, plain, plain, everything), max_size=40), st.booleans())
def test_programs_of_its_own_instructions(program: list[bytes], begun: bool) -> None:
    outcome((BEGUN if begun else HEAD) + b"".join(program) + (b"a" + ENDED if begun else b"."))


names = st.text(st.characters(exclude_categories=[]), max_size=5)
stacks = st.lists(st.tuples(names, st.integers(0, 2**31)), min_size=1, max_size=4).map(tuple)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**47), stacks), max_size=20), st.sampled_from([4, 5]))
def test_every_snapshot_reads_back_whole(
    traces: list[tuple[int, int, tuple[tuple[str, int], ...]]], protocol: int
) -> None:
    result = outcome(pickle.dumps(snapshot(traces, 4), protocol))
    assert isinstance(result, Traces)
    expected: dict[tuple[tuple[str, int], ...], list[int]] = {}
    for _, size, stack in traces:
        amount = expected.setdefault(stack, [0, 0])
        amount[0] += size
        amount[1] += 1
    got = [tuple((frame.file, frame.line) for frame in stack) for stack in result.stacks]
    assert dict(zip(got, zip(result.live_bytes[0], result.live_blocks[0], strict=True), strict=True)) == {
        stack: tuple(amount) for stack, amount in expected.items()
    }
