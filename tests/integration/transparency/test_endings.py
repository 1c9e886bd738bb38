"""However a program ends, it ends as under plain ``python``: status, signal, last words, exit handlers."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.programs import Outcome, clean_environment, plain_command, run_command
from tests.integration.transparency.comparing import Compare, any_tracer, assert_probed, assert_same, every_tracer

# name: (last lines of the program, its exit status)
ENDINGS = {
    "falls off": ("pass", 0),
    "a number": ("sys.exit(3)", 3),
    "a number beyond a byte": ("sys.exit(256 + 44)", 44),
    "a text": ("sys.exit('text \\u20ac')", 1),
    "nothing": ("sys.exit(None)", 0),
    "an object": ("sys.exit([1, 'two'])", 1),
    "at once": ("os._exit(7)", 7),
    "an exception": ("outer()", 1),
    "out of memory": ("raise MemoryError", 1),
    "a group": ("raise ExceptionGroup('several', [ValueError(1)]) if sys.version_info >= (3, 11) else OSError", 1),
    "a failing exit handler": ("atexit.register(divmod, 1, 0); sys.exit(5)", 5),
    "an exit in an exit handler": ("atexit.register(sys.exit, 6); sys.exit(5)", 5),
    "a hook of its own": ("sys.excepthook = lambda *a: print('hook', a[0].__name__, a[2].tb_next); raise OSError", 1),
    "a broken hook": ("sys.excepthook = None; raise OSError('first')", 1),
    "interrupted": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", -signal.SIGINT),
    "interrupted, caught": ("try: signal.raise_signal(2)\nexcept KeyboardInterrupt: sys.exit(130)", 130),
    "terminated": ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -signal.SIGTERM),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL); time.sleep(60)", -signal.SIGKILL),
    "hung up": ("os.kill(os.getpid(), signal.SIGHUP); time.sleep(60)", -signal.SIGHUP),
    "aborted": ("os.abort()", -signal.SIGABRT),
    "alarm": ("signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(60)", -signal.SIGALRM),
}

ABOUT_TO_END = """
import atexit, os, resource, signal, sys, time, work
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def outer():
    import json
    try:
        json.loads("[not json")
    except ValueError as error:
        raise RuntimeError(f"two\\nlines \\u20ac") from error

atexit.register(print, "first registered")
atexit.register(print, "last registered")
print("working", work.work(3), flush=True)
"""


@pytest.mark.parametrize("name", ENDINGS)
@any_tracer
def test_an_ending(compare: Compare, name: str) -> None:
    ending, status = ENDINGS[name]
    plain = compare.script(ABOUT_TO_END + ending)
    assert plain.status == status


@pytest.mark.parametrize("name", ["an exception", "interrupted", "killed", "at once"])
@pytest.mark.parametrize("tracer", ["tracemalloc", "memray"], indirect=True)
def test_an_ending_under_another_tracer(compare: Compare, name: str) -> None:
    ending, status = ENDINGS[name]
    plain = compare.script(ABOUT_TO_END + ending)
    assert plain.status == status


@any_tracer
@pytest.mark.parametrize(
    "target",
    [["broken.py"], ["-m", "broken"], ["-c", "def broken(:\n"], ["-m", "json.absent"], ["imports.py"]],
    ids=["script", "module", "code", "absent submodule", "import error"],
)
def test_a_program_that_never_starts(compare: Compare, target: list[str]) -> None:
    compare.write("broken.py", "import sys\nif True:\n    print('never'\n")
    compare.write("imports.py", "import absent_dependency\n")
    plain = compare.target(*target)
    assert plain.status == 1


def test_the_order_of_last_things(compare: Compare) -> None:
    """Threads are joined, then exit handlers run, last registered first, then modules are torn down."""
    compare.script(
        """
        import atexit, concurrent.futures, gc, logging, sys, threading, weakref, work

        class Noisy:
            def __init__(self, name):
                self.name = name
            def __del__(self):
                sys.stdout.write(f"deleted {self.name}\\n")

        def handler(name):
            print("exit", name, threading.active_count(), gc.isenabled(), len(sys.modules) > 10)
            if name == "outer":
                atexit.register(handler, "registered late")

        def late():
            threading.main_thread().join()
            print("thread outlived main")

        kept = Noisy("global")
        _private = Noisy("private global")
        cycle = Noisy("in a cycle")
        cycle.itself = cycle
        sys.keep = Noisy("on the sys module")
        finalized = Noisy("finalized")
        weakref.finalize(finalized, print, "finalizer at exit")
        thrown_away = Noisy("thrown away")
        thrown_away.itself = thrown_away
        del thrown_away
        gc.disable()
        atexit.register(handler, "outer")
        pool = concurrent.futures.ThreadPoolExecutor(2)
        print(pool.submit(work.work).result())
        atexit.register(handler, "inner")
        atexit.register(gc.collect)
        atexit.unregister(gc.collect)
        logging.basicConfig(stream=sys.stdout)
        atexit.register(logging.warning, "logged at exit")
        threading.Thread(target=late).start()
        print("end of main")
        """
    )


@any_tracer
def test_a_failing_stream_at_exit(compare: Compare) -> None:
    plain = compare.script("import os, work\nwork.work()\nprint('lost')\nos.close(1)\n")
    assert plain.status == 120


WAITING = """
import os, signal, sys, time, work

def handler(number, frame):
    sys.exit(f"handled {{number}} in {{frame.f_code.co_name}}")

{prepare}
work.work()
# One line without its source: wherever in it the signal strikes, the traceback is the same.
exec("print(os.getpid(), flush=True), time.sleep(60)")
"""


def waiting(prepare: str = "") -> str:
    """A program that prints its process id and then waits for a signal."""
    return WAITING.format(prepare=prepare)


@every_tracer
def test_control_c_at_a_terminal(compare: Compare) -> None:
    """The terminal sends SIGINT to memdiag as well: it lets the program end in its own way, and reports."""
    compare.write("script.py", waiting().replace("os.getpid()", "'ready'"))
    plain, probed = compare.on_a_terminal("script.py", until=b"ready\r\n", answer=b"\x03")
    assert plain.status == probed.status == -signal.SIGINT
    assert plain.stdout.endswith(b"KeyboardInterrupt\r\n")
    assert probed.stdout[: len(plain.stdout)] == plain.stdout


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "USR1"])
@any_tracer
def test_a_signal_to_the_target(compare: Compare, name: str) -> None:
    number = getattr(signal, f"SIG{name}")
    compare.write("script.py", waiting(f"signal.signal(signal.SIG{name}, handler)"))
    plain, probed = _signalled(compare, lambda _process, target: os.kill(target, number))
    assert plain.status == 1
    assert b"handled" in plain.stderr
    assert_same(plain, probed)


@pytest.mark.parametrize("handled", [False, True], ids=["default", "handled"])
@any_tracer
def test_sigterm_to_what_was_started(compare: Compare, handled: bool) -> None:
    """A supervisor knows one process only, and it is memdiag's: the program must hear of it."""
    compare.write("script.py", waiting("signal.signal(signal.SIGTERM, handler)" if handled else ""))
    plain, probed = _signalled(compare, lambda process, _target: os.kill(process, signal.SIGTERM))
    assert plain.status == (1 if handled else -signal.SIGTERM)
    assert_same(plain, probed)


def _signalled(compare: Compare, send: Callable[[int, int], None]) -> tuple[Outcome, Outcome]:
    """The plain and the probed outcome of ``script.py``, which prints its process id and waits to be ended."""
    plain = _start_and_signal(plain_command("script.py"), compare.directory, send)
    probed = _start_and_signal(run_command(compare.saved, compare.tracer, "script.py"), compare.directory, send)
    assert_probed(compare.saved, probed)
    return plain, probed


def _start_and_signal(command: list[str], directory: Path, send: Callable[[int, int], None]) -> Outcome:
    with subprocess.Popen(
        command,
        cwd=directory,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        send(process.pid, int(process.stdout.readline()))
        stdout, stderr = process.communicate(timeout=120)
    return Outcome(process.returncode, stdout, stderr)
