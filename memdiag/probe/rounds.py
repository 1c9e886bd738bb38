"""``memdiag check``, in the target's interpreter: one callable, repeated in rounds, and the heap after each of them.

The clock is the number of calls, so that every rate comes out per call and nothing depends on how fast the machine is.
After each round all garbage is collected: the question is what survives. The first rounds are not judged, since caches
fill and modules load in them.

Async callables share one event loop over all rounds, as in a service. ``asyncio.run`` for each round would cancel what
is still pending at its end, and with it hide just those tasks that leak.
"""

from __future__ import annotations

import sys as _sys
from _frozen_importlib import module_from_spec as _module_from_spec
from _frozen_importlib_external import SourceFileLoader as _Loader
from _frozen_importlib_external import spec_from_file_location as _spec_from_file_location
from _tracemalloc import is_tracing as _is_tracing
from _tracemalloc import stop as _stop_tracing
from os import getcwd as _getcwd
from os import path as _path
from time import perf_counter as _perf_counter

from .counted import Counted, Looks, begin_tracing, collect
from .image import Images
from .native import present

_OWN = __name__.rpartition(".")[0] + "."
_IMPORTING = {"importlib", "_frozen_importlib", "_frozen_importlib_external"}
_TURNS = 5  # of the event loop after a round, in which callbacks of what has ended run
_UNCAUGHT = 1
_INTERRUPTED = 130
_REFUSED = 2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any


class _Refused(Exception):
    """What was named cannot be repeated: what is wrong, and what to do."""


class Rounds:
    """To be called by the main program, once; it ends the process if the callable cannot be repeated."""

    def __init__(self, options: Mapping[str, str]) -> None:
        native = present() if options["snapshots"] != "none" else None
        self._recorder = Counted(options["directory"], float(options["started"]), native)
        ours = [module for name, module in _sys.modules.items() if name.startswith(_OWN)]
        self._looks = Looks(self._recorder, Images(self._recorder, ours, options["snapshots"]))
        self._place, _, self._attribute = options["callable"].rpartition(":")
        self._setup = options["setup"]
        self._iterations = int(options["iterations"])
        self._rounds = int(options["rounds"])
        self._warm_up_rounds = int(options["warm_up"])
        self._loop: Any = None
        self._call: Any = None
        self._is_awaited = False
        self.number = 0  # of the call that is under way; 0 before the first
        python = ".".join(map(str, _sys.version_info[:3]))
        self._recorder.write("hello", {"python": python, "executable": _sys.executable, "platform": _sys.platform})

    def __call__(self) -> None:
        try:
            self._check()
        except _Refused as refusal:
            problem, next_step = refusal.args
            self._recorder.write("refused", {"problem": problem, "next_step": next_step})
            raise SystemExit(_REFUSED) from None
        except SystemExit:
            self._recorder.write("raised", {"type": "SystemExit", "call": self.number})
            raise
        except BaseException as error:
            self._recorder.write("raised", {"type": type(error).__name__, "call": self.number})
            _sys.excepthook(type(error), error.with_traceback(_theirs(error.__traceback__)), error.__traceback__)
            raise SystemExit(_INTERRUPTED if isinstance(error, KeyboardInterrupt) else _UNCAUGHT) from None

    def _check(self) -> None:
        try:
            self._prepare()
            self._repeat()
        finally:
            self._end_loop()

    def _prepare(self) -> None:
        is_script = self._place.endswith(".py")
        directory = _path.dirname(_path.abspath(self._place)) if is_script else _getcwd()
        if not getattr(_sys.flags, "safe_path", False):
            _sys.path[0] = directory
        _sys.argv[:] = [self._place]
        module = _script(self._place) if is_script else _module(self._place)
        function = _found(module, self._place, self._attribute)
        given = self._set_up(module)
        if _needs_nothing(function):
            self._call = function
        elif self._setup and _needs_nothing(function, given):
            self._call = _with(function, given)
        else:
            raise _Refused(
                f"{self._attribute} needs arguments",
                "name a function that needs none, or one that needs what --setup returns",
            )
        if _is_async(function):
            self._begin_loop()
            self._is_awaited = True

    def _set_up(self, module: Any) -> Any:
        """Call what sets up. What it returns stays in use: as ``made``, a global variable of the main program."""
        if not self._setup:
            return None
        place, _, attribute = self._setup.rpartition(":")
        if place and place != self._place:
            module = _script(place) if place.endswith(".py") else _module(place)
        function = _found(module, place or self._place, attribute)
        if not _needs_nothing(function):
            raise _Refused(f"{attribute} needs arguments", "--setup takes a function that needs none")
        given = function()
        if _is_async(function):
            self._begin_loop()
            given = self._loop.run_until_complete(given)
        _sys.modules["__main__"].__dict__["made"] = given
        return given

    def _begin_loop(self) -> None:
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)

    def _repeat(self) -> None:
        recorder = self._recorder
        least, more = divmod(self._iterations, self._rounds)
        self._warm_up(least + (more > 0))
        for at in range(self._rounds + 1):
            traced = at == self._rounds // 2 + 1 and "tracemalloc" not in _sys.modules and begin_tracing()
            if at:
                count = least + (at <= more)
                self._run(count)
                recorder.judged += count
            self._looks.take("sample" if at < self._rounds else "last round")
            if traced and _is_tracing():
                _stop_tracing()
        recorder.write("done", {"calls": recorder.judged})

    def _warm_up(self, calls: int) -> None:
        """The rounds that are not judged; the parent hears how long a call takes, since the user may wait for long."""
        self._first_call()
        begun = _perf_counter()
        done = 1
        last = self._warm_up_rounds * calls
        for until in (2, 10, calls, last):
            if done < until <= last:
                self._run(until - done)
                seconds = _perf_counter() - begun
                self._recorder.write("pace", {"calls": until - 1, "seconds": seconds})
                done = until
        collect()

    def _first_call(self) -> None:
        """What returns an awaitable is async, whatever it looks like."""
        if self._is_awaited:
            self._run(1)
            return
        self.number += 1
        returned = self._call()
        if hasattr(type(returned), "__await__"):
            self._begin_loop()
            self._is_awaited = True
            self._loop.run_until_complete(_outcome(returned))

    def _run(self, calls: int) -> None:
        numbers = range(self.number + 1, self.number + calls + 1)
        if self._is_awaited:
            self._loop.run_until_complete(self._awaited(numbers))
            return
        call = self._call
        for self.number in numbers:
            call()

    async def _awaited(self, numbers: range) -> None:
        from asyncio import sleep

        call = self._call
        for self.number in numbers:
            await call()
        for _ in range(_TURNS):
            await sleep(0)

    def _end_loop(self) -> None:
        """As ``asyncio.run`` does: what is still pending is cancelled."""
        if self._loop is None:
            return
        import asyncio

        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(_all(pending))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


async def _outcome(awaitable: Any) -> Any:
    return await awaitable


async def _all(tasks: Any) -> None:
    from asyncio import gather

    await gather(*tasks, return_exceptions=True)


def _with(function: Any, given: Any) -> Any:
    return lambda: function(given)


def _module(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise _Refused(f"there is no module named {error.name}", _WHERE) from None
        raise


_WHERE = "check the name, and that it is installed for this Python; a script is named with its .py"


def _script(path: str) -> Any:
    """The script as a module by its own name, so that what stands under ``if __name__ == "__main__"`` is left out."""
    name = _path.basename(path)[: -len(".py")]
    if name in _sys.modules:
        name += "_script"
    full = _path.abspath(path)
    spec = _spec_from_file_location(name, full, loader=_Loader(name, full))
    module = _module_from_spec(spec)  # type: ignore[arg-type]
    _sys.modules[name] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def _found(module: Any, place: str, attribute: str) -> Any:
    found = module
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise _Refused(f"{place} has no {attribute}", _names(module)) from None
    if not callable(found):
        kind = type(found).__name__
        raise _Refused(f"{attribute} in {place} cannot be called: it is of type {kind}", _names(module))
    if _is_generator(found):
        raise _Refused(
            f"{attribute} is a generator function: a call of it runs nothing", "name a function that goes through it"
        )
    return found


def _names(module: Any) -> str:
    own = [name for name, value in vars(module).items() if callable(value) and _is_of(value, module)]
    return f"check the name; it defines {', '.join(own[:8])}" if own else "check the name"


def _is_of(value: Any, module: Any) -> bool:
    return bool(getattr(value, "__module__", None) == module.__name__)


def _needs_nothing(function: Any, *given: Any) -> bool:
    """Whether it can be called with these arguments alone; of what C code takes, only the call itself will tell."""
    from inspect import signature

    try:
        signature(function).bind(*given)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _is_async(function: Any) -> bool:
    from inspect import iscoroutinefunction

    called = getattr(type(function), "__call__", None)  # noqa: B004
    return bool(iscoroutinefunction(function) or iscoroutinefunction(called))


def _is_generator(function: Any) -> bool:
    from inspect import isasyncgenfunction, isgeneratorfunction

    return bool(isgeneratorfunction(function) or isasyncgenfunction(function))


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    """The traceback below our own frames, and below those of an import that we asked for."""
    found = at = trace
    while at is not None:
        if str(at.tb_frame.f_globals.get("__name__")).startswith(_OWN):
            found = at.tb_next
        at = at.tb_next
    while found is not None and str(found.tb_frame.f_globals.get("__name__")).partition(".")[0] in _IMPORTING:
        found = found.tb_next
    return found
