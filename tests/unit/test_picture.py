"""The picture of what holds the cycles: what is drawn, in text that graphviz reads whatever the names are."""

from __future__ import annotations

import gc
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memdiag.errors import CannotDo, UsageError
from memdiag.model import Cut, CycleCluster
from memdiag.report.picture import check_place, draw, split_path, to_dot
from memdiag.report.text import literal

KEPT = CycleCluster(
    shape=("AgentContext", "AgentContext", "list"),
    edges=(".parent_context", ".subtasks", "[*]"),
    count=20,
    objects=282,
    size_bytes=24_100,
    state="reachable",
    holder="__main__.main() local registry.kept[*]",
)
WAITING = replace(KEPT, state="waiting", holder="")
ITSELF = CycleCluster(("Node",), (".me",), 1, 1, 48, "reachable", "shop.orders.last")

HOSTILE = [
    '"];',
    'a"]; evil [label="',
    "back\\",
    '\\"',
    "a\nb",
    "o1 -> o2;",
    "}",
    "&lt;b&gt;",
    "&#1;",
    "\0",
    "\udce9",
    "//",
]


@dataclass(frozen=True)
class Picture:
    """What graphviz would make of a text: labels and attributes of nodes, and ``(from, to, label, style)``."""

    labels: dict[str, str]
    attributes: dict[str, dict[str, str]]
    edges: list[tuple[str, str, str, str]]


TOKEN = re.compile(r'\s*(?:(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<word>[a-zA-Z_][a-zA-Z0-9_]*)|(?P<sign>->|[][{}=,;]))')


def tokens(text: str) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        assert match, f"not the language of graphviz: {text[at : at + 60]!r}"
        at = match.end()
        yield match["string"] or match["word"] or match["sign"]


def parse(text: str) -> Picture:
    """Read the part of graphviz's language that pictures are written in, and fail on anything else."""
    found = Picture({}, {}, [])
    *words, last = tokens(text)
    assert words[:3] == ["digraph", "ObjectGraph", "{"]
    assert last == "}"
    statement: list[str] = []
    for word in words[3:]:
        if word == ";":
            note(found, statement)
            statement = []
        else:
            statement.append(word)
    assert not statement
    return found


def note(found: Picture, statement: Sequence[str]) -> None:
    is_edge = statement[1:2] == ["->"]
    subject, rest = list(statement[: 3 if is_edge else 1]), list(statement[3 if is_edge else 1 :])
    assert all(word.isidentifier() for word in subject[::2])
    attributes = {}
    if rest:
        assert (rest[0], rest[-1]) == ("[", "]")
        inner = rest[1:-1]
        assert all(inner[at + 1] == "=" for at in range(0, len(inner), 4))
        assert set(inner[3::4]) <= {","}
        attributes = dict(zip(inner[::4], map(value, inner[2::4]), strict=True))
    if is_edge:
        found.edges.append((subject[0], subject[2], attributes.get("label", ""), attributes.get("style", "")))
    elif subject != ["node"]:
        found.attributes.setdefault(subject[0], {}).update(attributes)
        if "label" in attributes:
            found.labels[subject[0]] = attributes["label"].removesuffix("\n")


def value(word: str) -> str:
    """As graphviz shows it: escapes and character references undone."""
    text = word.removeprefix('"').removesuffix('"') if word.startswith('"') else word
    text = re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text)
    assert re.fullmatch(r"(?:[^&]|&amp;)*", text)
    return text.replace("&amp;", "&")


def test_a_cycle_its_count_and_its_holder() -> None:
    picture = parse(to_dot([KEPT]))
    assert picture.labels == {
        "o0": "__main__.main() local registry",
        "o1": "__main__.main() local registry.kept",
        "o2": "20 cycles, 282 objects\n24.1 kB, reachable",
        "o3": "AgentContext",
        "o4": "AgentContext",
        "o5": "list",
    }
    assert picture.edges == [
        ("o0", "o1", ".kept", ""),
        ("o1", "o2", "[*]", ""),
        ("o2", "o3", "", "dashed"),
        ("o3", "o4", ".parent_context", ""),
        ("o4", "o5", ".subtasks", ""),
        ("o5", "o3", "[*]", ""),
    ]
    assert {name: found["shape"] for name, found in picture.attributes.items() if found["shape"] != "box"} == {
        "o2": "note"
    }
    assert [name for name, found in picture.attributes.items() if found.get("fontcolor") == "red"] == ["o3"]


def test_an_object_that_refers_to_itself() -> None:
    assert parse(to_dot([ITSELF])).edges == [
        ("o0", "o1", ".orders", ""),
        ("o1", "o2", ".last", ""),
        ("o2", "o3", "", "dashed"),
        ("o3", "o3", ".me", ""),
    ]


@pytest.mark.parametrize(
    ("cluster", "before"),
    [
        (WAITING, []),
        (replace(ITSELF, holder=""), ["something that no path was found to"]),
        (replace(ITSELF, holder="", state="uncollectable"), ["gc"]),
        (replace(ITSELF, holder="module"), ["module"]),
        (replace(ITSELF, holder="m.f" + "[*]" * 9), [f"m.f{'[*]' * count}" for count in range(3, 9)]),
    ],
)
def test_what_leads_to_a_cycle(cluster: CycleCluster, before: list[str]) -> None:
    labels = list(parse(to_dot([cluster])).labels.values())
    assert labels[: len(before)] == before
    assert labels[len(before)].startswith(("20 cycles", "1 cycle"))


def test_a_reference_without_a_name_has_no_label() -> None:
    cluster = replace(ITSELF, shape=("A", "B"), edges=(".b",), holder="m.f -> list[*]")
    picture = parse(to_dot([cluster]))
    assert [label for _, _, label, _ in picture.edges] == [".f", "", "[*]", "", ".b", ""]


def test_a_long_cycle_is_cut_in_its_middle() -> None:
    picture = parse(to_dot([replace(WAITING, shape=("Link",) * 1000, edges=(".next",) * 1000)]))
    assert list(picture.labels.values())[1:] == ["Link"] * 12 + ["976 more objects"] + ["Link"] * 12
    assert picture.edges[-1][:2] == ("o25", "o1")


def test_a_long_name_is_cut() -> None:
    picture = parse(to_dot([replace(ITSELF, shape=("N" * 10_000,))]))
    assert picture.labels["o3"] == "N" * 57 + "..."


def test_a_cluster_of_nothing_known() -> None:
    cluster = CycleCluster((), (), 1, 1, 0, "waiting")
    assert list(parse(to_dot([cluster])).labels.values()) == [
        "1 cycle, 1 object\n0 B, waiting",
        "objects of unknown types",
    ]


def test_the_text_is_the_same_every_time() -> None:
    text = to_dot([KEPT, ITSELF, WAITING])
    here = [to_dot([KEPT, ITSELF, WAITING]) for _ in range(3)]
    program = (
        "from tests.unit.test_picture import *; import sys; sys.stdout.reconfigure(encoding='utf-8', newline='')\n"
        "print(to_dot([KEPT, ITSELF, WAITING]), end='')"
    )
    root = Path(__file__).resolve().parents[2]
    there = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, check=True).stdout.decode()
    assert {text, *here, there} == {text}


def test_the_collector_is_left_as_it_was() -> None:
    frozen = gc.get_freeze_count()
    to_dot([KEPT])
    assert gc.get_freeze_count() == frozen


names = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=12) | st.just("Node")
holders = st.one_of(names, st.lists(names, max_size=4).map(".".join), st.lists(names, max_size=3).map("[*], the ".join))
clusters = st.builds(
    CycleCluster,
    shape=st.lists(names, max_size=4).map(tuple),
    edges=st.lists(names, max_size=5).map(tuple),
    count=st.integers(0, 2**62),
    objects=st.integers(0, 2**62),
    size_bytes=st.integers(0, 2**62),
    state=st.sampled_from(["waiting", "reachable", "uncollectable"]),
    holder=holders,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(clusters, max_size=2))
def test_no_name_writes_anything_but_its_label(drawn: list[CycleCluster]) -> None:
    picture = parse(to_dot(drawn))
    nodes = list(picture.labels)
    assert nodes == [f"o{number}" for number in range(len(nodes))]
    assert list(picture.attributes) == nodes
    assert len(picture.edges) == len(nodes)  # each object refers to one
    following = dict(edge[:2] for edge in picture.edges)
    starts = [name for name, found in picture.attributes.items() if found.get("fontcolor") == "red"]
    assert len(starts) == len(drawn)
    for start, cluster in zip(starts, drawn, strict=True):
        cycle = [start]
        while following[cycle[-1]] != start:
            cycle.append(following[cycle[-1]])
        expected = [literal(name) for name in cluster.shape] or ["objects of unknown types"]
        assert [picture.labels[node] for node in cycle] == [
            name[:57] + "..." if len(name) > 60 else name for name in expected
        ]


@given(holders)
def test_splitting_a_path_loses_nothing(holder: str) -> None:
    root, steps = split_path(holder)
    assert root + "".join(steps) == holder


@pytest.mark.parametrize(
    ("holder", "expected"),
    [
        ("__main__.registry[*]", ("__main__", [".registry", "[*]"])),
        ("app.orders[*].lines", ("app", [".orders", "[*]", ".lines"])),
        ("gc.garbage", ("gc", [".garbage"])),
        ("m.main() local orchestrator.audit[*]", ("m.main() local orchestrator", [".audit", "[*]"])),
        ("m.make() closure variable ctx[*]", ("m.make() closure variable ctx", ["[*]"])),
        ("Manager held by native code.active[*]", ("Manager held by native code", [".active", "[*]"])),
        ("m.total (functools cache)", ("m", [".total", " (functools cache)"])),
        ("m.f -> deque[*]", ("m", [".f", " -> deque", "[*]"])),
        ("m.keys['a.b']", ("m", [".keys", "['a.b']"])),
        ("[*]", ("[*]", [])),
        ("", ("", [])),
    ],
)
def test_a_path_in_its_steps(holder: str, expected: tuple[str, list[str]]) -> None:
    assert split_path(holder) == expected


@pytest.mark.parametrize("name", ["cycles", "cycles.pdf", ".svg", "cycles.dot.txt"])
def test_only_what_can_be_drawn_is_accepted(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot draw"):
        check_place(tmp_path / name)


def test_the_place_must_be_one_to_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.dot").mkdir()
    (tmp_path / "file").write_text("")
    for place in ("nowhere/cycles.svg", "folder.dot", "file/cycles.png"):
        with pytest.raises(UsageError, match="cannot write"):
            check_place(tmp_path / place)
    monkeypatch.chdir(tmp_path)
    for place in ("cycles.dot", "cycles.SVG", "./cycles.png"):
        check_place(Path(place))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.dot"]


def test_the_program_s_own_clusters_are_drawn_those_in_use_first(tmp_path: Path) -> None:
    waiting = [replace(WAITING, shape=(f"Waiting{number}",)) for number in range(8)]
    reachable = [replace(ITSELF, shape=(f"Kept{number}",)) for number in range(4)]
    stuck = replace(ITSELF, shape=("Stuck",), state="uncollectable")
    library = replace(KEPT, shape=("library",), own=False)
    said = draw([library, *waiting, stuck, *reachable], tmp_path / "cycles.dot")
    assert said == f"drawn: {tmp_path / 'cycles.dot'} (10 of 13 shapes)"
    labels = parse((tmp_path / "cycles.dot").read_text(encoding="utf-8")).labels.values()
    shown = [label for label in labels if label.startswith(("Kept", "Stuck", "Waiting", "library"))]
    assert shown == ["Kept0", "Kept1", "Kept2", "Kept3", "Stuck", *(f"Waiting{number}" for number in range(5))]


def test_nothing_to_draw_is_said_and_no_file_is_made(tmp_path: Path) -> None:
    assert draw([replace(KEPT, own=False)], tmp_path / "cycles.dot").startswith("nothing to draw")
    assert list(tmp_path.iterdir()) == []


def test_without_graphviz_its_text_is_written_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert draw([KEPT], Path("cycles.svg")) == (
        "graphviz's dot is not installed: wrote cycles.dot instead; dot -Tsvg cycles.dot > cycles.svg draws it"
    )
    assert draw([KEPT], Path("my cycles.PNG")).endswith("dot -Tpng 'my cycles.dot' > 'my cycles.PNG' draws it")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cycles.dot", "my cycles.dot"]
    assert Path("cycles.dot").read_text(encoding="utf-8") == to_dot([KEPT])


def test_where_graphviz_fails_its_text_is_written_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\necho half a picture\necho no such format >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    said = draw([KEPT], Path("cycles.png"))
    assert said.startswith("graphviz's dot failed (no such format): wrote cycles.dot instead;")
    assert not Path("cycles.png").exists()
    broken.write_text("not a program")
    assert "(OSError)" in draw([KEPT], Path("cycles.png"))


def test_a_place_that_cannot_be_written_is_an_error_of_memdiag_s(tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match="cannot write"):
        draw([KEPT], tmp_path / "gone" / "cycles.dot")


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_itself_reads_hostile_names(tmp_path: Path) -> None:
    cluster = replace(KEPT, shape=tuple(HOSTILE), edges=tuple(HOSTILE), holder=f"m{HOSTILE[1]}.x[*]")
    place = tmp_path / "cycles.svg"
    assert draw([cluster], place) == f"drawn: {place}"
    shown = {element.text for element in ElementTree.parse(place).iter("{http://www.w3.org/2000/svg}text")}
    assert {literal(name) for name in HOSTILE} <= shown
    assert draw([cluster], tmp_path / "cycles.png") == f"drawn: {tmp_path / 'cycles.png'}"
    assert (tmp_path / "cycles.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_the_reference_to_cut_is_marked() -> None:
    cuts = (Cut("Child.parent", 3, 300, 3, recommended=True), Cut("Parent.children", 3, 300, 3))
    cluster = CycleCluster(
        ("Parent", "list", "Child"), (".children", "[*]", ".parent"), 1, 3, 300, "waiting", cuts=cuts
    )
    marked = [line for line in to_dot([cluster]).splitlines() if "cut here" in line]
    assert len(marked) == 1
    assert '[label=".parent\\n(cut here)", color=red' in marked[0]
