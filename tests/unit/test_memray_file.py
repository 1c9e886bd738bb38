"""memray's files: real recordings by real processes, and exact ones through memray's own record writer."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memdiag.capture import memray_extract, memray_file
from memdiag.capture.memray_file import is_memray_file, read_memray_file
from memdiag.errors import BAD_INPUT, FAILED, CannotDo, MemdiagError, UnreadableInput
from memdiag.model import Frame, Traces

pytestmark = pytest.mark.skipif(importlib.util.find_spec("memray") is None, reason="memray is not installed")

TARGET = """\
import memray, os, signal, sys
HEADER = sys.getsizeof(b"")
kept = [None] * 100
def leak(n):
    kept[n] = bytes(100_000 - HEADER)
def caller(n):
    leak(n)
def small():
    kept[90] = [(n, n) for n in range(300_000)]
def deep(n):
    deep(n - 1) if n else leak(91)
with memray.Tracker(sys.argv[1], **eval(sys.argv[2])):
    for n in range(10):
        caller(n)
    small()
    deep(80)
    for _ in range(50):
        bytes(200_000)
    if len(sys.argv) > 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""
LEAK, CALLER, SMALL = 5, 7, 9  # lines

Record = Callable[..., Path]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Records TARGET with given options of memray's Tracker, once each."""
    directory = tmp_path_factory.mktemp("memray")
    target = directory / "target.py"
    target.write_text(TARGET)

    def run(options: str = "", killed: bool = False) -> Path:
        path = directory / f"{'killed' if killed else 'whole'}-{options or 'plain'}.bin"
        if not path.exists():
            command = [sys.executable, str(target), str(path), f"dict({options})", *["killed"] * killed]
            status = subprocess.run(command, env={**os.environ, "PYTHONMALLOC": "pymalloc"}).returncode
            assert status == (-signal.SIGKILL if killed else 0)
        return path

    return run


def lines(traces: Traces, index: int) -> list[int]:
    """The lines of TARGET in a stack, most recent call first."""
    return [frame.line for frame in traces.stacks[index] if frame.file.endswith("target.py")]


def row(traces: Traces, *top: int) -> int:
    """The one stack whose most recent lines of TARGET are *top*."""
    (index,) = [i for i in range(len(traces.stacks)) if lines(traces, i)[: len(top)] == list(top)]
    return index


def assert_consistent(traces: Traces) -> None:
    shape = (len(traces.moments), len(traces.stacks))
    assert traces.tracer == "memray"
    assert traces.live_bytes.shape == traces.live_blocks.shape == shape
    assert traces.awaiting_bytes.shape == traces.awaiting_blocks.shape == shape[1:]
    assert not traces.awaiting_bytes.any()
    assert not traces.awaiting_blocks.any()
    assert len(set(traces.stacks)) == len(traces.stacks)
    assert 1 <= len(traces.moments) <= 24
    assert [moment.t_s for moment in traces.moments] == sorted(moment.t_s for moment in traces.moments)
    assert all(1 <= len(stack) <= traces.frames_limit == 50 for stack in traces.stacks)
    assert all(index < len(traces.stacks) for index in traces.arenas)
    assert (traces.live_bytes >= 0).all()
    assert (traces.live_blocks >= 0).all()


# --- real recordings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "trace_python_allocators=True"])
def test_a_leak_to_the_byte(record: Record, options: str) -> None:
    path = record(options)
    assert is_memray_file(path.read_bytes()[:64])
    traces = read_memray_file(path)
    assert_consistent(traces)
    leak = row(traces, LEAK, CALLER)
    assert (traces.live_blocks[-1, leak], traces.live_bytes[-1, leak]) == (10, 1_000_000)
    target = str(path.parent / "target.py")
    assert traces.stacks[leak][:2] == (Frame(target, LEAK, "leak"), Frame(target, CALLER, "caller"))
    assert traces.moments[0].label == "start"
    assert traces.moments[-1].label == "exit"
    assert not traces.live_bytes[0].any()


def test_small_objects_are_arenas_unless_they_are_traced(record: Record) -> None:
    untraced, traced = read_memray_file(record("")), read_memray_file(record("trace_python_allocators=True"))
    assert any(lines(untraced, index)[0] == SMALL for index in untraced.arenas)
    assert not any(lines(untraced, index)[0] == LEAK for index in untraced.arenas)
    assert traced.arenas == frozenset()
    assert traced.live_blocks[-1].sum() > 300_000 > untraced.live_blocks[-1].sum()


def test_native_frames_lie_between_the_python_frames(record: Record) -> None:
    traces = read_memray_file(record("native_traces=True"))
    assert_consistent(traces)
    leak = row(traces, LEAK, CALLER)
    assert (traces.live_blocks[-1, leak], traces.live_bytes[-1, leak]) == (10, 1_000_000)
    assert any(not frame.file.endswith(".py") for frame in traces.stacks[leak])


def test_an_aggregated_file_gives_its_end(record: Record) -> None:
    path = record("file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS")
    for until_s in (None, 0.0):
        traces = read_memray_file(path, until_s=until_s)
        assert_consistent(traces)
        assert [moment.label for moment in traces.moments] == ["exit"]
        assert traces.live_bytes[0, row(traces, LEAK, CALLER)] == 1_000_000


def test_a_killed_recorder_leaves_what_it_wrote(record: Record) -> None:
    traces = read_memray_file(record("", killed=True))
    assert_consistent(traces)
    assert traces.live_bytes[-1, row(traces, LEAK, CALLER)] == 1_000_000


def test_a_file_that_is_cut_short_is_read_as_far_as_it_goes(record: Record, tmp_path: Path) -> None:
    data = record("", killed=True).read_bytes().rstrip(b"\0")
    (tmp_path / "cut").write_bytes(data[: len(data) * 9 // 10])
    traces = read_memray_file(tmp_path / "cut")
    assert_consistent(traces)
    assert traces.live_bytes[-1, row(traces, LEAK, CALLER)] == 1_000_000


def test_deep_stacks_keep_their_most_recent_frames(record: Record) -> None:
    traces = read_memray_file(record(""))
    (index,) = [i for i, stack in enumerate(traces.stacks) if len(stack) == 50]
    assert [frame.function for frame in traces.stacks[index]] == ["leak"] + ["deep"] * 49


# --- exact recordings -----------------------------------------------------------------------------------------

MALLOC, CALLOC, FREE, MMAP, MUNMAP = 6, 8, 5, 14, 15
MIB = 1 << 20


class Recording:
    """A memray file, record by record, with times in seconds since its start."""

    def __init__(self, path: Path, **options: Any) -> None:
        memray = pytest.importorskip("memray._memray")
        if not hasattr(memray, "RecordWriterTestHarness"):
            pytest.skip("this memray does not lend its writer")
        self.path = path
        self.start_ms = time.time_ns() // 1_000_000
        self.writer = memray.RecordWriterTestHarness(str(path), **options)
        self.writer.write_thread_record(1, "main")
        self.codes: dict[str, int] = {}

    def snapshot(self, t_s: float) -> None:
        """Half a second late, so that no test hangs on the milliseconds between this clock and the writer's."""
        self.writer.write_memory_record(self.start_ms + round(t_s * 1000) + 500, 1)

    def push(self, function: str) -> None:
        if function not in self.codes:
            self.codes[function] = len(self.codes) + 1
            self.writer.write_code_object(self.codes[function], function, f"{function}.py", b"", 7)
        self.writer.write_frame_push(1, self.codes[function], 0, True)

    def pop(self, count: int) -> None:
        self.writer.write_frame_pop(1, count)

    def allocate(self, address: int, size: int, allocator: int = MALLOC) -> None:
        self.writer.write_allocation_record(1, address << 12, size, allocator)

    def close(self) -> Path:
        self.writer.write_trailer()
        self.writer.write_header(True)
        del self.writer
        return self.path


def series(traces: Traces, *functions: str) -> list[int]:
    """Live bytes of the stack of *functions*, most recent first."""
    (index,) = [i for i, stack in enumerate(traces.stacks) if [frame.function for frame in stack] == list(functions)]
    return [int(size) for size in traces.live_bytes[:, index]]


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """One block of 100 bytes a second for ten seconds by f, the third freed; one that g holds for two seconds."""
    recording = Recording(tmp_path / "steps.bin")
    for second in range(10):
        recording.snapshot(second)
        recording.push("f")
        recording.allocate(second + 1, 100)
        recording.pop(1)
        if second == 4:
            recording.push("g")
            recording.allocate(100, 5000)
            recording.pop(1)
        if second == 6:
            recording.allocate(100, 0, FREE)
            recording.allocate(3, 0, FREE)
    return recording.close()


def test_the_series_has_what_lived_at_each_snapshot_and_at_the_end(steps: Path) -> None:
    traces = read_memray_file(steps)
    assert_consistent(traces)
    assert series(traces, "f") == [0, 100, 200, 300, 400, 500, 600, 600, 700, 800, 900]
    assert series(traces, "g") == [0, 0, 0, 0, 0, 5000, 5000, 0, 0, 0, 0]
    assert [moment.label for moment in traces.moments] == ["start", *["sample"] * 9, "exit"]
    assert [int(moment.t_s) for moment in traces.moments] == [*range(10), 9]


@pytest.mark.parametrize(
    ("until_s", "expected"),
    [(-1.0, []), (0.0, []), (2.9, [0, 100, 200]), (3.0, [0, 100, 200]), (5.9, [0, 100, 200, 300, 400, 500])],
)
def test_what_came_later_than_until_is_left_out(steps: Path, until_s: float, expected: list[int]) -> None:
    traces = read_memray_file(steps, until_s=until_s)
    assert_consistent(traces)
    assert [int(size) for size in traces.live_bytes.sum(axis=1)] == [
        size + 5000 * (second == 5) for second, size in enumerate(expected or [0])
    ]
    assert traces.moments[-1].label == "end of main()"


def test_an_until_beyond_the_end_changes_nothing(steps: Path) -> None:
    assert series(read_memray_file(steps, until_s=1e6), "f") == series(read_memray_file(steps), "f")


@pytest.mark.parametrize("until_s", [None, 1e6, 950.0])
def test_a_long_recording_has_24_moments_at_most(tmp_path: Path, until_s: float | None) -> None:
    recording = Recording(tmp_path / "long.bin")
    recording.push("f")
    for second in range(1000):
        recording.snapshot(second)
        recording.allocate(second + 1, 10)
    traces = read_memray_file(recording.close(), until_s=until_s)
    assert_consistent(traces)
    got = series(traces, "f")
    assert 20 <= len(got) <= 24
    assert got[0] == 0
    assert got[-1] == (9490 if until_s == 950.0 else 10_000)
    gaps = [after - before for before, after in itertools.pairwise(got)]
    assert max(gaps) <= 450


def test_equal_stacks_are_one_whatever_allocated(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "merge.bin")
    recording.push("main")
    recording.push("f")
    recording.allocate(1, 10, MALLOC)
    recording.allocate(2, 20, CALLOC)
    recording.pop(1)
    recording.push("f")
    recording.allocate(3, 40, MALLOC)
    traces = read_memray_file(recording.close())
    assert_consistent(traces)
    assert series(traces, "f", "main")[-1] == 70
    assert traces.live_blocks[-1].tolist() == [3]


def test_memory_below_no_python_frame_has_a_name(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "none.bin")
    recording.allocate(1, 10)
    assert read_memray_file(recording.close()).stacks == ((Frame("<unknown>", 0),),)


@pytest.mark.parametrize("traced", [False, True])
def test_arenas_are_what_maps_whole_arenas(tmp_path: Path, traced: bool) -> None:
    recording = Recording(tmp_path / "arenas.bin", trace_python_allocators=traced)
    blocks = {
        "arenas": [(MIB, MMAP), (MIB, MMAP), (600, MALLOC)],
        "old arena": [(MIB // 4, MMAP)],
        "map": [(3 * MIB, MMAP)],
        "odd map": [(MIB, MMAP), (4096, MMAP)],
        "block": [(MIB, MALLOC)],
        "mostly its own": [(MIB, MMAP), (2 * MIB, MALLOC)],
    }
    address = 0
    for function, of in blocks.items():
        recording.push(function)
        for size, allocator in of:
            address += 4 * MIB >> 12
            recording.allocate(address, size, allocator)
        recording.pop(1)
    traces = read_memray_file(recording.close())
    assert_consistent(traces)
    marked = {traces.stacks[index][0].function for index in traces.arenas}
    assert marked == (set() if traced else {"arenas", "old arena"})


def test_a_map_freed_in_parts_counts_what_is_left(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "parts.bin")
    recording.push("f")
    recording.allocate(1, 4 * 4096, MMAP)
    recording.snapshot(1)
    recording.allocate(2, 4096, MUNMAP)
    traces = read_memray_file(recording.close())
    assert series(traces, "f") == [4 * 4096, 3 * 4096]


# --- bad input ------------------------------------------------------------------------------------------------


def error_of(path: Path) -> MemdiagError:
    with pytest.raises(MemdiagError) as caught:
        read_memray_file(path)
    assert "\n" not in caught.value.problem + caught.value.next_step
    assert caught.value.next_step
    return caught.value


def assert_unreadable(path: Path, says: str) -> None:
    error = error_of(path)
    assert isinstance(error, UnreadableInput)
    assert error.exit_status == BAD_INPUT
    assert says in error.problem


def test_what_is_not_a_file_that_can_be_read(tmp_path: Path) -> None:
    assert_unreadable(tmp_path / "absent", "No such file")
    assert_unreadable(tmp_path, "not a regular file")
    os.mkfifo(tmp_path / "fifo")
    assert_unreadable(tmp_path / "fifo", "not a regular file")


@pytest.mark.parametrize("content", [b"", b"memra", b"text" * 99, b"\x04\x22\x4d\x18" + b"\0" * 99, b"\0" * 99])
def test_what_is_no_recording(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    assert not is_memray_file(content)
    assert_unreadable(tmp_path / "other", "is not a memray file")


def test_the_magic_alone_or_another_version(tmp_path: Path, record: Record) -> None:
    path = tmp_path / "head"
    for content in (b"memray\0", b"memray\0\x0d\0\0\0", b"memray\0" + b"\0" * 5000, record("").read_bytes()[:60]):
        path.write_bytes(content)
        assert_unreadable(path, "memray says")
    path.write_bytes(b"memray\0\xff\0\0\0" + record("", killed=True).read_bytes()[11:])
    assert_unreadable(path, "incompatible with this version")


def test_damage_gives_traces_or_one_line_even_where_the_reader_crashes(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memray_file, "TIME_LIMIT_S", 20)
    sources = [record("", killed=True).read_bytes().rstrip(b"\0"), record("trace_python_allocators=True").read_bytes()]
    dice, path = random.Random(5), tmp_path / "damaged"
    for round_ in range(24):
        data = bytearray(sources[round_ % 2])
        for _ in range(dice.randint(1, 20)):
            data[dice.randrange(12, min(len(data), 3000))] = dice.randrange(256)
        path.write_bytes(data)
        try:
            traces = read_memray_file(path)
        except UnreadableInput as error:
            said = [error.problem, error.next_step]
        else:
            assert_consistent(traces)
            said = ["-", "-"]
        assert all(line and "\n" not in line for line in said)


@pytest.mark.parametrize(
    ("child", "says"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed on it (SIGSEGV)"),
        ("import os; os.abort()", "crashed on it (SIGABRT)"),
        ("import os; os._exit(7)", "ended with status 7"),
        ("while True: pass", "still busy after 1 s"),
        ("import time; time.sleep(600)", "still busy after 1 s"),
        ("", "gave no answer"),
        ("print('{\"moments\": [[0,')", "gave no answer"),
        ("print('[]')", "gave no answer"),
        ("print('{}')", "makes no sense"),
        (
            'print(\'{"moments": [[0, "exit"]], "frames": [["f", 1, "g"]], "stacks": [[0]],'
            ' "live_bytes": [[99999999999999999999]], "live_blocks": [[1]], "arenas": []}\')',
            "makes no sense",
        ),
        ('print(\'{"problem": "Oh dear"}\')', "memray says: Oh dear"),
    ],
)
def test_whatever_becomes_of_the_reader(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: str, says: str
) -> None:
    reader = tmp_path / "reader.py"
    reader.write_text("import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n" + child)
    monkeypatch.setattr(memray_extract, "__file__", str(reader))
    if "busy" in says:
        monkeypatch.setattr(memray_file, "TIME_LIMIT_S", 1)
    assert_unreadable(record(""), says)


def test_the_reader_limits_itself() -> None:
    """So that it ends even if nobody waits for it any more."""
    program = """
import resource as r
from memdiag.capture.memray_extract import limit_resources
limit_resources(1)
print([r.getrlimit(kind)[0] for kind in (r.RLIMIT_CPU, r.RLIMIT_CORE, r.RLIMIT_AS)], flush=True)
while True: pass
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGXCPU
    cpu_s, core, memory = json.loads(done.stdout)
    assert (cpu_s, core) == (1, 0)
    if sys.platform == "linux":
        assert 0 < memory < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_memray_missing_says_how_to_get_it(record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    path = record("")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare/bin/python"))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not (Path(entry) / "memray").exists()])
    error = error_of(path)
    assert isinstance(error, CannotDo)
    assert error.exit_status == FAILED
    assert "memray, which is not installed for this Python" in error.problem
    assert "pip install memray" in error.next_step


def test_no_python_to_start(record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = record("")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(CannotDo, match="cannot start"):
        read_memray_file(path)
