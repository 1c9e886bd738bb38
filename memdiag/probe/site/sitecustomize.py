"""Found by the target's interpreter as it starts, because the parent put this directory on PYTHONPATH.

The interpreter then runs the program by itself: its ``__main__``, argv, tracebacks and exit are its own. This file
leaves no trace: the environment and ``sys.path`` are put back, and a ``sitecustomize`` of the user's runs as always.
"""

import builtins
import os
import sys

# Under these names both are always loaded; importlib.util would import a dozen modules more into the target.
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import SourceFileLoader, spec_from_file_location

_OPTIONS = "MEMDIAG_PROBE"
_PACKAGE = "_memdiag_probe"
_MODULES = (  # each needs only those before it
    *("wire", "files", "spool", "recorder", "interrupts", "kinds", "moments", "pauses", "tuning"),
    *("cadence", "walks", "graph", "names", "facts", "heap", "native", "portable", "allocations", "walk", "roots"),
    *("opened", "garbage", "traces", "sampler", "memray_tracer", "windows", "image", "stillness", "cycles", "counted"),
    *("labels", "rounds", "boot"),
)
_LIGHT = "tune"  # the command that needs no more than what comes until "tuning"


def _take_options() -> dict[str, str]:
    """The parent's options; the environment and ``sys.path`` are afterwards as they would have been."""
    here = os.path.dirname(os.path.abspath(__file__))
    if here in sys.path:
        sys.path.remove(here)
    sys.path_importer_cache.pop(here, None)
    text = os.environ.pop(_OPTIONS, "")
    options = dict(part.split("=", 1) for part in text.split("\x1f") if "=" in part)
    if options:
        os.environ.pop("PYTHONPATH", None)
        if "pythonpath" in options:
            os.environ["PYTHONPATH"] = options["pythonpath"]
    return options


def _load_probe(last: str) -> None:
    """Load the probe from its files, with builtins of its own, and out of sight of ``sys.modules``."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    own_builtins = dict(vars(builtins))
    package = type(sys)(_PACKAGE)
    package.__path__ = [root]
    sys.modules[_PACKAGE] = package
    for name in _MODULES:
        path = os.path.join(root, name + ".py")
        full = f"{_PACKAGE}.{name}"
        loader = SourceFileLoader(full, path)
        module = module_from_spec(spec_from_file_location(full, path, loader=loader))  # type: ignore[arg-type]
        module.__dict__["__builtins__"] = own_builtins
        sys.modules[full] = module
        loader.exec_module(module)
        setattr(package, name, module)
        if name == last:
            break


def _start_probe(options: dict[str, str]) -> None:
    present = "__future__" in sys.modules
    try:
        main = "tuning" if options.get("command") == _LIGHT else "boot"
        _load_probe(main)
        sys.modules[f"{_PACKAGE}.{main}"].start(options)
    except Exception:  # the program must run whatever happens here; the parent sees that no record came
        pass
    finally:
        for name in [_PACKAGE, *(f"{_PACKAGE}.{module}" for module in _MODULES)]:
            sys.modules.pop(name, None)
        if not present:
            sys.modules.pop("__future__", None)


_options = _take_options()
if _options:
    _start_probe(_options)
sys.modules.pop("sitecustomize", None)
for _function in ("_take_options", "_load_probe", "_start_probe"):  # with their module they would be cyclic garbage
    globals().pop(_function)
import sitecustomize  # noqa: E402, F401  # the user's own; without one, this ImportError is what site expects
