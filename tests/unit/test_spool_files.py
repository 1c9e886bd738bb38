"""The probe's files in the target: out of the program's way, never in the wrong file, and never half a record."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from memdiag.capture import spool as reader
from memdiag.probe.files import Files, HeldFiles, fitting
from memdiag.probe.native import Native
from memdiag.probe.spool import HighFile, Spool
from memdiag.probe.wire import pack, unpack

ROOT = Path(__file__).resolve().parents[2]
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT


CALLS: dict[str, Callable[[], Files]] = {"released": Files, "held": lambda: HeldFiles(Native())}


@pytest.fixture(params=CALLS, autouse=True)
def files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Files:
    """The system calls, as Python makes them and with its lock held; a child's code knows them as FILES."""
    if request.param == "held" and sys.platform != "linux":
        pytest.skip("only on Linux")
    monkeypatch.setenv("FILES", request.param)
    return CALLS[request.param]()


PREAMBLE = """
import os
from memdiag.probe.files import Files, HeldFiles
from memdiag.probe.native import Native
FILES = HeldFiles(Native()) if os.environ.pop("FILES") == "held" else Files()
"""


def in_child(code: str, *arguments: str) -> str:
    """What the code prints in an interpreter of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PREAMBLE * ("FILES" in code) + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def kinds_in(directory: Path) -> list[str]:
    return [record.kind for record in unpack((directory / "stream").read_bytes())]


# --- descriptors ----------------------------------------------------------------------------------------------


def test_the_lowest_descriptors_stay_free(tmp_path: Path, files: Files) -> None:
    lowest = os.dup(0)
    os.close(lowest)
    file = HighFile(str(tmp_path / "file"), APPEND, files)
    try:
        assert file.descriptor() > lowest + 10
        assert os.dup(0) == lowest
    finally:
        os.close(lowest)
        os.close(file.descriptor())


def test_a_descriptor_is_not_inherited(tmp_path: Path, files: Files) -> None:
    file = HighFile(str(tmp_path / "file"), APPEND, files)
    try:
        assert not os.get_inheritable(file.descriptor())
    finally:
        os.close(file.descriptor())


@pytest.mark.parametrize("limit", [8, 30, 100, 300, 4096])
def test_descriptors_fit_under_a_low_limit(tmp_path: Path, limit: int) -> None:
    """The limit may be small, or be lowered by the program later; what can be had is taken."""
    code = """
import resource, sys
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
from memdiag.probe.spool import Spool
from memdiag.probe.wire import pack
spool = Spool(sys.argv[1], FILES)
spool.write(pack("one", {}))
print(spool.lost)
"""
    if limit > resource.getrlimit(resource.RLIMIT_NOFILE)[1]:
        pytest.skip("the system's own limit is lower")
    assert in_child(code, str(tmp_path), str(limit)) == "0"
    assert kinds_in(tmp_path) == ["one"]


CLOSING = """
import os, sys
from memdiag.probe.spool import Resident, Spool
from memdiag.probe.wire import pack
spool = Spool(sys.argv[1], FILES)
resident = Resident(FILES)
spool.write(pack("one", {}))
first = resident()
os.closerange(3, 4096)
spool.write(pack("two", {}))
os.closerange(3, 4096)
print(first, resident(), spool.lost)
"""


def test_closed_descriptors_are_opened_again(tmp_path: Path) -> None:
    first, again, lost = map(int, in_child(CLOSING, str(tmp_path)).split())
    assert kinds_in(tmp_path) == ["one", "two"]
    assert lost == 0
    assert 1_000_000 < first < 1 << 40
    assert abs(again - first) < first


def test_a_number_that_the_program_uses_now_is_not_written_to(tmp_path: Path, files: Files) -> None:
    """The program closes every descriptor, as daemons do, and its own files get the same numbers."""
    file = HighFile(str(tmp_path / "ours"), APPEND, files)
    number = file.descriptor()
    os.write(number, b"ours ")
    os.close(number)
    theirs = os.open(tmp_path / "theirs", APPEND)
    os.dup2(theirs, number)
    os.close(theirs)
    try:
        again = file.descriptor()
        assert again != number
        os.write(again, b"again")
        os.close(again)
        os.write(number, b"theirs")
    finally:
        os.close(number)
    assert (tmp_path / "ours").read_bytes() == b"ours again"
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


REUSED = """
import os, sys
from memdiag.probe.spool import Spool
from memdiag.probe.wire import pack
spool = Spool(sys.argv[1], FILES)
read, write = os.pipe()
os.set_blocking(read, False)
held = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > write]
for number in held:
    os.dup2(write, number)
spool.write(pack("one", {}))
try:
    print(os.read(read, 100))
except BlockingIOError:
    print(len(held) > 0, spool.lost)
"""


def test_the_program_may_put_a_pipe_at_our_number(tmp_path: Path) -> None:
    assert in_child(REUSED, str(tmp_path)) == "True 0"
    assert kinds_in(tmp_path) == ["one"]


GONE = """
import os, shutil, sys
from memdiag.probe.spool import Spool
spool = Spool(sys.argv[1], FILES)
shutil.rmtree(sys.argv[1])
os.closerange(3, 4096)
spool.write(b"record")
print(spool.lost, spool.put("piece", [b"bytes"]), spool.get("piece"))
"""


def test_a_directory_that_is_gone_loses_records_and_nothing_else(tmp_path: Path) -> None:
    assert in_child(GONE, str(tmp_path)) == "1 False None"


# --- a full disk ----------------------------------------------------------------------------------------------

FULL = """
import resource, sys
from memdiag.probe.spool import Spool
from memdiag.probe.wire import pack
spool = Spool(sys.argv[1], FILES)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for number in range(50):
    spool.write(pack("record", {"number": number, "text": "x" * 100}))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
lost = spool.lost
spool.write(pack("after", {}))
assert spool.lost == lost
print(lost)
"""


@pytest.mark.parametrize("limit", [0, 1, 500, 1024, 3001])
def test_a_record_that_does_not_fit_leaves_nothing_of_itself(tmp_path: Path, limit: int) -> None:
    """The kernel writes what fits, then nothing: the part of a record is taken back, and later ones are whole."""
    lost = int(in_child(FULL, str(tmp_path), str(limit)))
    size = len(pack("record", {"number": 10, "text": "x" * 100}))
    data = (tmp_path / "stream").read_bytes()
    assert [record.header.get("number") for record in unpack(data)] == [*range(50 - lost), None]
    assert sum(len(pack(record.kind, record.header)) for record in unpack(data)) == len(data)
    assert abs((50 - lost) - limit // size) <= 1


def test_a_full_device_loses_records_quietly(tmp_path: Path, files: Files) -> None:
    (tmp_path / "stream").symlink_to("/dev/full")
    spool = Spool(str(tmp_path), files)
    for _ in range(3):
        spool.write(pack("record", {}))
    assert spool.lost == 3


def test_a_piece_is_whole_or_absent(tmp_path: Path, files: Files) -> None:
    spool = Spool(str(tmp_path), files)
    assert spool.put("piece", [b"one ", b"", b"two"])
    assert spool.get("piece") == b"one two"
    assert spool.get("another") is None
    (tmp_path / "full.part").symlink_to("/dev/full")
    assert not spool.put("full", [b"bytes"])
    assert spool.get("full") is None
    assert spool.lost == 1


# --- what the parent reads ------------------------------------------------------------------------------------


RECORDED = """
import sys
from pathlib import Path
from memdiag.launch.record import Settings, record
from memdiag.launch.target import Target
record(Target("code", "import gc\\nfor _ in range(20): gc.collect()"), Settings(), Path(sys.argv[1]))
"""


def test_samples_come_back_in_order_of_time(tmp_path: Path) -> None:
    in_child(RECORDED, str(tmp_path))
    recording = reader.Recording()
    recording.add(reversed(reader.Stream(tmp_path / "stream").fresh()))
    samples = reader.samples(recording)
    assert len(samples) >= 3
    assert [sample.t_s for sample in samples] == sorted(sample.t_s for sample in samples)
    for sample in samples:
        assert (sample.rss_bytes or 0) > 1_000_000
        assert (sample.heap_blocks or 0) > 1000
        assert (sample.heap_bytes or 0) > 1000
        assert (sample.tracer_bytes or 0) > 1000
    assert samples[0].tracked_objects is not None
    assert (samples[-1].gc_collections or 0) - (samples[0].gc_collections or 0) >= 20


def test_a_stream_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert reader.Stream(tmp_path / "stream").fresh() == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9, 10, 11, 25, 1000])
def test_thinning_keeps_both_ends_and_spreads_the_rest(count: int) -> None:
    kept = reader.thin(count, 10)
    assert kept == sorted(set(kept))
    assert len(kept) == min(count, 10)
    assert kept[:1] == [0][:count]
    assert kept[-1:] == [count - 1][:count]
    gaps = [after - before for before, after in pairwise(kept)]
    assert not gaps or max(gaps) - min(gaps) <= 1


# --- traces, through tracemalloc itself ------------------------------------------------------------------------

TRACED = """
import gc, sys, time
gc.disable()
from memdiag.probe.recorder import Recorder
from memdiag.probe.traces import TraceRecorder
recorder = Recorder(sys.argv[1], time.monotonic())
traces = TraceRecorder(recorder, frames=2)

class Node:
    pass

def grow(kept, count):
    for _ in range(count):
        kept.append(bytes(1000))  # the growing line

def litter(count):
    for _ in range(count):
        node = Node()  # the littering line
        node.me = node

kept = []
traces.snapshot("start")
grow(kept, 10)
traces.snapshot("sample")
grow(kept, 20)
litter(40)
traces.snapshot("exit", garbage=True)
traces.stop()
print(sys.getsizeof(kept[0]), len(gc.get_objects()) > 0)
"""


@pytest.fixture
def traced(tmp_path: Path) -> reader.Recording:
    script = tmp_path / "traced.py"
    script.write_text(TRACED)
    code = "import sys, runpy; sys.argv[:] = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    in_child(code, str(script), str(tmp_path))
    recording = reader.Recording()
    recording.add(reader.Stream(tmp_path / "stream").fresh())
    return recording


def _line(recording: reader.Recording, comment: str) -> tuple[list[int], list[int], int]:
    traces = reader.traces(recording, 2)
    assert traces is not None
    number = next(at for at, line in enumerate(TRACED.splitlines(), 1) if comment in line)
    rows = [at for at, one in enumerate(traces.stacks) if one[0].line == number and one[0].file.endswith("traced.py")]
    return (
        traces.live_bytes[:, rows].sum(axis=1).tolist(),
        traces.live_blocks[:, rows].sum(axis=1).tolist(),
        int(traces.awaiting_blocks[rows].sum()),
    )


def test_live_memory_by_line_to_the_block(traced: reader.Recording) -> None:
    size = sys.getsizeof(bytes(1000))
    live, blocks, awaiting = _line(traced, "# the growing line")
    buffer = [live[at] - (0, 10, 30)[at] * size for at in range(3)]  # of the list itself
    assert [blocks[at] - (0, 10, 30)[at] for at in range(3)] == [0, 1, 1]
    assert buffer[0] == 0
    assert 0 < buffer[1] < buffer[2] < 500
    assert awaiting == 0


def test_what_awaits_the_collector_is_told_apart(traced: reader.Recording) -> None:
    _, blocks, awaiting = _line(traced, "# the littering line")
    assert blocks[-1] >= 40
    assert awaiting >= 40


def test_moments_are_those_of_the_writer(traced: reader.Recording) -> None:
    traces = reader.traces(traced, 2)
    assert traces is not None
    assert [moment.label for moment in traces.moments] == ["start", "sample", "exit"]
    assert traces.frames_limit == 2
    assert all(1 <= len(one) <= 2 for one in traces.stacks)
    assert not any("probe" in frame.file for one in traces.stacks for frame in one)


def test_a_lost_record_does_not_shift_what_the_others_say(traced: reader.Recording) -> None:
    """A full disk loses the record that names the first call's stack: its ten blocks have no line any more."""
    _, littered, awaiting = _line(traced, "# the littering line")
    del traced.by_kind["traces"][1]
    _, after, still = _line(traced, "# the littering line")
    assert (after[-1], still) == (littered[-1], awaiting)
    assert _line(traced, "# the growing line")[1] == [0, 21]
    partial = reader.traces(traced, 2)
    assert partial is not None
    assert [moment.label for moment in partial.moments] == ["start", "exit"]
    assert any(one[0].file == "<lost>" for one in partial.stacks)


def test_without_records_there_is_nothing() -> None:
    assert reader.traces(reader.Recording(), 4) is None


def test_calls_that_say_something_else_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native = Native()
    assert type(fitting(None, str(tmp_path))) is Files
    assert type(fitting(native, str(tmp_path))) is (HeldFiles if native.can_copy else Files)
    monkeypatch.setattr(Native, "status", lambda *_: (1, 2, 3))
    assert type(fitting(native, str(tmp_path))) is Files
