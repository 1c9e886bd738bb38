"""Bytes and JSON documents changed at random, a little, so that most of what a reader checks is passed."""

from __future__ import annotations

import copy
import io
import json
import pickle
import zipfile
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

_NUMBERS = (0, 1, -1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, -(2**63))
_VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "x" * 300, "\ud800", "\0", "../../etc/passwd", "NaN", [], {}, [[]], {"a": 1}, 0.5, 1e308),
    *(float("nan"), float("inf"), 10**30, *_NUMBERS),
)
_OPCODES = sorted({one for one in vars(pickle).values() if isinstance(one, bytes) and len(one) == 1})


def changed(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """The bytes after one to six changes."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        chance.choice(_CHANGES)(found, others, chance)
    return bytes(found)


def _at(found: bytearray, chance: Random) -> int:
    return chance.randrange(len(found) + 1)


def _flip(found: bytearray, _: Sequence[bytes], chance: Random) -> None:
    if found:
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)


def _set(found: bytearray, _: Sequence[bytes], chance: Random) -> None:
    if found:
        found[chance.randrange(len(found))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))


def _insert(found: bytearray, _: Sequence[bytes], chance: Random) -> None:
    at = _at(found, chance)
    found[at:at] = chance.randbytes(chance.choice((1, 1, 2, 4, 16)))


def _delete(found: bytearray, _: Sequence[bytes], chance: Random) -> None:
    at = _at(found, chance)
    del found[at : at + chance.choice((1, 1, 2, 8, 64))]


def _repeat(found: bytearray, _: Sequence[bytes], chance: Random) -> None:
    at, to = _at(found, chance), _at(found, chance)
    found[to:to] = found[at : at + chance.choice((1, 8, 64, 512))] * chance.choice((1, 2, 20))


def _splice(found: bytearray, others: Sequence[bytes], chance: Random) -> None:
    other = chance.choice(others)
    found[_at(found, chance) :] = other[chance.randrange(len(other) + 1) :]


def _cut(found: bytearray, _: Sequence[bytes], chance: Random) -> None:
    del found[_at(found, chance) :]


def _number(found: bytearray, _: Sequence[bytes], chance: Random) -> None:
    at, width = _at(found, chance), chance.choice((2, 4, 8))
    number = chance.choice(_NUMBERS) & (1 << 8 * width) - 1
    found[at : at + width] = number.to_bytes(width, chance.choice(("little", "big")))


def _opcode(found: bytearray, _: Sequence[bytes], chance: Random) -> None:
    at = _at(found, chance)
    code = chance.choice(_OPCODES)
    if chance.random() < 0.5:
        found[at : at + 1] = code
    else:
        found[at:at] = code


_CHANGES: tuple[Callable[[bytearray, Sequence[bytes], Random], None], ...] = (
    *(_flip, _flip, _set, _insert, _delete, _repeat, _splice, _cut, _number, _opcode, _opcode),
)


def document(value: Any, chance: Random) -> Any:
    """A JSON document with one to three of its values changed, left out, doubled or put elsewhere."""
    found = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(_places(found))
        if not places:
            return copy.deepcopy(chance.choice(_VALUES))
        holder, key = chance.choice(places)
        _change(holder, key, [one[at] for one, at in places], chance)
    return found


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)


def _change(holder: Any, key: Any, others: Sequence[Any], chance: Random) -> None:
    how = chance.randrange(6)
    if how == 0:
        del holder[key]
    elif how == 1:
        holder[key] = copy.deepcopy(chance.choice(others))
    elif how == 2 and isinstance(holder, list):
        holder.extend(copy.deepcopy(holder) * chance.choice((1, 5)))
    elif how == 3 and type(holder[key]) is int:
        holder[key] += chance.choice((-1, 1, 2, 256, -(2**31)))
    elif how == 4 and isinstance(holder, dict):
        holder[chance.choice(("x", "__class__", "repeats", "traces", str(key)))] = copy.deepcopy(chance.choice(_VALUES))
    else:
        holder[key] = copy.deepcopy(chance.choice(_VALUES))


def capture(members: dict[str, bytes], others: Sequence[bytes], chance: Random) -> bytes:
    """A capture with its document, or one of its arrays, changed; a whole archive all the same."""
    made = dict(members)
    if chance.random() < 0.6:
        made["capture.json"] = json.dumps(document(json.loads(made["capture.json"]), chance)).encode()
    for name in [one for one in made if chance.random() < 0.1]:
        made[name] = changed(made[name], others, chance)
    if chance.random() < 0.1:
        made.pop(chance.choice(list(made)))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in made.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return data.getvalue()
