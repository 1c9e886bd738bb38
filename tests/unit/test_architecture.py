"""The house rules that a machine can check: which way imports point, who may import what, how large things may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "memdiag"
MODULES = sorted(PACKAGE.rglob("*.py"))

# An import may point to a layer further down only. Several names in one line are siblings, who do not know each other.
LAYERS = [
    ["__main__"],
    ["commands", "pytest_plugin"],
    ["launch", "report", "gate"],
    ["analysis"],
    ["capture"],
    ["model"],
    ["settings"],
    ["units", "errors", "env"],
]
HEIGHT = {name: len(LAYERS) - at for at, layer in enumerate(LAYERS) for name in layer}
# Of commands; the others are verbs.
HELPERS = {"app", "configuration", "ending", "gating", "options", "output", "recording", "sides", "targets", "tuning"}

# What may be imported into the target. Names that are loaded in every interpreter anyway, or extension modules of C.
PROBE_STDLIB = {
    *(
        "__future__",
        "_collections",
        "_functools",
        "_json",
        "_operator",
        "_queue",
        "_signal",
        "_struct",
        "_thread",
        "_tracemalloc",
    ),
    *("_io", "_weakref", "atexit", "builtins", "fcntl", "gc", "itertools", "os", "sys", "time", "zlib"),
    *("_frozen_importlib", "_frozen_importlib_external"),
}
PROBE_CALLERS = {("rounds.py", name) for name in ("asyncio", "importlib", "inspect")}  # of the user's functions
PROBE_READERS = {("wire.py", "json"), ("wire.py", "numpy"), ("wire.py", "zlib")}  # inside functions for readers only

SOLE_IMPORTERS = {
    "memray": {"capture/memray_extract.py", "probe/memray_tracer.py"},
    "objgraph": {"report/picture.py"},
    "rich": {"report/page.py", "commands/output.py"},
}
PRIVATE_TO = {"psutil": "launch", "typer": "commands", "scipy": "analysis"}


def _ids(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _imports(tree: ast.AST, *, package: str = "memdiag") -> Iterator[tuple[str, ast.stmt]]:
    """Every dotted name that is imported anywhere, absolute, and its statement; not what only type checkers see."""
    for node in _running(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            yield base, node
            for alias in node.names:
                yield f"{base}.{alias.name}", node


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _running(node)


def _package_of(path: Path) -> str:
    return ".".join(["memdiag", *path.relative_to(PACKAGE).parent.parts])


def _part(path: Path) -> str:
    """The layer's name that a file belongs to: ``capture``, ``gate``, ``__main__``, ..."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def _own_imports(path: Path) -> set[str]:
    names = {name for name, _ in _imports(_tree(path), package=_package_of(path))}
    return {name for name in names if name.split(".")[0] == "memdiag"}


def test_there_are_modules_to_check() -> None:
    assert len(MODULES) > 30


def test_every_part_has_its_place() -> None:
    parts = {_part(path) for path in MODULES} - {"__init__", "probe"}
    assert parts <= set(HEIGHT)


@pytest.mark.parametrize("path", [p for p in MODULES if _part(p) in HEIGHT], ids=_ids)
def test_imports_point_down(path: Path) -> None:
    here = _part(path)
    for name in _own_imports(path):
        there = name.split(".")[1] if "." in name else ""
        if there in (here, "", "__version__"):
            continue
        if there == "probe" and here == "pytest_plugin":
            continue  # it runs in the target, as the probe does
        if there == "probe":
            assert here in ("capture", "launch"), f"{name}: only what reads records may know the probe"
            assert name.split(".")[2:3] in ([], ["wire"]), f"{name}: of the probe, only wire may be known"
            continue
        assert HEIGHT[there] < HEIGHT[here], f"{here} must not import {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "commands").glob("*.py")), ids=_ids)
def test_verbs_do_not_know_each_other(path: Path) -> None:
    if path.stem == "app":
        return
    known = {name.split(".")[2] for name in _own_imports(path) if name.startswith("memdiag.commands.")}
    modules = {known_name for known_name in known if (PACKAGE / "commands" / f"{known_name}.py").exists()}
    assert modules <= HELPERS


@pytest.mark.parametrize("path", sorted((PACKAGE / "probe").rglob("*.py")), ids=_ids)
def test_the_probe_imports_the_standard_library_and_itself(path: Path) -> None:
    for node in _running(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1, "the probe is loaded alone: there is nothing above it"
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                _check_probe_import(path, name.split(".")[0], node)


@pytest.mark.parametrize("path", sorted((PACKAGE / "pytest_plugin").glob("*.py")), ids=_ids)
def test_the_pytest_plugin_imports_no_numbers_into_the_tested_process(path: Path) -> None:
    if path.stem == "judge":  # a process of its own
        return
    heavy = {"memdiag.model", "memdiag.report", "memdiag.capture", "memdiag.launch", "memdiag.gate"}
    heavy |= {"numpy", "scipy", "rich", "psutil", "memray", "objgraph"}
    assert not {name for name in _own_imports(path) | _tops(path) if ".".join(name.split(".")[:2]) in heavy}
    assert not any(name.startswith("memdiag.pytest_plugin.judge.") for name in _own_imports(path))


def _check_probe_import(path: Path, top: str, node: ast.stmt) -> None:
    if (path.name, top) in PROBE_READERS | PROBE_CALLERS and node.col_offset > 0:
        return
    if path.name == "memray_tracer.py" and top == "memray" and node.col_offset > 0:
        return
    if path.name == "sitecustomize.py" and top == "sitecustomize":
        return
    if path.name == "native.py" and top == "_ctypes" and node.col_offset > 0:
        return
    assert top in PROBE_STDLIB, f"{path.name} imports {top} into the target"


def test_the_probe_is_loaded_in_an_order_that_its_imports_allow() -> None:
    """Each module of the probe imports only those that ``sitecustomize`` has loaded before it, and none is left out."""
    site = PACKAGE / "probe" / "site" / "sitecustomize.py"
    assigned = [node.value for node in _tree(site).body if isinstance(node, (ast.Assign, ast.AugAssign))]
    constants = [node.value for value in assigned for node in ast.walk(value) if isinstance(node, ast.Constant)]
    words = [constant for constant in constants if isinstance(constant, str)]
    order = [word for word in words if (PACKAGE / "probe" / f"{word}.py").exists()]
    assert set(order) == {path.stem for path in (PACKAGE / "probe").glob("*.py")} - {"__init__"}
    for at, name in enumerate(order):
        path = PACKAGE / "probe" / f"{name}.py"
        wanted = {found.split(".")[2] for found in _own_imports(path) if found.count(".") >= 2}
        assert wanted & set(order) <= set(order[:at]), f"{name} is loaded too early"


@pytest.mark.parametrize("library", sorted(SOLE_IMPORTERS))
def test_each_library_has_its_own_importers(library: str) -> None:
    assert {_ids(path) for path in MODULES if library in _tops(path)} <= SOLE_IMPORTERS[library]


@pytest.mark.parametrize("library", sorted(PRIVATE_TO))
def test_libraries_that_one_part_needs(library: str) -> None:
    assert {_part(path) for path in MODULES if library in _tops(path)} <= {PRIVATE_TO[library]}


def _tops(path: Path) -> set[str]:
    tree = _tree(path)
    return {name.split(".")[0] for name, _ in _imports(tree, package=_package_of(path))}


def test_pickle_and_evaluation_are_not_used() -> None:
    """A capture is data. The one pickle that is read (tracemalloc's) has an unpickler of its own that admits little."""
    for path in MODULES:
        found = _tops(path) & {"pickle", "_pickle", "marshal", "shelve", "cloudpickle", "dill"}
        assert not found or _ids(path) == "capture/tracemalloc_dump.py", path
        calls = {node.func.id for node in _calls(path) if isinstance(node.func, ast.Name)}
        assert not calls & {"eval", "exec", "__import__"}, path
        attributes = {ast.unparse(node.func) for node in _calls(path)}
        assert not attributes & {"pickle.load", "pickle.loads", "marshal.loads", "numpy.load", "np.load"}, path


def _calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", MODULES, ids=_ids)
def test_a_module_is_short_and_says_what_it_is(path: Path) -> None:
    tree = _tree(path)
    assert ast.get_docstring(tree), "a module begins with what it is"
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


def _loaded_after(*arguments: str) -> set[str]:
    """The modules that an interpreter has loaded after it did this."""
    code = f"""
import sys
sys.path[0] = {str(ROOT)!r}
sys.argv[1:] = {list(arguments)!r}
try:
    if sys.argv[1:]:
        from memdiag.__main__ import main
        main()
    import memdiag
except SystemExit as ended:
    assert not ended.code, ended.code
finally:
    print("\\n" + " ".join(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_memdiag_costs_nothing() -> None:
    assert not _loaded_after() & {"numpy", "scipy", "typer", "click", "rich", "psutil", "memray", "objgraph"}


def test_pytest_loads_next_to_nothing_of_memdiag_unless_asked() -> None:
    code = """
import sys, pytest
before = set(sys.modules)
import memdiag.pytest_plugin.plugin
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["memdiag", "memdiag.pytest_plugin", "memdiag.pytest_plugin.plugin"]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_needs_no_numbers(argument: str) -> None:
    assert not _loaded_after(argument) & {"numpy", "scipy", "memray", "objgraph"}


@pytest.mark.parametrize("verb", ["run", "cycles", "diff", "check", "report", "baseline", "captures"])
def test_a_verbs_help_needs_no_numbers(verb: str) -> None:
    assert not _loaded_after(verb, "--help") & {"numpy", "scipy", "memray", "objgraph"}
