"""Programs that pull the rug away: descriptors, limits, modules, builtins, directories. They run as ever."""

from __future__ import annotations

import os

import pytest

from tests.integration.transparency.comparing import Compare, any_tracer, every_tracer


def test_descriptors_closed_behind_the_probes_back(compare: Compare) -> None:
    """Every number is closed and taken by a file of the program's own: nothing may be written into that."""
    compare.script(
        """
        import os, resource, work
        os.closerange(3, 256)
        print(os.open("/dev/null", os.O_RDONLY), work.work())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = min(soft, 4096)
        os.closerange(3, soft)
        print(os.open("/dev/null", os.O_RDONLY), work.work())
        os.closerange(3, soft)
        own = os.open("own.txt", os.O_CREAT | os.O_RDWR | os.O_TRUNC)
        os.write(own, b"mine")
        for number in range(own + 1, most):
            os.dup2(own, number)
        print(own, work.work(10), os.fstat(own).st_size, os.lseek(own, 0, os.SEEK_CUR))
        os.closerange(own, soft)
        """
    )
    assert (compare.directory / "own.txt").read_bytes() == b"mine"


def test_few_descriptors(compare: Compare) -> None:
    compare.script(
        """
        import errno, os, resource, work
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, hard))
        opened = []
        try:
            while True:
                opened.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            print(opened, errno.errorcode[error.errno], work.work())
        for number in opened[::2]:
            os.close(number)
        print([os.dup(0) for _ in opened[::2]], work.work())
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        print(work.work())
        try:
            os.pipe()
        except OSError as error:
            print(error)
        """
    )


@pytest.mark.parametrize("reaction", ["SIG_IGN", "SIG_DFL"])
def test_no_file_may_grow(compare: Compare, reaction: str) -> None:
    """``RLIMIT_FSIZE`` of 0; by default Python ignores the signal that goes with it, but a program need not."""
    compare.script(
        f"""
        import resource, signal, work
        signal.signal(signal.SIGXFSZ, signal.{reaction})
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        print(work.work())
        try:
            with open("own.txt", "w") as file:
                if "{reaction}" == "SIG_IGN":
                    file.write("too much")
        except OSError as error:
            print(error)
        print(work.work())
        """
    )


def test_little_memory(compare: Compare) -> None:
    """The address space is limited to what is there and a little more: the program sees its own MemoryError."""
    compare.script(
        """
        import gc, resource, work
        print(work.work())
        with open("/proc/self/statm") as file:
            present = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (present + (64 << 20), resource.RLIM_INFINITY))
        try:
            block = bytearray(200 << 20)
        except MemoryError as error:
            print("no", error)
        kept = []
        try:
            while True:
                kept.append(bytearray(1 << 20))
        except MemoryError:
            gc.collect()
            kept.clear()
            print("caught")
        print(work.work(2))
        """
    )


PATCHES = """
import builtins, gc, json, os, sys, threading, time, tracemalloc, work

def broken(*args, **kwargs):
    raise AssertionError("the program's own joke")

restore = []

def patch(module, *names, has=hasattr, get=getattr, set=setattr):
    for name in names:
        if has(module, name):
            restore.append((module, name, get(module, name)))
            set(module, name, broken)

def litter(collect=gc.collect):
    kept = [[n] for n in (0,) * 5000]
    for _ in (1, 2, 3):
        collect()

def main():
    work.work()
    patch(os, "write", "open", "close", "fstat", "getpid", "getppid", "read", "listdir", "rename", "fork", "_exit",
          "sysconf", "replace", "pipe", "stat", "environ")
    patch(time, "monotonic", "perf_counter", "time", "sleep", "thread_time", "process_time", "monotonic_ns")
    patch(gc, "get_objects", "get_referents", "get_stats", "collect", "isenabled", "is_tracked", "get_count", "disable")
    patch(sys, "getallocatedblocks", "_current_frames", "getsizeof", "getrefcount", "_getframe", "setswitchinterval",
          "getswitchinterval", "exc_info", "intern")
    patch(threading, "Thread", "Lock", "RLock", "Event", "enumerate")
    patch(tracemalloc, "take_snapshot", "is_tracing", "get_traced_memory", "start")
    patch(json, "dumps", "loads")
    for _ in (1, 2, 3, 4, 5, 6):
        litter()
    patch(builtins, "open", "len", "isinstance", "print", "range", "sorted", "sum", "min", "max", "map", "zip", "iter",
          "next", "repr", "hash", "id", "getattr", "setattr", "hasattr", "list", "dict", "set", "tuple", "int", "str",
          "float", "bytes", "bytearray", "type", "enumerate", "reversed", "any", "all", "super", "object", "callable",
          "Exception", "OSError", "ValueError", "BaseException", "__import__", "__build_class__", "memoryview")
    for _ in (1, 2, 3, 4, 5, 6):
        litter()
    sys.stdout.write("patched\\n")

main()
"""
RESTORE = "for module, name, value in restore:\n    module.__dict__[name] = value\nprint('restored', work.work())\n"


@every_tracer
def test_everything_patched_to_fail(compare: Compare) -> None:
    plain = compare.script(PATCHES + RESTORE)
    assert plain.stdout == b"patched\nrestored 6\n"


def test_everything_left_patched_at_the_end(compare: Compare) -> None:
    plain = compare.script(PATCHES)
    assert plain.stdout == b"patched\n"


def test_modules_deleted_and_replaced(compare: Compare) -> None:
    compare.script(
        """
        import atexit, os, sys, types, work
        atexit.register(os.write, 1, b"exit handler\\n")
        for name in ("threading", "gc", "atexit", "time", "_thread", "_tracemalloc", "os", "posix", "json", "sampler"):
            sys.modules.pop(name, None)
        import threading, gc, time
        print(threading.active_count(), work.work())
        for name in ("struct", "zlib", "array", "fcntl", "gc", "tracemalloc", "_json"):
            sys.modules[name] = types.ModuleType(name)
        print(work.work())
        kept = dict(sys.modules)
        for name in list(sys.modules):
            if name not in ("sys", "builtins", "__main__"):
                del sys.modules[name]
        work.work()
        sys.modules.update(kept)
        sys.modules["__main__"] = types.ModuleType("another")
        work.work()
        sys.path[:] = []
        sys.path_hooks.clear()
        sys.meta_path.clear()
        sys.path_importer_cache.clear()
        work.work()
        sys.stdout.write("done\\n")
        sys.modules.clear()
        """
    )


def test_directories_and_files_removed(compare: Compare) -> None:
    compare.write("script.py", "")
    program = """
    import linecache, os, shutil, sys, tempfile, traceback, work
    here = os.getcwd()
    source = open(__file__).read()
    directory = tempfile.mkdtemp()
    os.chdir(directory)
    print(work.work())
    shutil.rmtree(directory)
    try:
        os.getcwd()
    except OSError as error:
        print(type(error).__name__)
    print(work.work(), os.path.exists(__file__), sys.path[0] == here)
    os.environ.clear()
    os.umask(0o777)
    print(work.work(), dict(os.environ))
    os.umask(0o022)
    os.rename(os.path.join(here, "script.py"), os.path.join(here, "moved.py"))
    os.chdir("/")
    os.rename(os.path.join(here, "moved.py"), os.path.join(here, "script.py"))
    print(os.listdir(here) == os.listdir(here), sorted(os.listdir(here)))
    raise RuntimeError("with a traceback")
    """
    plain = compare.script(program)
    assert b"__pycache__" in plain.stdout or os.environ.get("PYTHONDONTWRITEBYTECODE") == "1"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_privileges_dropped(compare: Compare) -> None:
    compare.script(
        """
        import os, work
        print(work.work())
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        print(os.getuid(), work.work())
        """
    )


def test_private_doors_of_the_interpreter(compare: Compare) -> None:
    compare.script(
        """
        import atexit, ctypes, faulthandler, gc, os, sys, tempfile, threading, work

        def inner():
            with tempfile.TemporaryFile() as file:
                work.work(1)
                faulthandler.dump_traceback(file, all_threads=False)
                file.seek(0)
                return file.read().split(b"\\n", 1)[1]

        print(inner())
        faulthandler.enable()
        print(faulthandler.is_enabled(), atexit.register(print, "never"), atexit._ncallbacks() > 0)
        atexit._clear()
        atexit.register(print, "registered after the others were cleared")
        sys.setswitchinterval(0.001)
        sys.set_coroutine_origin_tracking_depth(3)
        print(work.work(), sys.getswitchinterval(), sys.get_coroutine_origin_tracking_depth())
        unraisable = []
        sys.unraisablehook = lambda args: unraisable.append(args.exc_type.__name__)

        class Bad:
            def __del__(self):
                raise ValueError

        Bad()
        work.work()
        print(unraisable)
        audited = []
        sys.addaudithook(lambda event, _: audited.append(event) if event in ("os.fork", "subprocess.Popen") else None)
        work.work()
        print(audited)
        state = ctypes.pythonapi.PyGILState_Ensure()
        ctypes.pythonapi.PyGILState_Release(state)
        print(sys._debugmallocstats is not None, len(sys._current_exceptions()) >= 1, sys.intern("memory"))
        exec(compile("raise OSError('from a string')", "<made up>", "exec"))
        """
    )


@any_tracer
def test_a_crash_is_told_by_faulthandler(compare: Compare) -> None:
    compare.write(
        "script.py",
        """
        import faulthandler, resource, work
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        work.work()
        faulthandler.enable(all_threads=False)
        faulthandler._sigsegv()
        """,
    )
    plain, probed = compare.both("script.py")
    assert probed.status == plain.status < 0
    told, _, _ = plain.stderr.partition(b"Current thread 0x")
    assert probed.stderr.startswith(told)
    assert b'script.py", line 5 in <module>' in probed.stderr
