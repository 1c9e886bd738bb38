"""``memdiag.label``: moments that a program names are moments that ``diff`` can be asked for; nothing else changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import memdiag
from tests.integration.cli import Cli, assert_refused, rows_by
from tests.integration.programs import clean_environment

WARM = """
import memdiag

class Page:
    def __init__(self):
        self.words = list(range(50))

pages = []

def work(count):
    for _ in range(count):
        pages.append(Page())

def main():
    work(500)
    memdiag.label("after warm-up")
    work(3000)
    memdiag.label("later")
    work(1000)

main()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    cli = Cli(tmp_path_factory.mktemp("labels"))
    cli.write("warm.py", WARM)
    for name in ("auto", "tracemalloc", "none"):
        assert cli("run", "--tracer", name, "-o", f"{name}.memdiag", "warm.py").status == 0
    return cli


@pytest.mark.parametrize("kind", ["auto", "none"])
def test_what_came_between_two_labels(home: Cli, kind: str) -> None:
    ran = home.reported("diff", f"{kind}.memdiag#after warm-up", f"{kind}.memdiag#later")
    (row,) = [row for row in rows_by(ran.report, "type") if row["type"] == "__main__.Page"]
    assert (row["before_blocks"], row["after_blocks"], row["status"]) == (500, 3500, "worse")
    (held,) = [row for row in rows_by(ran.report, "holder") if row["name"] == "__main__.pages"]
    assert held["growth_blocks"] == 3000
    assert "_memdiag" not in ran.stdout


def test_what_came_between_two_labels_by_line(home: Cli) -> None:
    ran = home.reported("diff", "tracemalloc.memdiag#after warm-up", "tracemalloc.memdiag#later")
    first = ran.report["rows"][0]
    assert (first["by"], first["site"]["function"]) == ("site", "Page.__init__")
    assert 3000 <= first["growth_blocks"] <= 3 * 3000 + 3  # a list, its items, and until 3.10 the attributes


def test_moments_by_number(home: Cli) -> None:
    ran = home.reported("diff", "auto.memdiag#0", "auto.memdiag#-1")
    (row,) = [row for row in rows_by(ran.report, "type") if row["type"] == "__main__.Page"]
    assert row["after_blocks"] == 4500
    assert ran.report["after"] == "auto.memdiag#-1"


def test_a_label_that_there_is_not(home: Cli) -> None:
    assert_refused(home("diff", "auto.memdiag#early", "auto.memdiag"), "early", "#after warm-up", "#later")
    assert_refused(home("diff", "auto.memdiag#99", "auto.memdiag"), "99", "#0 ")


def test_a_file_whose_name_has_a_hash(home: Cli) -> None:
    (home.directory / "run#2").write_bytes((home.directory / "auto.memdiag").read_bytes())
    assert home("diff", "run#2", "auto.memdiag").status == 0


WITHOUT_MEMDIAG = """
import sys

kept = []
label = getattr(sys.modules.get("_memdiag"), "label", len)
kept.extend([] for _ in range(2000))
label("filled")
print("memdiag" in sys.modules, "_memdiag" in sys.modules)
"""


def test_a_program_whose_interpreter_has_no_memdiag(home: Cli) -> None:
    home.write("without.py", WITHOUT_MEMDIAG)
    ran = home("run", "-o", "without.memdiag", "without.py")
    assert ran.stdout == "False True\n"
    assert home("diff", "without.memdiag#filled", "without.memdiag").status == 0


HOSTILE = """
import gc, os, sys, threading
import memdiag

class Text(str):
    def __str__(self): raise SystemError
    __repr__ = __hash__ = __eq__ = __len__ = __str__

class Dying:
    def __del__(self):
        memdiag.label("in a finalizer")

for odd in (None, 3, b"bytes", Text("odd"), object(), "x" * 10**6, "\\ud800\\0\\n"):
    memdiag.label(odd)
Dying()
ring = Dying(); ring.me = ring; del ring
gc.collect()

def deep(level):
    memdiag.label("deep")
    return deep(level + 1)

try:
    deep(0)
except RecursionError:
    print("RecursionError")
threads = [threading.Thread(target=memdiag.label, args=(f"thread {at}",)) for at in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
if os.fork() == 0:
    memdiag.label("child")
    os._exit(0)
os.wait()
for _ in range(100_000):
    memdiag.label("often")
print(gc.isenabled(), len(gc.callbacks) < 3, threading.active_count())
sys.modules.pop("_memdiag", None)
memdiag.label("nobody hears")
"""


@pytest.mark.parametrize("tracer", ["auto", "tracemalloc"])
def test_no_label_harms_the_program(home: Cli, tracer: str) -> None:
    home.write("hostile.py", HOSTILE)
    plain = subprocess.run(
        [sys.executable, "hostile.py"], cwd=home.directory, env=clean_environment(), capture_output=True, text=True
    )
    ran = home.reported("run", "--tracer", tracer, "hostile.py")
    assert (ran.status, ran.stdout) == (plain.returncode, plain.stdout) == (0, "RecursionError\nTrue True 1\n")
    assert not [note for note in ran.report["notes"] if "probe failed" in note]


def test_outside_a_run_a_label_does_nothing() -> None:
    memdiag.label("anything")
    assert "_memdiag" not in sys.modules


def test_the_package_needs_nothing_to_be_imported() -> None:
    code = "import sys; before = set(sys.modules); import memdiag; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["memdiag"]
    assert Path(memdiag.__file__).name == "__init__.py"
