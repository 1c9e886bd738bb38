"""A picture of what holds the cycles: each cluster's back-references, drawn by objgraph in graphviz's language.

The objects went with the target, so stand-ins that bear the names of their types refer to one another as those did,
and objgraph crawls these. It names only references that go through a dictionary, which those of instances no longer do
since Python 3.11, and it calls nodes by their addresses. So the names of the references are added afterwards, and the
nodes numbered: the same cycles always give the same text.
"""

from __future__ import annotations

import gc
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from io import StringIO
from itertools import zip_longest
from pathlib import Path

from memdiag.errors import CannotDo, UsageError
from memdiag.model import CycleCluster
from memdiag.report.text import cut, literal
from memdiag.units import counted, format_bytes

SUFFIXES = (".dot", ".svg", ".png")
_STATES = ("reachable", "uncollectable", "waiting")  # in the order in which they are drawn
_CLUSTERS = 10  # drawn at most
_MEMBERS = 24  # of one cycle
_MOST_STEPS = 6  # from a holder to its cycle
_WIDTH = 60  # characters of a name
_PATIENCE_S = 60.0  # with graphviz

_STEP = re.compile(r"\[[^\[\]]*\]|\.\w+(?:\([^()]*\))?| \(functools cache\)| -> \w+")
_PATH = re.compile(rf"(.*?)((?:{_STEP.pattern})*)", re.DOTALL)
_STATEMENT = re.compile(r"  o(\d+)(?: -> o(\d+))?(.*);")

Named = tuple[tuple[str, ...], str]  # the lines that an object is called by, and the reference that leads on from it
_TO_CUT = ", color=red, fontcolor=red, style=bold"


def check_place(place: Path) -> None:
    """Raises UsageError before anything is run where no picture could be drawn afterwards."""
    if place.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot draw {place}: memdiag draws .dot, .svg and .png", "name a file such as cycles.svg")
    folder = os.path.dirname(os.path.abspath(place))
    writable = os.access(place if os.path.exists(place) else folder, os.W_OK)
    if os.path.isdir(place) or not os.path.isdir(folder) or not writable:
        raise UsageError(f"cannot write a picture to {place}", "name a file in a directory that exists and is writable")


def draw(clusters: Sequence[CycleCluster], place: Path) -> str:
    """Write the picture, as a rule to ``place``, and return a line that says what was written where.

    Clusters of the program's own are drawn, those in use first, at most ten. Without graphviz an image cannot be
    drawn; its description is written beside. Raises CannotDo where a file cannot be written.
    """
    own = [cluster for cluster in clusters if cluster.own]
    if not own:
        return "nothing to draw: no reference cycles of the program's own were found"
    chosen = sorted(own, key=lambda cluster: _STATES.index(cluster.state))[:_CLUSTERS]
    text = to_dot(chosen).encode()
    kind = place.suffix.lower().lstrip(".")
    try:
        _write(place, text if kind == "dot" else _image(text, kind))
    except _NoImage as error:
        beside = place.with_suffix(".dot")
        _write(beside, text)
        command = f"dot -T{kind} {shlex.quote(str(beside))} > {shlex.quote(str(place))}"
        return f"{error}: wrote {beside} instead; {command} draws it"
    return f"drawn: {place}" + (f" ({len(chosen)} of {len(own)} shapes)" if len(chosen) < len(own) else "")


class _NoImage(Exception):
    """Graphviz is not there, or did not do it."""


def _image(text: bytes, kind: str) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise _NoImage("graphviz's dot is not installed")
    try:
        done = subprocess.run([program, f"-T{kind}"], input=text, capture_output=True, timeout=_PATIENCE_S, check=True)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip() or f"exit status {error.returncode}"
        raise _NoImage(f"graphviz's dot failed ({cut(said, _WIDTH)})") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NoImage(f"graphviz's dot failed ({type(error).__name__})") from error
    return done.stdout


def _write(place: Path, content: bytes) -> None:
    try:
        place.write_bytes(content)
    except OSError as error:
        raise CannotDo(f"cannot write {place}: {error.strerror}", "name another file") from error


def to_dot(clusters: Sequence[CycleCluster]) -> str:
    """The picture in graphviz's language: each cycle, the chain that leads to it, and between them a note of how many.

    The dashed line from the note means any of the cycle's objects: which of them is held differs within a cluster.
    """
    gc.freeze()  # objgraph crawls the whole heap for each node; what is frozen is left out
    try:
        groups = [_stand_ins(cluster) for cluster in clusters]
        return _numbered(_crawl(groups), [node for group in groups for node in group])
    finally:
        gc.unfreeze()


def _crawl(groups: Sequence[Sequence[_StandIn]]) -> str:
    import objgraph  # late: few runs draw

    ids = {id(node) for group in groups for node in group}
    drawn = StringIO()
    objgraph.show_backrefs(
        [group[-1].following for group in groups],
        max_depth=max(map(len, groups), default=0),
        filter=lambda item: id(item) in ids,
        extra_node_attrs=lambda node: {"shape": "note" if node.is_note else "box"},
        output=drawn,
    )
    return drawn.getvalue()


class _StandIn:
    """Refers to the next object, as the one did for which it stands; its class bears that one's name."""

    __slots__ = ("edge", "following", "is_cut", "is_note")

    edge: str
    following: _StandIn
    is_note: bool
    is_cut: bool  # the reference that leads on is the one to cut

    def __repr__(self) -> str:
        """Nothing: objgraph would tell an address."""
        return ""


def _stand_in(lines: Sequence[str], edge: str = "", is_note: bool = False, is_cut: bool = False) -> _StandIn:
    name = "\n".join(map(_harmless, lines))
    made: _StandIn = type(name, (_StandIn,), {"__slots__": ()})()
    made.edge, made.is_note, made.is_cut = _harmless(edge), is_note, is_cut
    return made


def _harmless(text: str) -> str:
    """One line of bounded length; graphviz would read ``&lt;`` as a character even within quotes."""
    return cut(literal(text), _WIDTH).replace("&", "&amp;")


def _stand_ins(cluster: CycleCluster) -> list[_StandIn]:
    """What holds the cycle, a note, and the cycle, whose last object refers to its first."""
    to_cut = _to_cut(cluster)
    members = [_stand_in(lines, edge, is_cut=f"{lines[0]}{edge}" in to_cut) for lines, edge in _members(cluster)]
    count = f"{counted(cluster.count, 'cycle')}, {counted(cluster.objects, 'object')}"
    size = f"{format_bytes(cluster.size_bytes)}, {cluster.state}"
    nodes = [*(_stand_in(*named) for named in _holders(cluster)), _stand_in((count, size), is_note=True), *members]
    for node, following in zip(nodes, [*nodes[1:], members[0]], strict=True):
        node.following = following
    return nodes


def _to_cut(cluster: CycleCluster) -> set[str]:
    """The references to cut, as ``Class.attribute``."""
    return {name for cut in cluster.cuts if cut.recommended for name in cut.reference.split(" and ")}


def _members(cluster: CycleCluster) -> list[Named]:
    shape = cluster.shape or ("objects of unknown types",)
    members: list[Named] = [
        ((name,), edge) for name, edge in zip_longest(shape, cluster.edges[: len(shape)], fillvalue="")
    ]
    left_out = len(members) - _MEMBERS
    if left_out > 0:
        middle = _MEMBERS // 2
        members[middle : middle + left_out] = [((counted(left_out, "more object"),), "")]
    return members


def _holders(cluster: CycleCluster) -> list[Named]:
    """``__main__ .registry``, ``__main__.registry [*]``: each called by the path so far, the last one leads on."""
    if cluster.state == "waiting":
        return []
    if not cluster.holder and cluster.state == "reachable":
        return [(("something that no path was found to",), "")]
    root, steps = split_path(cluster.holder or "gc.garbage")
    skipped = max(len(steps) - _MOST_STEPS, 0)
    root, steps = root + "".join(steps[:skipped]), steps[skipped:] or [""]
    paths = [(root + "".join(steps[:count]),) for count in range(len(steps))]
    return [(lines, "" if step.startswith((" -> ", " (")) else step) for lines, step in zip(paths, steps, strict=True)]


def split_path(holder: str) -> tuple[str, list[str]]:
    """``app.main() local shop.orders[*]`` as ``app.main() local shop`` and [``.orders``, ``[*]``]."""
    match = _PATH.fullmatch(holder)
    root, rest = match.groups() if match is not None else (holder, "")
    return (root, [found.group() for found in _STEP.finditer(rest)]) if root else (holder, [])


def _numbered(drawn: str, nodes: Sequence[_StandIn]) -> str:
    """objgraph's text with the nodes called by their numbers, in this order, and with the names of the references."""
    numbers = {str(id(node)): number for number, node in enumerate(nodes)}
    first, *body, last = drawn.rstrip("\n").split("\n")
    statements = [_statement(line, numbers, nodes) for line in body]
    statements.sort(key=lambda statement: statement[0])
    return "\n".join([first, *(line for _, line in statements), last, ""])


def _statement(line: str, numbers: Mapping[str, int], nodes: Sequence[_StandIn]) -> tuple[tuple[int, ...], str]:
    """One line, and its place among the others: what is true of all, then the nodes, then the references."""
    match = _STATEMENT.fullmatch(line)
    if match is None:
        return (), line
    source, target, rest = match.groups()
    if target is None:
        return (1, numbers[source]), f"  o{numbers[source]}{rest};"
    return (2, numbers[source]), f"  o{numbers[source]} -> o{numbers[target]}{_edge(nodes[numbers[source]])};"


def _edge(source: _StandIn) -> str:
    if source.is_note:
        return " [style=dashed]"
    quoted = source.edge.replace("\\", "\\\\").replace('"', '\\"')
    if source.is_cut:
        return f' [label="{quoted}\\n(cut here)"{_TO_CUT}]'
    return f' [label="{quoted}"]' if quoted else ""
