"""``memdiag cycles --graph FILE`` on real programs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.programs import AS_USUAL, Outcome, Setting, memdiag_command, run

REGISTRY = """
class Context:
    def __init__(self):
        self.child = Child(self)

class Child:
    def __init__(self, parent):
        self.parent_context = parent

registry = {}

def main():
    for number in range(40):
        context = Context()
        if number % 10 == 0:
            registry[number] = context

main()
"""
STATES = ("reachable", "waiting")
NO_CYCLES = "print('done')\n"


def cycles(directory: Path, source: str, place: str, setting: Setting = AS_USUAL) -> Outcome:
    (directory / "program.py").write_text(source)
    return run(memdiag_command("cycles", "--json", "report.json", "--graph", place, "program.py"), directory, setting)


def report(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    return found


def notes(directory: Path) -> list[str]:
    found: list[str] = report(directory)["notes"]
    return found


def labels(text: str) -> list[str]:
    return [label.replace("\\n", "\n").strip() for label in re.findall(r'label="([^"]*)"', text)]


def test_the_cycles_and_what_holds_them_are_drawn(tmp_path: Path) -> None:
    done = cycles(tmp_path, REGISTRY, "cycles.dot")
    assert done.status == 0, done.stderr
    assert b"note: drawn: cycles.dot\n" in done.stderr
    assert "drawn: cycles.dot" in notes(tmp_path)
    found = labels((tmp_path / "cycles.dot").read_text(encoding="utf-8"))
    assert {"Context", "Child", ".child", ".parent_context\n(cut here)"} <= set(found)
    clusters = report(tmp_path)["survival"]["clusters"]
    kept, freed = (
        max((one for one in clusters if one["state"] == state), key=lambda one: one["count"]) for state in STATES
    )
    counts = [label.splitlines()[0] for label in found if " cycles, " in label]
    assert f"4 cycles, {kept['objects']} objects" in counts
    assert f"{freed['count']} cycles, {freed['objects']} objects" in counts


def test_a_run_draws_what_another_run_drew(tmp_path: Path) -> None:
    for name in ("one.dot", "two.dot"):
        assert cycles(tmp_path, REGISTRY, name).status == 0
    one, two = (sorted(labels((tmp_path / name).read_text(encoding="utf-8"))) for name in ("one.dot", "two.dot"))
    assert one == two


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
@pytest.mark.parametrize(("name", "start"), [("cycles.svg", b"<?xml"), ("cycles.png", b"\x89PNG\r\n")])
def test_graphviz_draws_images(name: str, start: bytes, tmp_path: Path) -> None:
    assert cycles(tmp_path, REGISTRY, name).status == 0
    assert f"drawn: {name}" in notes(tmp_path)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert not (tmp_path / "cycles.dot").exists()


def test_without_graphviz_there_is_a_line_and_the_text(tmp_path: Path) -> None:
    done = cycles(tmp_path, REGISTRY, "cycles.svg", Setting(env={"PATH": str(tmp_path)}))
    assert done.status == 0, done.stderr
    line = "graphviz's dot is not installed: wrote cycles.dot instead; dot -Tsvg cycles.dot > cycles.svg draws it"
    assert line in notes(tmp_path)
    assert "Context" in labels((tmp_path / "cycles.dot").read_text(encoding="utf-8"))
    assert not (tmp_path / "cycles.svg").exists()


def test_no_cycles_no_picture(tmp_path: Path) -> None:
    done = cycles(tmp_path, NO_CYCLES, "cycles.svg")
    assert (done.status, done.stdout) == (0, b"done\n")
    assert any(note.startswith("nothing to draw") for note in notes(tmp_path))
    assert not list(tmp_path.glob("cycles.*"))


def test_a_killed_program_leaves_nothing_to_draw(tmp_path: Path) -> None:
    done = cycles(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "cycles.dot")
    assert done.status == -9
    assert any(note.startswith("nothing to draw") for note in notes(tmp_path))


def test_the_program_s_status_stays(tmp_path: Path) -> None:
    assert cycles(tmp_path, REGISTRY + "raise SystemExit(7)\n", "cycles.dot").status == 7
    assert (tmp_path / "cycles.dot").exists()


@pytest.mark.parametrize("place", ["cycles.pdf", "cycles", "nowhere/cycles.dot", "folder.svg"])
def test_what_cannot_be_drawn_is_refused_before_anything_runs(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder.svg").mkdir()
    done = cycles(tmp_path, "open('ran', 'w').close()\n", place)
    assert done.status == 2
    assert done.stderr.startswith(b"memdiag: cannot ")
    assert len(done.stderr.splitlines()) == 2
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_loses_the_picture_and_not_the_report(tmp_path: Path) -> None:
    (tmp_path / "cycles.dot").symlink_to("/dev/full")
    done = cycles(tmp_path, REGISTRY, "cycles.dot")
    assert done.status == 3
    assert any(note.startswith("cannot write cycles.dot: No space left") for note in notes(tmp_path))
    assert b"Reference cycles" in done.stderr


def test_a_class_s_name_cannot_write_the_picture(tmp_path: Path) -> None:
    name = 'x"]; evil [label="\\\n'
    source = f"Odd = type({name!r}, (), {{}})\nkept = Odd()\nkept.me = kept\n"
    done = cycles(tmp_path, source, "cycles.dot")
    assert done.status == 0, done.stderr
    text = (tmp_path / "cycles.dot").read_text(encoding="utf-8")
    assert r'label="x\"]; evil [label=\"\\\\n\n"' in text
    assert not re.search(r"^\s*evil", text, re.MULTILINE)
