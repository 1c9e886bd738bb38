"""A few of the fuzzer's inputs with every run of the tests; and that it would notice what it is there to notice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.captures import FULL
from tests.fuzz import readers

ROOT = Path(__file__).resolve().parents[2]

HARMFUL = """
import subprocess, sys, tempfile
from pathlib import Path
from tests.fuzz import __main__ as fuzz
from tests.fuzz.readers import Reader

fuzz.TIME_LIMIT_S = 0.2
fuzz.signal.signal(fuzz.signal.SIGALRM, fuzz._hung)
HARM = {{
    "raises": lambda path: path.read_bytes() + "text",
    "opens": lambda path: open("/etc/hostname").close(),
    "starts": lambda path: subprocess.run(["true"]),
    "hangs": lambda path: [None for _ in iter(int, 1)],
    "imports": lambda path: __import__("colorsys"),
    "fine": lambda path: path.read_bytes(),
}}
with tempfile.TemporaryDirectory() as place:
    reader = Reader("given", lambda chance: b"bytes", HARM[{name!r}], 1)
    print(fuzz.attempt(reader, 0, Path(place), fuzz.Watch()))
"""


def ran(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


BEGINNINGS = [
    *(("capture", readers._written(one)) for one in (FULL, readers.HEAP, readers.CHECK)),
    *(("dump", one) for one in readers._dumps()),
    ("memray", json.dumps(readers.ANSWER).encode()),
    ("baseline", json.dumps(readers.BASELINE).encode()),
    ("configuration", readers.CONFIGURATION),
]


# By number: captures have the time at which they are written in them, and so would their tests' names.
@pytest.mark.parametrize(("name", "data"), BEGINNINGS, ids=[f"{at}-{name}" for at, (name, _) in enumerate(BEGINNINGS)])
def test_what_the_changes_begin_with_is_read(name: str, data: bytes, tmp_path: Path) -> None:
    """Else every input ends at the first thing that was wrong before any change."""
    (reader,) = [one for one in readers.readers() if one.name == name]
    path = tmp_path / reader.file
    path.write_bytes(data)
    reader.read(path)


def test_no_reader_is_harmed() -> None:
    assert "0 did harm" in ran("-m", "tests.fuzz", "--count", "600", "--seconds", "60")


@pytest.mark.parametrize(
    ("name", "noticed"),
    [
        ("raises", "TypeError"),
        ("opens", "opened"),
        ("starts", "subprocess.Popen"),
        ("hangs", "took more than"),
        ("imports", "import"),
    ],
)
def test_harm_is_noticed(name: str, noticed: str) -> None:
    assert noticed in ran("-c", HARMFUL.format(name=name))


def test_what_does_no_harm_is_passed() -> None:
    assert ran("-c", HARMFUL.format(name="fine")).strip() == ""
