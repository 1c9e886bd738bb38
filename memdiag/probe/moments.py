"""The last moment of the program's long-lived functions: when ``main()`` ends, and before its locals die.

Most programs keep what leaks in a local of a function that lives as long as the run. At exit these are gone, so the
end of such a frame is the moment to look at. A frame's ``f_trace`` is an ordinary reference that costs nothing while
no tracer is set, and since 3.11 the frame object, with it, dies just *before* the frame's locals are cleared (see
``_PyFrame_Clear`` in CPython's frame.c); an object put there therefore hears of the end at the right time. In 3.10
the locals die first: there, and only there, a profile function listens for the return of the frames that were marked.
"""

from __future__ import annotations

import os as _os
from _collections import deque as _drain
from _operator import attrgetter as _attrgetter
from _operator import is_ as _is
from _operator import methodcaller as _methodcaller
from _thread import get_ident as _get_ident
from itertools import compress as _compress
from itertools import islice as _islice
from itertools import repeat as _repeat
from sys import _current_frames, _getframe
from sys import setprofile as _setprofile
from sys import version_info as _version
from time import process_time as _process_time

from .kinds import Coroutine
from .recorder import Recorder

_LOCALS_OUTLIVE_F_TRACE = _version >= (3, 11)
_map = map
_OWN = __name__.rpartition(".")[0] + "."
_name_in = _methodcaller("get", "__name__")
_Frame = type(_getframe())
_MOST_COROUTINES = 50  # the oldest come first; those that last are among them
_LIBRARY = (_os.__file__.removesuffix("os.py"), "<frozen", __file__.removesuffix("moments.py"))
_DEPTH = 60
_OFTEN = 8  # marks from afar, after which they come
_APART = 0.015  # of the run apart
_YOUNG = 4  # marks, before which a second one is not waited for
_LASTING = 0.3  # of the time since the first mark
_LASTING_OUTERMOST = 0.1
_CO_OPTIMIZED = 1  # of code that keeps its locals in slots
_COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}  # whose end takes nothing with it
_LISTENING = 0.1  # CPU seconds in which the first function is heard to begin: a busy machine may keep us waiting
_IMPORTING = {"importlib._bootstrap", "_frozen_importlib"}
_IMPORTING |= {name + "_external" for name in _IMPORTING}
_RUNNER = ("asyncio.runners", "run")  # whose local ``coro``, since 3.11, is the coroutine that it was given
_given = _methodcaller("get", "coro")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any


class _Sentinel:
    """Dies with the frame it was put on. A tracer that is set later may call it: it then does nothing, silently."""

    __slots__ = ("born", "given", "name", "outermost", "seen", "watch")

    def __init__(self, watch: Ends, name: str, outermost: bool, born: float) -> None:
        self.watch = watch
        self.name = name
        self.outermost = outermost
        self.born = born
        self.given = False  # to an event loop, which is over with it
        self.seen = 1

    def __call__(self, _frame: Any, _event: Any, _argument: Any) -> _Sentinel:
        return self

    def __del__(self) -> None:
        try:
            self.watch.ended(self)
        except RecursionError:
            pass  # the program is at its recursion limit: there is no room to look
        except Exception as error:
            self.watch.failed(error)


class Ends:
    """Puts sentinels on the frames of the main thread that last, and tells when one of them ends.

    These are the functions that the script itself calls, and the program's functions that a library calls (asyncio,
    a command-line or test framework), since these are where a program keeps what it works with. One of them lasts if
    it was on the stack at two marks (or the run is too young for a second), and for a good part of the program's life.
    """

    def __init__(self, recorder: Recorder, tell: Callable[[str, bool, bool], None]) -> None:
        self._recorder = recorder
        self._main_thread = _get_ident()
        self._tell = tell
        self._marks = 0
        self._until = 0.0
        self._first_mark = 0.0
        self._last_mark = 0.0
        self.first_worked = 0.0  # CPU seconds at the first mark: what came before was loading
        self.importing = False  # at the last mark, the program was still loading its modules
        self.loop_over = False  # the end that is told is that of all that an event loop was given
        # Kept, since 3.10 goes on using the method that is its profile function after another has taken its place.
        self._on_return, self._on_call = self._returning, self._beginning
        if not _LOCALS_OUTLIVE_F_TRACE:
            _setprofile(self._on_return)
            recorder.on_begin = lambda: self._listen(None)  # it makes namespaces of our own locals
            recorder.on_end = lambda: self._listen(self._on_return)

    @property
    def begun(self) -> bool:
        """Whether the program has been seen at its own work, past its imports."""
        return self._marks > 0

    def mark(self) -> None:
        """Mark the main thread's frames; to be called in the main thread, on a sample.

        No frame may stay in a variable: a frame that holds itself would keep the program's locals alive.
        """
        depth = 0
        self.importing = False
        frame = _current_frames().get(self._main_thread)
        while frame is not None and not _is_script(frame):
            self.importing = self.importing or frame.f_globals.get("__name__") in _IMPORTING
            depth += 1
            frame = frame.f_back
        if frame is None or self.importing:
            return
        self._begin_marking()
        frame = _current_frames().get(self._main_thread)
        while frame is not None and depth > 0:
            caller = frame.f_back
            if _LOCALS_OUTLIVE_F_TRACE and (frame.f_globals.get("__name__"), frame.f_code.co_name) == _RUNNER:
                self._mark_given_to(frame)
            entered = caller is not None and _is_library(caller) and not _is_library(frame)
            if (depth == 1 and not _is_ours(frame.f_globals.get("__name__"))) or (entered and depth <= _DEPTH):
                self._mark_one(frame, outermost=depth == 1)
            depth -= 1
            frame = caller
        frame = caller = None

    def mark_from_afar(self) -> None:
        """Mark the function that the script called, from another thread, which may lose the GIL at any bytecode.

        Also the outermost of the program's that a library has called: asyncio.run() is no function of the program's.
        If a frame ended while that thread held it, its locals would die late, and in the wrong thread. So each step
        is a single call into C that hands out names only; a mark that met another stack than was read is void.
        """
        now = self._recorder.active()
        if self._marks >= _OFTEN and now - self._last_mark < _APART * now:
            return
        paths = self._paths()
        if paths is None:
            return
        self._last_mark = now
        self._begin_marking()
        for path in dict.fromkeys(paths[:2]):
            self._mark_afar(path, paths)
        if paths[2] is not None:
            self._mark_given(paths[2])

    def _mark_afar(self, path: str, paths: tuple[str, str, str | None]) -> None:
        present = self._far(path + "f_trace")
        if type(present) is _Sentinel:
            present.seen += 1
        elif present is None and (name := self._far(path + "f_code.co_name")) and name not in _COMPREHENSIONS:
            library = _is_library_file(self._far(path + "f_code.co_filename"))
            sentinel = _Sentinel(
                self, _told(name, self._module(path), library), path == paths[0], self._recorder.active()
            )
            _drain(_map(setattr, self._frames(path), ("f_trace",), (sentinel,)), 0)
            if self._paths() != paths or self._far(path + "f_trace") is not sentinel:
                sentinel.name = ""

    def _mark_given_to(self, runner: FrameType) -> None:
        """Mark the coroutine that an event loop was given: between its steps it is on no stack."""
        coroutine = _given(runner.f_locals)
        self.mark_coroutines([coroutine])
        frame = coroutine.cr_frame if type(coroutine) is Coroutine else None
        if frame is not None and type(frame.f_trace) is _Sentinel:
            frame.f_trace.given = True

    def _mark_given(self, path: str) -> None:
        """The same from afar."""
        try:
            told = _attrgetter("f_code.co_name", "f_code.co_filename", "f_trace")
            name, file, present = _drain(_map(told, self._given_frames(path)), 1).pop()
            if present is None and not _is_library_file(file):
                present = _Sentinel(self, name, False, self._recorder.active())
                _drain(_map(setattr, self._given_frames(path), ("f_trace",), (present,)), 0)
            if type(present) is _Sentinel:
                present.given = True
        except (AttributeError, IndexError):
            return  # it has ended meanwhile

    def _given_frames(self, path: str) -> Iterator[Any]:
        return _map(_attrgetter("cr_frame"), _map(_given, _map(_attrgetter("f_locals"), self._frames(path))))

    def _paths(self) -> tuple[str, str, str | None] | None:
        """``f_back.f_back.``: from the innermost frame to the function that the script called; None while importing.

        And to the outermost of the program's functions that a library has called, else the same again; and to the one
        that runs an event loop.
        """
        path, entered, own, runner = "", None, False, None
        for _ in range(_DEPTH):
            module = self._module(path)
            self.importing = module in _IMPORTING
            if self.importing or module is None or _is_ours(module):
                return None
            library = _is_library_file(self._far(path + "f_code.co_filename"))
            if library and own:
                entered = path.removesuffix("f_back.")
            own = not library
            if _LOCALS_OUTLIVE_F_TRACE and (module, self._far(path + "f_code.co_name")) == _RUNNER:
                runner = runner or path
            if self._far(path + "f_back.f_code.co_name") == "<module>" and self._module(path + "f_back.") == "__main__":
                return path, path if entered is None else entered, runner
            path += "f_back."
        return None

    def _module(self, path: str) -> Any:
        try:
            names = _drain(_map(_name_in, _map(_attrgetter(path + "f_globals"), self._innermost())), 1)
        except AttributeError:
            return None
        return names.pop() if names else None

    def _far(self, path: str) -> Any:
        """An attribute of one of the main thread's frames; None where there is no such frame."""
        try:
            found = _drain(_map(_attrgetter(path), self._innermost()), 1)
        except AttributeError:
            return None
        return found.pop() if found else None

    def _frames(self, path: str) -> Iterator[Any]:
        return _map(_attrgetter(path.removesuffix(".")), self._innermost()) if path else self._innermost()

    def _innermost(self) -> Iterator[Any]:
        """The main thread's innermost frame, taken only when it is asked for."""
        return _map(_methodcaller("get", self._main_thread), _islice(iter(_current_frames, None), 1))

    def mark_coroutines(self, objects: list[object]) -> None:
        """Mark the program's coroutines among all tracked ``objects``: between their steps they are on no stack."""
        kinds = _map(type, objects)
        suspended = _compress(objects, _map(_is, kinds, _repeat(Coroutine)))
        for coroutine in _islice(suspended, _MOST_COROUTINES):
            frame = coroutine.cr_frame  # type: ignore[attr-defined]
            if frame is not None and not _is_library(frame):
                self._mark_one(frame, outermost=False)

    def _mark_one(self, frame: FrameType, outermost: bool) -> None:
        present = frame.f_trace
        if present is None and frame.f_code.co_name not in _COMPREHENSIONS:
            name = _told(frame.f_code.co_name, frame.f_globals.get("__name__"), _is_library(frame))
            born = self._first_mark if self._marks == 1 else self._recorder.active()
            frame.f_trace = _Sentinel(self, name, outermost, born)
        elif type(present) is _Sentinel:
            present.seen += 1

    def listen(self) -> None:
        """Mark the first function that the script calls as it begins, for the program may be over before any sample.

        For a short while only: a profile function is called at every call.
        """
        self._until = _process_time() + _LISTENING
        _setprofile(self._on_call)

    def _beginning(self, frame: FrameType, event: str, _argument: Any) -> None:
        try:
            heard = event == "call" and _is_called_by_script(frame)
            if heard:
                self._begin_marking()
                self._mark_one(frame, outermost=True)
            if heard or _process_time() > self._until:
                self._listen(None if _LOCALS_OUTLIVE_F_TRACE else self._on_return)
        except Exception as error:  # it would be raised in the program
            self._listen(None)
            self._recorder.fault("listening", error)

    def _begin_marking(self) -> None:
        if not self._marks:
            self._first_mark, self.first_worked = self._recorder.active(), self._recorder.worked()
        self._marks += 1

    def _listen(self, function: Callable[[FrameType, str, Any], object] | None) -> None:
        if self._recorder.in_main_thread():
            _setprofile(function)

    def _returning(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "return":
            sentinel = frame.f_trace
            if type(sentinel) is _Sentinel:
                self.ended(sentinel)
                sentinel.name = ""

    def failed(self, error: Exception) -> None:
        self._recorder.fault("an end", error)

    def ended(self, sentinel: _Sentinel) -> None:
        now = self._recorder.active()
        # Between its steps a coroutine is on no stack: it may have been met but once.
        known = sentinel.seen > 1 or self._marks < _YOUNG or not sentinel.outermost
        share = _LASTING_OUTERMOST if sentinel.outermost else _LASTING
        lasted = known and now - sentinel.born >= share * (now - self._first_mark)
        if sentinel.name and lasted and self._recorder.mine() and self._recorder.collecting != _get_ident():
            self.loop_over = sentinel.given
            self._tell(sentinel.name, sentinel.outermost, _has_caller())


def kept_frame(objects: list[object]) -> FrameType | None:
    """The last marked function that the script called, if its frame is among ``objects``: it outlived its end.

    A stored exception's traceback refers to its frames, and these to their callers: the whole run's locals then
    survive the end of ``main()``, as a cycle, and nobody hears of that end. They were in use until it came.
    """
    found = None
    for item in objects:
        if type(item) is _Frame:
            sentinel = item.f_trace
            if type(sentinel) is _Sentinel and sentinel.outermost and (found is None or sentinel.born > found[0]):
                found = (sentinel.born, item)
    return found[1] if found is not None else None


def _has_caller() -> bool:
    """Whether a Python frame is behind the end that is just heard; SystemExit is dealt with in C, when all are gone.

    The locals have died before, then: what counts is the last sample.
    """
    try:
        return _getframe(3) is not None
    except ValueError:
        return False


def _told(name: str, module: object, library: bool) -> str:
    """What a function is called; one of a library's with its module, since its end is not that of the program's own."""
    return f"{module}.{name}" if library and type(module) is str else name


def _is_ours(module: object) -> bool:
    return type(module) is str and module.startswith(_OWN)


def _is_library(frame: FrameType) -> bool:
    """Whether the frame runs code of the standard library, an installed package, or ours: not the program's own."""
    return _is_library_file(frame.f_code.co_filename)


def _is_library_file(file: str | None) -> bool:
    return file is not None and (file.startswith(_LIBRARY) or "-packages" in file)


def _is_called_by_script(frame: FrameType) -> bool:
    """A function, that is: not the body of a class, nor an import."""
    caller = frame.f_back
    is_function = frame.f_code.co_flags & _CO_OPTIMIZED and frame.f_code.co_name not in _COMPREHENSIONS
    if caller is None or not is_function or not _is_script(caller):
        return False
    return frame.f_globals.get("__name__") not in _IMPORTING


def at_work() -> bool:
    """Whether the calling thread, which must be the main one, is in the script and not importing."""
    frame: FrameType | None = _getframe(1)
    while frame is not None and not _is_script(frame):
        if frame.f_globals.get("__name__") in _IMPORTING:
            return False
        frame = frame.f_back
    return frame is not None


def _is_script(frame: FrameType) -> bool:
    return frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__"
