"""Where the memory is, on real programs whose layers are known, and what their account leads to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memdiag.capture.format import read_capture
from tests.integration.cli import Cli, Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists a process's mappings in /proc")
MB = 1_000_000

# Each part of this program's memory is known: of objects, of malloc, freed but held, mapped by itself, of a file.
PARTS = """
import ctypes, mmap, random

def main():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    small = [bytes([at % 256]) * 200 for at in range(100_000)]
    large = [bytes([at % 256]) * 10_000 for at in range(2_000)]
    blocks = [libc.malloc(2_000) for _ in range(15_000)]
    for block in blocks:
        ctypes.memset(block, 1, 2_000)
    mapped = mmap.mmap(-1, 12_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    mapped.write(b"x" * 12_000_000)
    freed = [bytes([at % 256]) * 200 for at in range(120_000)]
    kept = freed[::100]
    del freed
    total = 0
    for _ in range(200):
        total += len([random.random() for _ in range(5_000)])
    print(len(small), len(large), len(blocks), len(kept), total)

main()
"""

GROWING = """
import leaking; ZEROS = [0] * 2_000
def work(number):
    return leaking.digest(b"%d" % number * 200) + ZEROS.count(1)
def main():
    total = 0
    for number in range(40_000):
        total += work(number) % 7
    print(total)
main()
"""

LOST = """
import ctypes
keep = ctypes.pythonapi.Py_IncRef
keep.argtypes = [ctypes.py_object]
def answer(number):
    text = f"answer number {number:06} " * 4
    keep(text)
    return len(text)
def main():
    print(sum(answer(number) for number in range(150_000)))
main()
"""

LEAKING_C = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static char *copied(const char *data, Py_ssize_t size) {
    char *copy = malloc(size + 1);
    memcpy(copy, data, size);
    return copy;
}
static PyObject *digest(PyObject *self, PyObject *args) {
    const char *data;
    Py_ssize_t size;
    unsigned long sum = 0;
    if (!PyArg_ParseTuple(args, "y#", &data, &size)) return NULL;
    char *copy = copied(data, size);
    for (Py_ssize_t at = 0; at < size; at++) sum = sum * 31 + (unsigned char)copy[at];
    return PyLong_FromUnsignedLong(sum);
}
static PyMethodDef methods[] = {{"digest", digest, METH_VARARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "leaking", "", -1, methods};
PyMODINIT_FUNC PyInit_leaking(void) { return PyModule_Create(&module); }
"""


def at_end(report: Report) -> dict[str, int]:
    layers: list[dict[str, Any]] = report["account"]["layers"]
    return {layer["name"]: layer["bytes"][-1] for layer in layers}


def test_each_part_of_a_known_program_is_found_and_all_add_up(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text(PARTS)
    ran = Cli(tmp_path).reported("run", "parts.py")
    account, layers = ran.report["account"], at_end(ran.report)
    assert sum(layers.values()) == account["rss_bytes"][-1]
    resident = [one["rss_bytes"] for one in ran.report["samples"] if one["t_s"] <= account["times_s"][-1] + 1e-6]
    assert account["rss_bytes"][-1] == pytest.approx(resident[-1], rel=0.05)
    assert layers["objects"] == pytest.approx(100_000 * 233 + 2_000 * 10_033 + 1_200 * 233, rel=0.15)
    assert layers["native"] == pytest.approx(15_000 * 2_016, rel=0.1)
    assert layers["python-free"] == pytest.approx(118_800 * 240, rel=0.1)
    assert layers["other"] == pytest.approx(12_000_000, abs=2 * MB)  # the newest arena is not all there
    assert layers["memdiag"] < 2 * MB


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A C extension that never frees what it copies."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    include = sysconfig.get_paths()["include"]
    if compiler is None or not Path(include, "Python.h").exists():
        pytest.skip("no C compiler, or no headers of Python's")
    place = tmp_path_factory.mktemp("extension")
    (place / "leaking.c").write_text(LEAKING_C)
    built = place / "leaking.so"
    subprocess.run(
        [compiler, "-g", "-O1", "-shared", "-fPIC", f"-I{include}", "leaking.c", "-o", built], cwd=place, check=True
    )
    (place / "grow.py").write_text(GROWING)
    return place


def test_native_growth_is_found_and_a_second_run_names_its_stack(extension: Path) -> None:
    pytest.importorskip("memray")
    ran = Cli(extension).reported("run", "--native-auto", "grow.py")
    (finding,) = [one for one in ran.report["findings"] if one["kind"] == "native"]
    assert ran.report["verdict"] == "suspect"
    assert "copied (leaking.c:5)" in finding["why"]
    assert {(os.path.basename(site["file"]), site["line"]) for site in finding["sites"]} == {("grow.py", 4)}
    assert "native allocations in use" in " ".join(ran.report["account"]["words"])


def test_objects_that_c_code_has_lost_are_told_from_those_that_somebody_holds(tmp_path: Path) -> None:
    """A reference that is never taken back: the strings are in use, and nothing refers to them."""
    (tmp_path / "lost.py").write_text(LOST)
    ran = Cli(tmp_path).reported("run", "lost.py")
    (finding,) = [one for one in ran.report["findings"] if one["kind"] == "native"]
    assert finding["pattern"] == "lost-blocks"
    assert at_end(ran.report)["blocks"] == pytest.approx(150_000 * 144, rel=0.2)


def test_without_a_second_run_the_report_offers_one(extension: Path) -> None:
    ran = Cli(extension).reported("run", "grow.py")
    assert any(step.startswith("memdiag run --native-auto grow.py") for step in ran.report["next_steps"])


def test_a_trim_proves_that_memory_was_free(tmp_path: Path) -> None:
    source = "def main():\n    held = [bytes(3_000) for _ in range(20_000)]\n    kept = held[::100]\n    del held\n"
    source += "    print(sum(len(str(at)) for at in range(200_000)), len(kept))\nmain()\n"
    (tmp_path / "free.py").write_text(source)
    ran = Cli(tmp_path).reported("run", "--trim-probe", "free.py")
    (finding,) = [one for one in ran.report["findings"] if one["kind"] == "fragmentation"]
    assert (finding["verdict"], finding["confidence"]) == ("info", 0.95)
    assert "malloc_trim, called at the end, made RSS fall by" in finding["why"]
    assert ran.report["verdict"] in ("clean", "inconclusive")


def test_a_limit_that_the_program_sets_itself_is_seen(tmp_path: Path) -> None:
    source = "import resource, time\nresource.setrlimit(resource.RLIMIT_DATA, (3 << 30, 3 << 30))\ntime.sleep(0.5)\n"
    (tmp_path / "limited.py").write_text(source)
    ran = Cli(tmp_path).reported("run", "limited.py")
    limits = {limit["what"]: limit for limit in ran.report["account"]["limits"]}
    assert limits["data"]["limit_bytes"] == 3 << 30
    assert 0 < limits["data"]["used_bytes"] < 1 << 30
    assert limits["machine"]["limit_bytes"] > 0


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with a limit, where this machine lets us make one."""
    for root, name in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        place = root / f"memdiag-test-{os.getpid()}"
        try:
            place.mkdir()
        except OSError:
            continue
        try:
            (place / name).write_text(str(700 << 20))
        except OSError:
            place.rmdir()
            continue
        yield place
        place.rmdir()
        return
    pytest.skip("no control group can be made here")


def test_a_real_control_group_is_the_nearest_limit(group: Path, tmp_path: Path) -> None:
    (tmp_path / "idle.py").write_text("import time\nheld = bytes(30_000_000)\ntime.sleep(0.4)\n")
    joined = f"echo $$ > {group}/cgroup.procs && exec {sys.executable} -m memdiag run -o idle.memdiag idle.py"
    done = subprocess.run(["sh", "-c", joined], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    books = read_capture(tmp_path / "idle.memdiag").books
    assert books is not None
    nearest = books.limits[0]
    assert (nearest.what, nearest.limit_bytes) == ("cgroup", 700 << 20)
    assert nearest.where.endswith(f"/{group.name}")
    assert 30_000_000 < nearest.used_bytes < 700 << 20
    assert f"limit  cgroup {nearest.where}" in " ".join(done.stderr.split("\n"))
