"""Which lines of a source open something that nothing there is sure to close: told by reading, nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import cast

from memdiag.analysis.scopes import Module, Scope, last_name, parse
from memdiag.model import Fate, Opening

_FILE, _SOCKET, _PIPE, _THREAD, _PROCESS, _TEMPORARY, _CONNECTION, _MAP = (
    *("file", "socket", "pipe", "thread", "process", "temporary", "connection", "map"),
)
NATIVE = "native"  # memory of the C library's, by ctypes or cffi
# What a call of this name opens. Bare names count where they cannot well be something else.
_CALLS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("open", "fdopen", "ZipFile", "TarFile", "GzipFile", "FileIO", "scandir"), (_FILE,)),
    **dict.fromkeys(("FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler"), (_FILE,)),
    **dict.fromkeys(("NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "mkstemp"), (_FILE, _TEMPORARY)),
    **dict.fromkeys(("TemporaryDirectory", "mkdtemp"), (_TEMPORARY,)),
    **dict.fromkeys(("create_connection", "create_server", "socketpair", "urlopen"), (_SOCKET,)),
    **dict.fromkeys(("HTTPConnection", "HTTPSConnection", "SMTP", "FTP", "open_connection"), (_SOCKET,)),
    "ClientSession": (_SOCKET,),
    "create_engine": (_CONNECTION, _FILE, _SOCKET),
    **dict.fromkeys(("Popen", "create_subprocess_exec", "create_subprocess_shell"), (_PIPE, _PROCESS)),
    **dict.fromkeys(("pipe", "popen", "Pipe"), (_PIPE,)),
    **dict.fromkeys(("Thread", "Timer", "ThreadPoolExecutor"), (_THREAD,)),
    **dict.fromkeys(("Process", "ProcessPoolExecutor", "Pool", "fork"), (_PROCESS, _PIPE)),
    **dict.fromkeys(("new_event_loop", "DefaultSelector", "epoll", "eventfd"), ("eventpoll", _SOCKET)),
    **dict.fromkeys(("malloc", "calloc", "realloc", "strdup"), (NATIVE,)),
    "mmap": (_MAP,),
}
_QUALIFIED = {
    ("socket", "socket"): (_SOCKET,),
    ("sqlite3", "connect"): (_CONNECTION, _FILE),
    **dict.fromkeys((("requests", "Session"), ("httpx", "Client"), ("httpx", "AsyncClient")), (_SOCKET,)),
}
_CLOSING = {"close", "aclose", "join", "shutdown", "cleanup", "unlink", "detach", "release"}
_CLOSING_PIPES = {"communicate", "close", "aclose", "join", "shutdown"}  # that wait() leaves open
_CLOSING_PROCESSES = {"wait", "communicate", "poll", "join", "shutdown", "terminate"}
_CLOSING_CALLS = {
    "free",
    "close",
    "closing",
    "aclosing",
    "rmtree",
    "enter_context",
    "push",
    "callback",
    "finalize",
    "unlink",
}
_PAIRS = {"pipe", "socketpair", "Pipe"}
_WORST: tuple[Fate | None, ...] = ("never", "kept", "closed", None)
_STORING = {"append", "appendleft", "add", "insert", "put", "put_nowait", "setdefault"}


def openings(text: str, file: str) -> tuple[Opening, ...]:
    """In order of lines; those that a ``with`` or a ``finally`` is sure to close are left out."""
    module = parse(text, file)
    if module is None:
        return ()
    try:
        found = [one for scope in module.scopes for one in _of_scope(module, scope)]
    except RecursionError:  # expressions nested more deeply than Python's own tools can follow
        return ()
    return tuple(sorted(found, key=lambda one: one.line))


def _of_scope(module: Module, scope: Scope) -> Iterator[Opening]:
    for node in scope.nodes:
        if isinstance(node, ast.Call) and (kinds := _opens(node)):
            fate, closed = _fate(module, scope, node, kinds)
            if fate is not None:
                name = scope.name or "<module>"
                yield Opening(module.file, node.lineno, name, module.text(node.lineno), kinds, fate, closed)


def _opens(call: ast.Call) -> tuple[str, ...]:
    name = last_name(call.func)
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        qualified = _QUALIFIED.get((call.func.value.id, name))
        if qualified is not None:
            return qualified
    if name == "Popen" and not any(word.arg in ("stdin", "stdout", "stderr") for word in call.keywords):
        return (_PROCESS,)
    return _CALLS.get(name, ())


def _closers(kinds: tuple[str, ...]) -> set[str]:
    if _PIPE in kinds:
        return _CLOSING_PIPES
    return _CLOSING_PROCESSES if _PROCESS in kinds else _CLOSING


def _fate(module: Module, scope: Scope, call: ast.Call, kinds: tuple[str, ...]) -> tuple[Fate | None, int]:
    """What becomes of what the call opens, and the line that closes it, if any; ``None`` where it is closed surely."""
    closers = _closers(kinds)
    node: ast.AST = call
    if isinstance(module.parents.get(call), ast.Attribute):
        return "never", 0  # ``open(path).read()``
    for above in module.above(call):
        if isinstance(above, ast.withitem) or _hands_over(above, node):
            return None, 0
        if isinstance(above, ast.Return | ast.Yield):
            return "kept", 0
        if isinstance(above, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            return _of_target(module, scope, call, above, closers)
        if isinstance(above, ast.stmt):
            break
        node = above
    keeps = isinstance(above_call := module.parents.get(call), ast.Call) and above_call.func is not call
    return ("kept" if keeps else "never"), 0


def _hands_over(above: ast.AST, node: ast.AST) -> bool:
    """``stack.enter_context(open(...))``, ``closing(open(...))``."""
    return isinstance(above, ast.Call) and node is not above.func and last_name(above.func) in _CLOSING_CALLS


def _of_target(
    module: Module,
    scope: Scope,
    call: ast.Call,
    bound: ast.Assign | ast.AnnAssign | ast.NamedExpr,
    closers: set[str],
) -> tuple[Fate | None, int]:
    """Of what the assignment binds; of several the worst."""
    targets = bound.targets if isinstance(bound, ast.Assign) else [bound.target]
    parts = _parts_to_close(targets[0], last_name(call.func))
    return min((_of_part(module, scope, one, closers) for one in parts), key=lambda told: _WORST.index(told[0]))


def _parts_to_close(target: ast.expr, opener: str) -> Sequence[ast.expr]:
    """``r, w = pipe()``: both; ``_, writer = open_connection()``: the last; ``fd, path = mkstemp()``: the first."""
    if not isinstance(target, ast.Tuple) or not target.elts:
        return [target]
    if opener in _PAIRS:
        return target.elts
    return target.elts[-1:] if opener == "open_connection" else target.elts[:1]


def _of_part(module: Module, scope: Scope, target: ast.expr, closers: set[str]) -> tuple[Fate | None, int]:
    if isinstance(target, ast.Attribute):
        closing = [one for other in module.scopes for one in _closing(other, target.attr, closers, attribute=True)]
        return ("closed", closing[0].lineno) if closing else ("kept", 0)
    if not isinstance(target, ast.Name):
        return "kept", 0
    closing = list(_closing(scope, target.id, closers, attribute=False))
    if any(_is_sure(module, one) for one in closing) or _is_entered(scope, target.id):
        return None, 0
    if closing and not _is_stored(scope, target.id):
        return "closed", closing[0].lineno
    return ("kept" if _goes_on(scope, target.id) else "never"), 0


def _closing(scope: Scope, name: str, closers: set[str], *, attribute: bool) -> Iterator[ast.Call]:
    """Calls in the scope that close what the variable, or the attribute, refers to."""
    for node in scope.nodes:
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        method = isinstance(function, ast.Attribute) and function.attr in closers
        if method and _leads(cast("ast.Attribute", function).value, name, attribute):
            yield node
            continue
        if last_name(function) in _CLOSING_CALLS and any(_leads(one, name, attribute) for one in node.args):
            yield node


def _leads(node: ast.AST, name: str, attribute: bool) -> bool:
    """``x``, ``x.stdout``; of an attribute ``self.x``."""
    while isinstance(node, ast.Attribute):
        if attribute and node.attr == name:
            return True
        node = node.value
    return not attribute and isinstance(node, ast.Name) and node.id == name


def _is_sure(module: Module, node: ast.AST) -> bool:
    """Whether it runs however the block is left: in a ``finally``, or as something that a stack will call."""
    inner = node
    for above in module.above(node):
        if isinstance(above, ast.Try) and any(one is inner for one in above.finalbody):
            return True
        inner = above
    return isinstance(node, ast.Call) and last_name(node.func) in _CLOSING_CALLS - {"free", "close", "unlink", "rmtree"}


def _is_entered(scope: Scope, name: str) -> bool:
    """``with x:``"""
    items = [item for node in scope.nodes if isinstance(node, ast.With | ast.AsyncWith) for item in node.items]
    return any(isinstance(item.context_expr, ast.Name) and item.context_expr.id == name for item in items)


def _goes_on(scope: Scope, name: str) -> bool:
    """Whether the variable's object is returned, stored, or passed on."""
    for node in scope.nodes:
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Return | ast.Yield):
            parts = [node.value]
        elif isinstance(node, ast.Call):
            parts = [*node.args, *(word.value for word in node.keywords)]
        elif isinstance(node, ast.Assign):
            parts = [node.value]
        if any(isinstance(part, ast.Name) and part.id == name for whole in parts if whole for part in _plain(whole)):
            return True
    return False


def _is_stored(scope: Scope, name: str) -> bool:
    """``self.open.append(x)``, ``self.open[key] = x``: somebody else is to close it."""
    for node in scope.nodes:
        if isinstance(node, ast.Call) and last_name(node.func) in _STORING:
            stored = list(node.args)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            stored = [node.value]
        else:
            continue
        if any(isinstance(part, ast.Name) and part.id == name for whole in stored for part in _plain(whole)):
            return True
    return False


def _plain(node: ast.AST) -> Iterator[ast.AST]:
    """The node, and the items of a tuple or list that it is."""
    yield node
    if isinstance(node, ast.Tuple | ast.List):
        yield from node.elts
