"""What is in use by itself: the modules, and the variables of the functions that run, in every thread."""

from __future__ import annotations

import _signal
import atexit as _atexit
import builtins as _builtins
import sys as _sys
from _frozen_importlib_external import SourceFileLoader as _Loader
from _signal import getsignal as _getsignal
from sys import _current_frames

from .kinds import instance_namespace

_OWN = __name__.rpartition(".")[0]
_modules = _sys.modules
_Function = type(lambda: None)
_registered = getattr(_atexit, "_ncallbacks", int)
_SIGNALS = {name: int(value) for name, value in vars(_signal).items() if name[:3] == "SIG" and name[3:].isalnum()}
_DEEPEST = 200  # frames of one thread; of a deeper one the outermost are left out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


def modules() -> list[list[Any]]:
    """Name, id and file of every module that is loaded."""
    found = []
    for name, module in _modules.copy().items():
        if type(name) is str and module is not None:
            namespace = instance_namespace(module) or {}
            found.append([name, id(module), _file(namespace)])
    return found


def _file(namespace: dict[str, Any]) -> str:
    """A script's module loses its ``__file__`` when the script has ended; its loader still knows the path."""
    file = namespace.get("__file__")
    loader = namespace.get("__loader__")
    if file is None and type(loader) is _Loader:
        file = loader.path
    return file if type(file) is str else ""


def registries() -> dict[str, Any]:
    """What C keeps for the program: how many functions ``atexit`` is to call, and the ids of signals' handlers."""
    handlers = [[name, _getsignal(number)] for name, number in _SIGNALS.items()]
    handlers = [[name, id(handler)] for name, handler in handlers if handler is not None and type(handler) is not int]
    return {"exit_callbacks": _registered(), "signals": handlers}


def ended(frame: FrameType) -> dict[str, Any]:
    """A function that has ended, and whose frame and variables something keeps."""
    module = frame.f_globals.get("__name__")
    return _frame(frame, "main", module)


def frames(main_thread: int) -> list[dict[str, Any]]:
    """The running functions of all threads, innermost first, with the ids of what their variables hold.

    To be called in an image or while the program stands still: it makes a dictionary of each frame's variables.
    """
    found = []
    threads = sorted(_current_frames().items(), key=lambda pair: pair[0] != main_thread)
    for number, (thread, innermost) in enumerate(threads):
        frame: FrameType | None = innermost
        depth = 0
        while frame is not None and depth < _DEEPEST:
            module = frame.f_globals.get("__name__")
            if not (type(module) is str and module.startswith(_OWN)):
                found.append(_frame(frame, "main" if thread == main_thread else str(number), module))
            depth += 1
            frame = frame.f_back
    return found


def _frame(frame: FrameType, thread: str, module: object) -> dict[str, Any]:
    code = frame.f_code
    variables = {} if frame.f_globals is frame.f_locals else dict(frame.f_locals)
    return {
        "thread": thread,
        "function": getattr(code, "co_qualname", code.co_name),
        "module": module if type(module) is str else "",
        "file": code.co_filename,
        "line": frame.f_lineno or 0,
        "locals": [[name, id(value)] for name, value in variables.items() if type(name) is str],
    }


def own(modules_of_ours: list[Any]) -> list[int]:
    """Ids of the probe's own modules, namespaces, classes and functions: none of it is the program's."""
    found = []
    for module in modules_of_ours:
        namespace = vars(module)
        builtins = namespace.get("__builtins__")
        found += [id(module), id(namespace)]
        if type(builtins) is dict and builtins is not vars(_builtins):
            found.append(id(builtins))
        for value in namespace.values():
            if isinstance(value, (type, _Function)) and value.__module__.startswith(_OWN):
                found.append(id(value))
    return found
