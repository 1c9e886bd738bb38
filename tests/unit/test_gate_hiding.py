"""Ignore rules and baselines: what they hide, what they say of it, and what they leave as it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from memdiag import gate
from memdiag.capture.baseline import Baseline, Entry, entries, found_by, read_baseline, without_figures, write_baseline
from memdiag.errors import CannotDo, UnreadableInput
from memdiag.gate.hiding import Rule, matches
from memdiag.model import Compared, Finding, Holder, Ignored, Report, TargetInfo

HISTORY = Finding(
    "aaa", "growth", "history", "MEM-005", "leak", 0.9, "Desk.history only ever grows: 24,000 Turn so far, 18.5 MB",
    "", "", Holder("shop.desk.history", "list", "Desk.history", "shop"),
)  # fmt: skip
CACHE = replace(
    HISTORY, id="bbb", pattern="cache", verdict="suspect", title="cache", holder=Holder("app._cache['a']", module="app")
)
CYCLE = replace(HISTORY, id="ccc", kind="cycle", rule="MEM-001", verdict="info", title="cycle", holder=None)
REPORT = Report("run", "leak", "it leaks", TargetInfo(("/tmp/shop.py",)), findings=(HISTORY, CACHE, CYCLE))
TODAY = date(2026, 11, 26)


def hidden_by(rule: Rule) -> list[str]:
    return [one.id for one in gate.hidden(REPORT, [rule], TODAY).findings if one.ignored]


# --- ignore rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "ids"),
    [
        (Rule("why", id="bbb"), ["bbb"]),
        (Rule("why", path="shop.desk.history"), ["aaa"]),
        (Rule("why", path="shop.*"), ["aaa"]),
        (Rule("why", path="Desk.history"), ["aaa"]),
        (Rule("why", path="app._cache['a']"), ["bbb"]),
        (Rule("why", path="app._cache[?a?]"), ["bbb"]),
        (Rule("why", path="desk"), []),
        (Rule("why", package="shop"), ["aaa"]),
        (Rule("why", package="sho"), []),
        (Rule("why", pattern="cache"), ["bbb"]),
        (Rule("why", rule="MEM-001"), ["ccc"]),
        (Rule("why", kind="growth"), ["aaa", "bbb"]),
        (Rule("why", kind="growth", pattern="cache"), ["bbb"]),
        (Rule("why", kind="cycle", pattern="cache"), []),
        (Rule("why", id="aaa", expires=TODAY), ["aaa"]),  # it is the last day
        (Rule("why", id="aaa", expires=date(2026, 11, 25)), []),
    ],
)
def test_a_rule_hides_what_fits_all_of_it(rule: Rule, ids: list[str]) -> None:
    assert hidden_by(rule) == ids


def test_each_rule_is_counted_and_each_finding_once() -> None:
    rules = [
        Rule("the product", path="shop.*", expires=date(2026, 12, 31)),
        Rule("all of it", kind="growth"),
        Rule("never there", id="zzz"),
        Rule("no longer", id="ccc", expires=date(2026, 1, 31)),
    ]
    report = gate.hidden(REPORT, rules, TODAY)
    assert report.ignored == (
        Ignored('path = "shop.*"', "the product", 1, "2026-12-31"),
        Ignored('kind = "growth"', "all of it", 1),
        Ignored('id = "zzz"', "never there", 0),
        Ignored('id = "ccc"', "no longer", 0, "2026-01-31", expired=True),
    )
    assert [one.ignored for one in report.findings] == ["the product", "all of it", ""]
    assert report.notes == (
        'ignored: 1 finding by path = "shop.*" (the product, until 2026-12-31)',
        'ignored: 1 finding by kind = "growth" (all of it)',
        'the ignore rule id = "ccc" (no longer) expired on 2026-01-31: it hides nothing any more',
        'nothing here was ignored by id = "zzz"',
    )
    assert (report.verdict, report.headline) == (REPORT.verdict, REPORT.headline)
    assert gate.answered(report, [gate.parse("suspect")]).gate.passed
    assert not gate.answered(gate.hidden(REPORT, rules[:1], TODAY), [gate.parse("suspect")]).gate.passed


def test_rules_that_hid_nothing_are_named_in_one_breath() -> None:
    """They may be there for other programs: a line each would be in the way."""
    report = gate.hidden(REPORT, [Rule("elsewhere", id=f"z{number}") for number in range(5)], TODAY)
    assert report.notes == ('nothing here was ignored by id = "z0"; id = "z1"; id = "z2"; 2 more',)


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [("a[*]", "a[*]", True), ("a[*]", "a['key']", True), ("a[*]", "a*", False), ("a.b", "axb", False), ("*", "", True)],
)
def test_brackets_of_a_path_are_themselves(pattern: str, path: str, found: bool) -> None:
    assert matches(pattern, path) is found


# --- baselines ------------------------------------------------------------------------------------------------


def baseline(*known: Entry) -> Baseline:
    return Baseline("known.json", known)


def test_known_findings_come_last_and_pass() -> None:
    report = gate.compared(REPORT, baseline(*entries(replace(REPORT, findings=(HISTORY,)))))
    assert [(one.id, one.known) for one in report.findings] == [("bbb", False), ("ccc", False), ("aaa", True)]
    assert report.baseline == Compared("known.json", 1)
    assert report.notes == ("1 finding known by known.json: the gate passes what is in it",)
    assert (report.verdict, report.headline) == ("leak", "it leaks")
    assert gate.answered(report, [gate.parse("leak")]).gate.passed
    assert not gate.answered(report, [gate.parse("suspect")]).gate.passed


def test_what_is_known_and_no_leak_any_more_is_gone() -> None:
    """Cycles that are late only have the name of those that survive."""
    mild = replace(REPORT, verdict="clean", findings=(replace(HISTORY, verdict="bounded"),))
    report = gate.compared(mild, baseline(*entries(REPORT)))
    assert [one.known for one in report.findings] == [False]
    assert report.baseline is not None
    assert [name for name, _ in report.baseline.gone] == ["aaa", "bbb"]


def test_what_is_gone_is_named_where_it_could_have_been_found() -> None:
    here = [Entry(str(number), title=f"finding {number}", found_by="run shop.py") for number in range(5)]
    elsewhere = Entry("9", title="of another", found_by="cycles shop.py")
    report = gate.compared(REPORT, baseline(*here, elsewhere))
    assert report.baseline is not None
    assert report.baseline.gone == tuple((str(number), f"finding {number}") for number in range(5))
    assert report.notes == (
        *(f"gone since known.json: finding {number}" for number in range(3)),
        "gone since known.json: 2 more",
        "memdiag baseline CAPTURE -o known.json writes it anew, so that what is gone cannot come back unseen",
    )
    for quiet in (
        replace(REPORT, verdict="inconclusive"),
        replace(REPORT, target=replace(REPORT.target, exit_status=1)),
        replace(REPORT, target=TargetInfo(("another.py",))),
    ):
        assert gate.compared(quiet, baseline(*here)).notes == ()


@pytest.mark.parametrize(
    ("argv", "by"),
    [
        (("/a/b/shop.py", "--secret"), "run shop.py"),
        (("-m", "shop.jobs", "x"), "run -m shop.jobs"),
        (("-c", "code"), "run -c"),
        ((), "run"),
    ],
)
def test_what_found_it_is_told_without_folders_and_arguments(argv: tuple[str, ...], by: str) -> None:
    assert found_by(replace(REPORT, target=TargetInfo(argv))) == by


@pytest.mark.parametrize(
    ("title", "steady"),
    [
        ("Desk.history grows: 24,000 Turn so far, 18.5 MB", "Desk.history grows: N Turn so far, N"),
        ("shop._answers gains 1.00 Quote (136 B) per call", "shop._answers gains N Quote (N) per call"),
        ("http2.Server.py3 at app.py:37 adds 8.2 kB/s", "http2.Server.py3 at app.py:N adds N"),
        ("5 Bar, 12 %, 3.9 GB", "N Bar, N, N"),
        ("10 cycles Node.next -> Node: 60 objects", "N cycles Node.next -> Node: N objects"),
    ],
)
def test_titles_without_what_changes(title: str, steady: str) -> None:
    assert without_figures(title) == steady


def test_only_what_a_gate_could_fail_on_is_written() -> None:
    ignored = gate.hidden(REPORT, [Rule("why", id="bbb")], TODAY)
    assert [entry.id for entry in entries(ignored)] == ["aaa"]


def test_a_file_does_not_depend_on_the_order_of_what_was_found(tmp_path: Path) -> None:
    found = entries(REPORT)
    count = write_baseline([*found, *found], tmp_path / "one.json")
    write_baseline(reversed(found), tmp_path / "two.json")
    assert count == 2
    text = (tmp_path / "one.json").read_text()
    assert text == (tmp_path / "two.json").read_text()
    assert len(text.splitlines()) == 2 * 8 + 6  # a line a fact: what is added in two places merges
    assert json.loads(text)["findings"][1] == {
        "id": "aaa",
        "kind": "growth",
        "rule": "MEM-005",
        "holder": "shop.desk.history",
        "title": "Desk.history only ever grows: N Turn so far, N",
        "found_by": "run shop.py",
    }
    assert read_baseline(tmp_path / "one.json").entries == tuple(sorted(found, key=lambda entry: entry.holder))


def test_what_two_people_add_git_merges(tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def write(name: str, *holders: str) -> None:
        write_baseline([Entry(f"id of {one}", holder=one, found_by="run") for one in holders], tmp_path / name)

    write("base.json", "app.b", "app.d", "app.f")
    write("ours.json", "app.a", "app.b", "app.d", "app.f")
    write("theirs.json", "app.b", "app.d", "app.e", "app.f")
    command = ["git", "merge-file", "-p", "ours.json", "base.json", "theirs.json"]
    merged = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    (tmp_path / "merged.json").write_bytes(merged)
    holders = [entry.holder for entry in read_baseline(tmp_path / "merged.json").entries]
    assert holders == ["app.a", "app.b", "app.d", "app.e", "app.f"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON, line 1"),
        (b'{"format": "memdiag.baseline",\n<<<<<<< ours\n', "not JSON, line 2"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no baseline of memdiag"),
        (b'{"schema": "memdiag.report/1"}', "no baseline of memdiag"),
        (b'{"format": "memdiag.baseline", "version": 99}', "version 99"),
        (b'{"format": "memdiag.baseline", "version": 1}', "no list of findings"),
        (b'{"format": "memdiag.baseline", "version": 1, "findings": [{"id": "a"}, {"id": 3}]}', "finding 2 has no id"),
        (b'{"format": "memdiag.baseline", "version": 1, "findings": ["a"]}', "finding 1 has no id"),
    ],
)
def test_what_is_no_baseline(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "known.json").write_bytes(content)
    with pytest.raises(UnreadableInput) as caught:
        read_baseline(tmp_path / "known.json")
    assert said in caught.value.problem
    assert "known.json" in caught.value.problem
    assert caught.value.next_step


def test_a_baseline_that_is_not_there_and_a_place_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"absent\.json"):
        read_baseline(tmp_path / "absent.json")
    with pytest.raises(UnreadableInput, match="cannot read"):
        read_baseline(tmp_path)
    with pytest.raises(CannotDo, match="cannot write"):
        write_baseline([], tmp_path / "absent" / "known.json")
