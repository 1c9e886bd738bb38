"""The end of a long-lived function is heard while its locals are still there; it costs the program nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A clock that the program moves by hand, and a log of what was told, as JSON on the last line.
BEFORE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import gc, json, os, weakref
from memdiag.probe.moments import Ends
from memdiag.probe.recorder import Recorder

gc.disable()
log = []
watched = []

class ByHand(Recorder):
    clock = 0.0

    def now(self):
        return self.clock

    active = worked = now

class Local:
    pass

def alive():
    return [one() is not None for one in watched]

over = []

def told(name, outermost, locals_alive):
    log.append([name, outermost, alive()])
    over.extend([name] * ends.loop_over)

recorder = ByHand(os.path.dirname(__file__), 0.0)
ends = Ends(recorder, told)

def mark(at):
    recorder.clock = at
    ends.mark()

def local():
    made = Local()
    watched.append(weakref.ref(made))
    return made
"""

AFTER = """
print()
print(json.dumps({"log": log, "alive": alive()}))
"""


def play(program: str, tmp_path: Path) -> Any:
    """The log of a script; each entry is a function's name, whether the script called it, and which locals lived."""
    script = tmp_path / "program.py"
    script.write_text(BEFORE + program + AFTER)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout.splitlines()[-1])


def test_the_end_of_main_is_heard_before_its_locals_die(tmp_path: Path) -> None:
    program = """
def main():
    kept = local()
    mark(1.0)
    mark(2.0)
    recorder.clock = 3.0
main()
"""
    assert play(program, tmp_path) == {"log": [["main", True, [True]]], "alive": [False]}


def test_one_mark_is_enough_for_what_the_script_called_early(tmp_path: Path) -> None:
    program = """
def main():
    kept = local()
    mark(0.001)
    recorder.clock = 0.030
main()
"""
    assert play(program, tmp_path)["log"] == [["main", True, [True]]]


def test_marks_keep_nothing_alive(tmp_path: Path) -> None:
    """A frame in a variable of ours would be a cycle that holds the program's locals until the next collection."""
    program = """
def short():
    kept = local()
    mark(1.0)
def main():
    short()
    log.append(alive())
    mark(2.0)
    kept = local()
    mark(3.0)
main()
log.append(alive())
log.append(gc.collect())
"""
    log = play(program, tmp_path)["log"]
    assert log[0] == [False]
    assert log[-2] == [False, False]


def test_functions_that_come_and_go_are_not_told(tmp_path: Path) -> None:
    program = """
def short(at):
    mark(at)
def main():
    for at in range(1, 50):
        short(at)
    log.append("end")
main()
"""
    log = play(program, tmp_path)["log"]
    assert log.index("end") == 0
    assert [entry[0] for entry in log[1:]] == ["main"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio's runner keeps it elsewhere")
@pytest.mark.parametrize("marking", ["mark", "from_afar"])
def test_what_an_event_loop_was_given_is_marked_while_it_waits(tmp_path: Path, marking: str) -> None:
    """A callback is on the stack then, and the coroutine is not."""
    program = f"""
import asyncio, threading
def from_afar(at):
    recorder.clock = at
    thread = threading.Thread(target=ends.mark_from_afar)
    thread.start()
    thread.join()
async def serve():
    kept = local()
    asyncio.get_running_loop().call_soon({marking}, 1.0)
    await asyncio.sleep(0)
    recorder.clock = 90.0
def main():
    asyncio.run(serve())
main()
log.append(over)
"""
    log = play(program, tmp_path)["log"]
    assert ["serve", False, [True]] in log
    assert log[-1] == ["serve"]


def test_what_a_library_calls_is_told_before_what_called_the_library(tmp_path: Path) -> None:
    """A server's coroutine holds what the server works with; asyncio's own frames are between it and main()."""
    program = """
import asyncio
async def serve():
    kept = local()
    mark(10.0)
    mark(50.0)
    recorder.clock = 90.0
def main():
    kept = local()
    mark(1.0)
    asyncio.run(serve())
    recorder.clock = 91.0
main()
"""
    assert play(program, tmp_path)["log"] == [["serve", False, [True, True]], ["main", True, [True, False]]]


def test_what_main_itself_calls_is_part_of_main(tmp_path: Path) -> None:
    program = """
def work():
    mark(10.0)
    mark(50.0)
    recorder.clock = 90.0
def main():
    mark(1.0)
    work()
    log.append("worked")
main()
"""
    log = play(program, tmp_path)["log"]
    assert log == ["worked", ["main", True, []]]


def test_a_function_that_ends_by_an_exception_is_told(tmp_path: Path) -> None:
    """Since 3.11 that is when the exception is gone, whose traceback held the frame, and the locals with it."""
    program = """
def main():
    kept = local()
    mark(1.0)
    mark(2.0)
    raise ValueError
try:
    main()
except ValueError:
    log.append("caught")
"""
    log = play(program, tmp_path)["log"]
    told = ["main", True, [sys.version_info < (3, 11)]]
    assert log == ([told, "caught"] if sys.version_info < (3, 11) else ["caught", told])


def test_a_main_that_never_returns_but_exits_is_told(tmp_path: Path) -> None:
    program = """
def main():
    kept = local()
    mark(1.0)
    mark(2.0)
    sys.exit(0)
try:
    main()
except SystemExit:
    pass
"""
    assert [entry[0] for entry in play(program, tmp_path)["log"]] == ["main"]


def test_a_generator_that_lasts(tmp_path: Path) -> None:
    program = """
def numbers():
    kept = local()
    for at in range(3):
        mark(float(at))
        yield at
def main():
    for _ in numbers():
        mark(recorder.clock + 0.5)
main()
"""
    log = play(program, tmp_path)["log"]
    assert log[-1][0] == "main"
    assert all(entry[0] in ("numbers", "main") for entry in log)


def test_modules_that_load_are_not_marked(tmp_path: Path) -> None:
    (tmp_path / "loading.py").write_text(
        "import __main__\n__main__.mark(1.0)\n__main__.log.append(__main__.ends.importing)\n__main__.mark(2.0)\n"
    )
    program = """
def main():
    import loading
    log.append(ends.importing)
    mark(3.0)
    log.append(ends.importing)
main()
"""
    log = play(program, tmp_path)["log"]
    assert log[:3] == [True, True, False]
    assert [entry[0] for entry in log[3:]] == ["main"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="3.10 needs a profile function, which disturbs this")
def test_without_a_script_nothing_is_marked() -> None:
    """As under ``python -c "import module"``, where the main thread has left the script, or is not in it yet."""
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import threading
from memdiag.probe.moments import Ends
ends = Ends(None, print)
__name__ = "other"
def main():
    ends.mark()
main()
print(ends._marks)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n"


@pytest.mark.parametrize("off", ["recorder.silent = True", "recorder.collecting = __import__('_thread').get_ident()"])
def test_silence_where_nothing_may_be_told(tmp_path: Path, off: str) -> None:
    program = f"""
def main():
    mark(1.0)
    mark(2.0)
    {off}
main()
"""
    assert play(program, tmp_path)["log"] == []


def test_a_tracer_of_the_programs_is_left_alone(tmp_path: Path) -> None:
    """Debuggers and coverage tools put a function of theirs on a frame; one that comes later finds a silent one."""
    program = """
def tracer(frame, event, argument):
    return tracer
def traced():
    sys._getframe().f_trace = tracer
    mark(1.0)
    mark(2.0)
    log.append(sys._getframe().f_trace is tracer)
def later():
    mark(3.0)
    mark(4.0)
    sys.settrace(tracer)
    sum(range(3))
    value = len("text")
    sys.settrace(None)
    log.append(value)
traced()
later()
"""
    log = play(program, tmp_path)["log"]
    assert log[0] is True
    assert 4 in log
    assert not [entry for entry in log if isinstance(entry, list) and entry[0] == "traced"]


def test_only_the_main_thread_counts(tmp_path: Path) -> None:
    program = """
import threading
def work():
    kept = local()
    mark(1.0)
    mark(2.0)
    mark(3.0)
def main():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    recorder.clock = 4.0
main()
"""
    assert "work" not in [entry[0] for entry in play(program, tmp_path)["log"]]


def test_the_probes_own_functions_are_not_the_programs(tmp_path: Path) -> None:
    """A script without a main() collects: what it calls directly is then the probe's entry in ``gc.callbacks``."""
    program = """
from memdiag.probe.sampler import Collections
entry = Collections(recorder, ends.mark, None)
for at in range(1, 6):
    recorder.clock = float(at)
    gc.collect()
entry.remove()
"""
    assert play(program, tmp_path)["log"] == []


KEPT = """
from memdiag.probe.garbage import find_garbage

class Data:
    pass

def main():
    held = [Data() for _ in range(100)]
    for one in held:
        one.me = one
    mark(1.0)
    mark(2.0)
    recorder.clock = 3.0
    try:
        raise ValueError
    except ValueError as error:
        stored = error
gc.collect()
main()
lost = Data()
lost.me = lost
del lost
found = find_garbage()
log.append([sum(type(one) is Data for one in found.objects), found.unheard(True)])
"""


def test_what_an_exception_keeps_of_main_was_in_use_until_the_end(tmp_path: Path) -> None:
    """``stored`` refers to main()'s own frame: its locals are garbage now, yet the program had not lost them before.

    A collection would take them too, and what it frees would not be what the program left behind.
    """
    log = play(KEPT, tmp_path)["log"]
    assert log[-1] == [1, False]
