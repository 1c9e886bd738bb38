"""What a program can see of itself and of its interpreter, however it was started."""

from __future__ import annotations

import json
import os
import sys
import zipfile

import pytest

from tests.integration.programs import Setting
from tests.integration.transparency.comparing import Compare, any_tracer, assert_same

# Read before anything else is imported, and printed as JSON at the end.
OBSERVE = """
import sys
stack_depth = 0
frame = sys._getframe()
while frame is not None:
    stack_depth, frame = stack_depth + 1, frame.f_back
seen = {
    "stack depth": stack_depth,
    "path": list(sys.path),
    "argv": list(sys.argv),
    "orig_argv": list(sys.orig_argv),
    "path_hooks": len(sys.path_hooks),
    "meta_path": [getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path],
    "path_importer_cache": sorted(sys.path_importer_cache),
    "main": sorted(vars(sys.modules["__main__"])),
    "main values": {
        name: repr(globals().get(name)) for name in ("__name__", "__file__", "__package__", "__cached__", "__doc__")
    },
    "main spec": repr(getattr(__spec__, "name", None)) + repr(getattr(__spec__, "origin", None)),
    "main loader": type(__loader__).__name__ + repr(getattr(__loader__, "path", None)),
    "site modules": [name for name in ("sitecustomize", "usercustomize") if name in sys.modules],
}
import faulthandler, gc, os, resource, signal, site, stat, sysconfig, threading, time, tracemalloc, warnings
seen |= {
    "flags": repr(sys.flags),
    "environ": dict(os.environ),
    "environb": sorted(map(repr, os.environb)),
    "executable": [sys.executable, sys._base_executable, sys.prefix, sys.base_prefix, sys.exec_prefix],
    "hash": hash("memory") if sys.flags.hash_randomization == 0 else None,
    "xoptions": dict(sys._xoptions),
    "warnoptions": list(sys.warnoptions),
    "warnings": list(map(repr, warnings.filters)),
    "hooks": [sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__,
              sys.displayhook is sys.__displayhook__, threading.excepthook is threading.__excepthook__,
              sys.breakpointhook is sys.__breakpointhook__],
    "tracing": [repr(sys.gettrace()), repr(sys.getprofile()), repr(threading.gettrace()),
                sys._getframe().f_trace, sys._getframe().f_trace_lines, sys._getframe().f_trace_opcodes],
    "limits": [sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits()
               if hasattr(sys, "get_int_max_str_digits") else 0, threading.stack_size()],
    "rlimits": [resource.getrlimit(n) for n in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE,
                resource.RLIMIT_AS, resource.RLIMIT_STACK)],
    "streams": [[s.name, s.encoding, s.errors, s.line_buffering, s.write_through, s.isatty(), s.newlines]
                for s in (sys.stdin, sys.stdout, sys.stderr)],
    "encodings": [sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()],
    "bytecode": [sys.dont_write_bytecode, sys.pycache_prefix, __debug__],
    "signals": [str(signal.getsignal(n)) for n in sorted(signal.valid_signals())],
    "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
    "timers": [signal.getitimer(signal.ITIMER_REAL), signal.getitimer(signal.ITIMER_PROF), signal.set_wakeup_fd(-1)],
    "gc": [gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.garbage, gc.get_freeze_count()],
    "threads": [repr(t) for t in threading.enumerate() if t is not threading.main_thread()]
               + [threading.active_count(), threading.main_thread().name, threading.current_thread().daemon],
    "faulthandler": faulthandler.is_enabled(),
    "site": [site.ENABLE_USER_SITE, site.PREFIXES],
    "group": [os.getpgrp(), os.getsid(0), os.nice(0)],
    "umask": [os.umask(0o22), os.umask(0o22)],
    "directory": os.getcwd(),
    "descriptors": [fd for fd in range(100) if os.path.exists(f"/dev/fd/{fd}")],
}
try:
    seen["children"] = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    seen["children"] = "none"
import work
work.work()
seen["later"] = [sys.getswitchinterval(), gc.get_threshold(), gc.get_count()[0] >= 0, len(gc.garbage),
                 threading.active_count(), os.getcwd(), list(sys.path), len(os.environ), sys._getframe().f_back is None]
import json
print(json.dumps(seen))
"""

ARGUMENTS = ("--tracer", "memray", "-o", "out", "--", "-x", "", "two words", "ünicode", "--help")


def test_a_script_sees_what_it_always_sees(compare: Compare) -> None:
    compare.script(OBSERVE, *ARGUMENTS)


@any_tracer
@pytest.mark.parametrize(
    "target",
    [
        ["-m", "package.inner.module"],
        ["-m", "package"],
        ["package"],
        ["application.zip"],
        ["elsewhere/linked.py"],
        ["./package/../script.py"],
        ["-c", OBSERVE],
    ],
    ids=["module", "package", "directory", "zip", "link", "dots", "code"],
)
def test_every_way_to_name_a_program(compare: Compare, target: list[str]) -> None:
    compare.write("script.py", OBSERVE)
    compare.write("package/__init__.py", "")
    compare.write("package/__main__.py", OBSERVE)
    compare.write("package/inner/__init__.py", "name = 'inner'")
    compare.write("package/inner/module.py", OBSERVE + "\nfrom . import name\nfrom .. import inner\n")
    compare.write("package/work.py", (compare.directory / "work.py").read_text())
    (compare.directory / "elsewhere").mkdir()
    (compare.directory / "elsewhere" / "linked.py").symlink_to(compare.directory / "script.py")
    with zipfile.ZipFile(compare.directory / "application.zip", "w") as archive:
        archive.write(compare.directory / "script.py", "__main__.py")
        archive.write(compare.directory / "work.py", "work.py")
    plain = compare.target(*target, *ARGUMENTS)
    assert json.loads(plain.stdout)["argv"][1:] == list(ARGUMENTS)


ENVIRONMENTS = {
    "quiet": {
        "PYTHONHASHSEED": "0",
        "PYTHONOPTIMIZE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "ascii:backslashreplace",
        "PYTHONNOUSERSITE": "1",
    },
    "strict": {
        "PYTHONWARNINGS": "error,ignore::UserWarning",
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": ".",
        "PYTHONUTF8": "1",
    },
    "developer": {"PYTHONDEVMODE": "1", "PYTHONFAULTHANDLER": "1", "PYTHONHASHSEED": "7"},
    "odd": {"PYTHONPATH": "", "PYTHONPYCACHEPREFIX": "cache", "MEMDIAG": "mine", "EMPTY": ""},
    "plain C": {"LANG": "C", "LC_ALL": "", "LC_CTYPE": ""},
    "no locale": {"LC_ALL": "C"},
}


@any_tracer
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_interpreters_own_variables(compare: Compare, name: str) -> None:
    compare.script(OBSERVE, setting=Setting(env=ENVIRONMENTS[name]))


@any_tracer
def test_a_program_that_is_traced_already(compare: Compare) -> None:
    compare.script(
        "import tracemalloc\nprint(tracemalloc.is_tracing(), tracemalloc.get_traceback_limit())",
        setting=Setting(env={"PYTHONTRACEMALLOC": "3"}),
    )


@any_tracer
def test_site_customisation_of_the_users_own(compare: Compare) -> None:
    """``sitecustomize`` on the user's PYTHONPATH runs, once, under its own name and before the program."""
    compare.write(
        "own/sitecustomize.py",
        """
        import os, sys
        sys.customised = [*getattr(sys, "customised", []), __name__, __file__, __spec__.origin]
        sys.path.append("/added/by/site")
        os.environ["ADDED"] = "by site"
        seen_by_site = [list(sys.path), os.environ.get("PYTHONPATH"), sorted(os.environ)]
        """,
    )
    compare.write("own/usercustomize.py", "import sys\nsys.customised.append(__name__)\n")
    program = OBSERVE + "\nimport sitecustomize\nprint(sys.customised, sitecustomize.seen_by_site)\n"
    own = str(compare.directory / "own")
    plain = compare.script(program, setting=Setting(env={"PYTHONPATH": os.pathsep.join([own, "/not/there"])}))
    assert b"'sitecustomize', '" in plain.stdout


@any_tracer
def test_a_broken_site_customisation_is_told_as_ever(compare: Compare) -> None:
    broken = "import sys\nif len(sys.orig_argv) == 2:  # not memdiag's own\n    raise ValueError('own')\n"
    compare.write("own/sitecustomize.py", broken)
    plain = compare.script(
        "import sys\nprint('sitecustomize' in sys.modules)", setting=Setting(env={"PYTHONPATH": "own"})
    )
    assert b"ValueError: own" in plain.stderr


def test_no_module_of_the_standard_library_is_imported_for_the_program(compare: Compare) -> None:
    """The probe may bring in modules written in C; one in Python could be shadowed, patched or missed.

    ``_memdiag`` is where labels are heard.
    """
    compare.write("script.py", "import sys\nprint(*sorted(sys.modules))")
    plain, probed = compare.both("script.py")
    before, after = set(plain.stdout.split()), set(probed.stdout.split())
    extension_modules = {"_memdiag", "_json", "_queue", "_struct", "array", "fcntl", "zlib"}
    allowed = {name.encode() for name in (*sys.builtin_module_names, *extension_modules)}
    missing, imported = before - after, after - before - allowed
    assert not missing
    assert not imported


@any_tracer
def test_what_follows_from_being_main(compare: Compare) -> None:
    """Pickles name ``__main__``; sources, annotations and doctests are found through it."""
    compare.script(
        """
        '''Main's own docstring.

        >>> Point(1, 2).x
        1
        '''
        from __future__ import annotations
        import dataclasses, doctest, enum, inspect, pickle, pickletools, runpy, sys, traceback, typing, unittest

        @dataclasses.dataclass
        class Point:
            x: int
            y: int

        class Colour(enum.Enum):
            RED = 1

        def where():
            return [(f.filename, f.lineno, f.function) for f in inspect.stack()]

        class Tests(unittest.TestCase):
            def test_point(self):
                self.assertEqual(Point(1, 2).y, 2)

        if __name__ == "__main__":
            import work
            work.work()
            import __main__
            data = pickle.dumps([Point(1, 2), Colour.RED, Point, where], protocol=4)
            print(data, pickle.loads(data)[0] == Point(1, 2), __main__.Point is Point)
            print(repr(Point), inspect.getsource(Point), inspect.getfile(Point), typing.get_type_hints(Point))
            print(where(), traceback.format_stack())
            print(doctest.testmod(), inspect.getmodule(where) is __main__)
            print(sorted(runpy.run_path("work.py")), sys.modules["__main__"] is __main__)
            unittest.main(argv=["tests"], exit=False, testRunner=unittest.TextTestRunner(stream=open("/dev/null", "w")))
        """
    )


@any_tracer
def test_relative_names_stay_relative(compare: Compare) -> None:
    """A module beside the script shadows the standard library, as ever, and for nobody but the script."""
    compare.write("json.py", "name = 'the json beside the script'")
    compare.write("tracemalloc.py", "name = 'the tracemalloc beside the script'")
    plain = compare.script("import json, tracemalloc, work\nprint(work.work(), json.name, tracemalloc.name)")
    assert plain.stdout.count(b"beside the script") == 2


def test_the_comparison_notices_a_difference(compare: Compare) -> None:
    compare.write("script.py", "import os\nprint(os.getpid())")
    plain, probed = compare.both("script.py")
    with pytest.raises(AssertionError):
        assert_same(plain, probed)
