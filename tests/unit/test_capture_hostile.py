"""Files that lie about what they hold are refused in one line, at a bounded price, and nothing is written."""

from __future__ import annotations

import io
import json
import operator
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memdiag.capture.format import read_capture, write_capture
from tests.captures import FULL, attempt, parts, refused, rewritten, same, zipped

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.memdiag"


@pytest.fixture
def whole(path: Path) -> bytes:
    write_capture(FULL, path)
    return path.read_bytes()


# --- reading what lies ----------------------------------------------------------------------------------------

WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "text",
    [],
    {},
    [[]],
    [None],
    [[1, 2, 3, 4]],
    {"a": 1},
    "x" * 100_000,
    [[["x"]]],
]
NUMBERS = ["Infinity", "-Infinity", "NaN", "1e999", "1" + "0" * 400]


def places(value: Any, trail: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value in a JSON document is."""
    if trail:
        yield trail
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*trail, key))


def put(head: Any, trail: tuple[Any, ...], value: Any) -> Any:
    for key in trail[:-1]:
        head = head[key]
    before, head[trail[-1]] = head[trail[-1]], value
    return before


def fits(trail: tuple[Any, ...], right: Any, wrong: Any) -> bool:
    """Whether the model would take it all the same: a whole number for a float, nothing where nothing may be."""
    if wrong is None:
        return trail[0] == "samples" or trail in {("target", "exit_status"), ("traces",)}
    return type(wrong) is type(right) or (type(right) is float and type(wrong) is int)


def test_a_wrong_type_anywhere_is_refused(path: Path, whole: bytes) -> None:
    """Every value of the document is replaced by values of other types, one at a time."""
    head, arrays = parts(whole)
    accepted = []
    for trail in list(places(head)):
        for wrong in WRONG:
            right = put(head, trail, wrong)
            if right is not None and not fits(trail, right, wrong):
                path.write_bytes(zipped({**arrays, "capture.json": json.dumps(head).encode()}, zipfile.ZIP_STORED))
                if attempt(path) is not None:
                    accepted.append(f"{'.'.join(map(str, trail))} = {wrong!r:.20}")
            put(head, trail, right)
    assert accepted == []


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_is_none_is_refused_anywhere(path: Path, whole: bytes, number: str) -> None:
    head, arrays = parts(whole)
    for trail in list(places(head)):
        before = put(head, trail, "@@")
        if type(before) in (int, float):
            text = json.dumps(head).replace('"@@"', number)
            path.write_bytes(zipped({**arrays, "capture.json": text.encode()}, zipfile.ZIP_STORED))
            refused(path)
        put(head, trail, before)


def test_a_missing_part_is_refused(path: Path, whole: bytes) -> None:
    for key in ("command", "target", "sources", "traces"):
        path.write_bytes(rewritten(whole, operator.methodcaller("pop", key)))
        refused(path)


def test_an_unknown_part_is_refused(path: Path, whole: bytes) -> None:
    for key in ("other", "__class__", "x" * 100_000, "two\nlines\x1b[31m"):
        path.write_bytes(rewritten(whole, operator.methodcaller("update", {key: 1})))
        refused(path)


@pytest.mark.parametrize("name", ["live_bytes", "live_blocks", "awaiting_bytes", "awaiting_blocks"])
@pytest.mark.parametrize("data", [None, b"", b"\0" * 7, b"\0" * 8, b"\0" * 800])
def test_arrays_of_another_length(path: Path, whole: bytes, name: str, data: bytes | None) -> None:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    del members[name]
    path.write_bytes(zipped(members if data is None else {**members, name: data}))
    refused(path)


@pytest.mark.parametrize("index", [-1, 2, 10**6, 2**63])
def test_arenas_that_no_stack_is(path: Path, whole: bytes, index: int) -> None:
    path.write_bytes(rewritten(whole, lambda head: head["traces"].update(arenas=[index])))
    found = attempt(path)
    assert found is None or (found.traces is not None and found.traces.arenas == frozenset())


def test_names_that_lead_elsewhere_are_never_followed(path: Path, whole: bytes) -> None:
    """Members are looked up by name and read into memory; nothing is ever extracted."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    strange = {"../../evil": b"x", "/tmp/evil": b"x", "C:\\evil": b"x", "link": b"/etc/passwd", "a" * 60_000: b"x"}
    path.write_bytes(zipped({**members, **strange}))
    assert same(read_capture(path), FULL)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(path: Path, whole: bytes) -> None:
    path.write_bytes(whole)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("capture.json", b'{"format": "other"}')
    refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_that_are_damaged(path: Path, whole: bytes, method: int) -> None:
    """Whoever made the file chose how; each library has errors of its own."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    data = zipped(members, method)
    path.write_bytes(data)
    assert same(read_capture(path), FULL)
    end = data.index(b"live_bytes") if b"live_bytes" in data else len(data)
    for at in range(42, end, 3):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        found = attempt(path)
        assert found is None or same(found, FULL)


def test_an_encrypted_member(path: Path, whole: bytes) -> None:
    damaged = bytearray(whole)
    for marker, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = damaged.find(marker)
        while at >= 0:
            damaged[at + offset] |= 1
            at = damaged.find(marker, at + 4)
    path.write_bytes(damaged)
    refused(path)


# --- bombs ----------------------------------------------------------------------------------------------------


def bomb(name: str, size: int, whole: bytes) -> bytes:
    """A capture one of whose members is many zeros."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, data in members.items():
            if one != name:
                archive.writestr(one, data)
        with archive.open(name, "w", force_zip64=True) as member:
            for _ in range(size >> 20):
                member.write(b"\0" * (1 << 20))
    return made.getvalue()


def claiming(data: bytes, name: bytes, size: int) -> bytes:
    """The same file, whose directory claims another size for a member."""
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(name))
    return data[: at + 24] + size.to_bytes(4, "little") + data[at + 28 :]


@pytest.mark.parametrize("size", [0, 1, 7, 100_000, 2**31, 2**32 - 2])
@pytest.mark.parametrize("name", [b"capture.json", b"live_bytes", b"awaiting_blocks"])
def test_a_size_that_lies(path: Path, whole: bytes, name: bytes, size: int) -> None:
    path.write_bytes(claiming(whole, name, size))
    refused(path)


PEAK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from memdiag.capture.format import read_capture
from memdiag.errors import UnreadableInput
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_capture(Path(sys.argv[2]))
except UnreadableInput as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["live_bytes", "capture.json", "other"])
def test_a_bomb_is_not_inflated(path: Path, whole: bytes, name: str) -> None:
    """Hundreds of megabytes of zeros in a file of hundreds of kilobytes are refused for a quarter of that memory."""
    path.write_bytes(bomb(name, (1100 if name == "other" else 400) << 20, whole))
    command = [sys.executable, "-c", PEAK, str(ROOT), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100_000
