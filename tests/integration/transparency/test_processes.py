"""Children of the program: forked, spawned, executed; none is probed, none inherits anything of the probe."""

from __future__ import annotations

import os
import subprocess

from tests.integration.programs import Setting, clean_environment, plain_command, run_command
from tests.integration.transparency.comparing import WORK, Compare, any_tracer, assert_same, every_tracer

DESCRIBE = """
import json, os, sys, threading
print(json.dumps([sys.argv, sys.path, sys.flags.optimize, sorted(os.environ.items()), threading.active_count(),
                  [fd for fd in range(2000) if os.path.exists(f"/dev/fd/{fd}")], "sitecustomize" in sys.modules,
                  sorted(name for name in sys.modules if "memdiag" in name or "probe" in name)]), flush=True)
"""


@every_tracer
def test_fork(compare: Compare) -> None:
    """With every warning an error: a thread of the probe's must not make ``os.fork`` warn (3.12 and later)."""
    plain = compare.script(
        """
        import atexit, gc, os, signal, sys, threading, warnings, work
        warnings.simplefilter("error")
        atexit.register(lambda: print("exit handler in", "parent" if os.getpid() == parent else "child", flush=True))
        parent = os.getpid()
        ended = []
        signal.signal(signal.SIGCHLD, lambda *_: ended.append(1))
        order = []
        os.register_at_fork(before=lambda: order.append("before"), after_in_parent=lambda: order.append("parent"),
                            after_in_child=lambda: order.append("child"))
        print("in the buffer of both")

        def wait(pid):
            waited, status = os.waitpid(pid, 0)
            return waited == pid and os.waitstatus_to_exitcode(status)

        pid = os.fork()
        if pid == 0:
            work.work()
            print("child", order, threading.active_count(), gc.isenabled(), flush=True)
            sys.exit(5)
        print(wait(pid), order, flush=True)

        for number in range(20):
            pid = os.fork()
            if pid == 0:
                os._exit(work.work(1) + number)
            assert wait(pid) == 1 + number
        work.work()
        print("children ended:", len(ended))
        try:
            os.waitpid(-1, 0)
        except ChildProcessError as error:
            print(error)

        pid = os.fork()
        if pid == 0:
            if os.fork() == 0:
                work.work(2)
                raise KeyError("in the grandchild")
            os.wait()
            os.kill(os.getpid(), signal.SIGKILL)
        print(wait(pid), flush=True)

        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            threading.Thread(target=lambda: os.write(writer, b"from a thread of the child")).start()
            sys.exit(0)
        print(wait(pid), os.read(reader, 100))
        work.work()
        print("parent ends")
        """
    )
    assert b"children ended: 21" in plain.stdout


@every_tracer
def test_multiprocessing(compare: Compare) -> None:
    compare.script(
        """
        import concurrent.futures, dataclasses, multiprocessing, multiprocessing.pool, os, sys, work

        @dataclasses.dataclass
        class Job:
            number: int

        def square(job):
            return Job(job.number ** 2), __name__, len(sys.argv), work.work(1)

        def fail(number):
            raise ValueError(number)

        def send(connection):
            connection.send([Job(1), sys.argv, sys.path, multiprocessing.current_process().name])
            sys.exit(3)

        if __name__ == "__main__":
            work.work(2)
            for method in ("fork", "spawn", "forkserver"):
                context = multiprocessing.get_context(method)
                with context.Pool(2) as pool:
                    print(method, pool.map(square, map(Job, range(3))))
                ours, theirs = context.Pipe()
                process = context.Process(target=send, args=(theirs,), name="sender")
                process.start()
                print(ours.recv())
                process.join()
                print(process.exitcode, multiprocessing.active_children())
            with concurrent.futures.ProcessPoolExecutor(1) as executor:
                print(executor.submit(square, Job(7)).result(), executor.submit(fail, 1).exception())
            with multiprocessing.Manager() as manager:
                shared = manager.dict(one=1)
                print(dict(shared))
            value = multiprocessing.Value("i", 0)
            with multiprocessing.pool.ThreadPool(2) as pool:
                print(pool.map(len, ["a", "bb"]))
            work.work(2)
            print("done")
        """,
        "argument",
    )


@any_tracer
def test_subprocesses(compare: Compare) -> None:
    compare.write("describe.py", DESCRIBE)
    compare.script(
        """
        import os, subprocess, sys, work
        work.work()
        describe = [sys.executable, "describe.py", "--tracer", "x"]
        print(subprocess.run(describe, check=True, capture_output=True).stdout)
        print(subprocess.run(describe, check=True, capture_output=True, close_fds=False).stdout)
        print(subprocess.run([sys.executable, "-I", *describe[1:]], check=True, capture_output=True).stdout)
        print(subprocess.run(["env"], check=True, capture_output=True).stdout)
        sys.stdout.flush()
        print(os.system(" ".join(describe)) == 0)
        pid = os.posix_spawn(sys.executable, describe, dict(os.environ, EXTRA="1"))
        print(os.waitpid(pid, 0)[1])
        with subprocess.Popen(["cat"], stdin=-1, stdout=-1) as process:
            print(process.communicate(b"x" * 100_000)[0].count(b"x"), process.returncode)
        print(subprocess.run("exit 7", shell=True).returncode, subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
        try:
            subprocess.run(["sleep", "60"], timeout=0.05)
        except subprocess.TimeoutExpired as error:
            print(error.cmd)
        print(subprocess.run(["true"], preexec_fn=work.work).returncode)
        """,
        setting=Setting(env={"PYTHONPATH": "somewhere"}),
    )


@every_tracer
def test_exec(compare: Compare) -> None:
    """The program becomes another one: it is not probed, and its status is that of the run."""
    compare.write("describe.py", DESCRIBE + "\nimport os\nos._exit(5)\n")
    plain = compare.script(
        """
        import os, sys, work
        print("before", work.work(), flush=True)
        os.execv(sys.executable, [sys.executable, "describe.py", "after exec"])
        """
    )
    assert plain.status == 5
    assert b"after exec" in plain.stdout


def test_a_program_that_runs_itself_again(compare: Compare) -> None:
    """As reloading servers do: found by what ``sys.orig_argv`` and ``sys.argv`` say."""
    plain = compare.script(
        """
        import os, subprocess, sys, work
        generation = int(os.environ.get("GENERATION", 0))
        print(generation, sys.argv, sys.orig_argv, sys.flags.hash_randomization, work.work(2), flush=True)
        os.environ["GENERATION"] = str(generation + 1)
        if generation == 0:
            sys.exit(subprocess.call(sys.orig_argv))
        if generation < 3:
            os.execve(sys.executable, [sys.executable, *sys.argv], os.environ)
        sys.exit(8)
        """,
        "--reload",
    )
    assert plain.status == 8


DAEMON = """
import os, sys, work
os.mkfifo("release.fifo")
os.mkfifo("answer.fifo")
print("starting a daemon", work.work(1), flush=True)
if os.fork():
    sys.exit(0)
os.setsid()
if os.fork():
    os._exit(0)
null = os.open(os.devnull, os.O_RDWR)
for number in range(3):
    os.dup2(null, number)
os.closerange(3, os.sysconf("SC_OPEN_MAX"))
released = open("release.fifo").read()
with open("answer.fifo", "w") as answer:
    print("daemon says", released, work.work(2), os.getsid(0) != os.getpid(), file=answer)
"""


def test_a_daemon_outlives_the_run(compare: Compare) -> None:
    """Forked twice, in a session of its own: the run ends with the process that was started, not with the daemon."""
    plain = _run_a_daemon(plain_command("script.py"), compare, "plain")
    probed = _run_a_daemon(run_command(compare.saved, compare.tracer, "script.py"), compare, "probed")
    assert probed == plain
    assert plain[2].startswith(b"daemon says go")


def _run_a_daemon(command: list[str], compare: Compare, name: str) -> tuple[int, bytes, bytes]:
    """Exit status and output of what was started, then what the daemon said when it was asked, after that."""
    compare.write(f"{name}/script.py", DAEMON)
    compare.write(f"{name}/work.py", WORK)
    directory = compare.directory / name
    done = subprocess.run(
        command, cwd=directory, env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=120
    )
    (directory / "release.fifo").write_text("go")
    return done.returncode, done.stdout, (directory / "answer.fifo").read_bytes()


@any_tracer
def test_background_children_do_not_hold_up_the_end(compare: Compare) -> None:
    """A child that still runs, with the streams of its own: memdiag does not wait for it."""
    compare.write(
        "script.py",
        """
        import os, subprocess
        held = f"{os.getpid()}.fifo"
        os.mkfifo(held)
        null = subprocess.DEVNULL
        child = subprocess.Popen(["cat", held], stdin=null, stdout=null, stderr=null)
        print("left running", child.poll(), flush=True)
        os._exit(0)
        """,
    )
    plain, probed = compare.both("script.py")
    for held in compare.directory.glob("*.fifo"):
        os.close(os.open(held, os.O_WRONLY))
    assert_same(plain, probed)
