"""What nobody closes is told though nothing is open at the end, and is no leak."""

from __future__ import annotations

import dataclasses

import pytest

from memdiag.analysis.diagnose import diagnose_run
from memdiag.analysis.resources import findings
from memdiag.model import Books, Capture, Handles, HeapEvidence, Moment, Opening, Site, Waiting
from tests.heaps import run_of

MOMENTS = tuple(Moment(at / 2, "sample", at / 2) for at in range(9))
READ = Opening("/app/app.py", 7, "settings", "text = open(path).read()", ("file",), "never")
KEPT = Opening("/app/app.py", 12, "Job.__init__", "self.stream = open(path)", ("file",), "kept")
WAITING = Waiting("_io.FileIO", (0, 3, 9, 4, 0, 7, 2, 8, 0), 400, ("Job",))


def run_with(*openings: Opening, collector: bool = True, **evidence: tuple[object, ...]) -> Capture:
    heap = HeapEvidence(MOMENTS, (), (9,) * 9, (9,) * 9, collector_on=collector, **evidence)  # type: ignore[arg-type]
    return dataclasses.replace(run_of(heap=heap), books=Books(openings=openings))


def test_what_waits_for_the_collector_is_told_with_number_rate_owner_and_line() -> None:
    capture = run_with(KEPT, waiting=(WAITING,))
    (one,) = findings(capture)
    assert (one.kind, one.pattern, one.verdict, one.rule) == ("resource", "late-closing", "info", "MEM-004")
    assert one.title == "only the collector closes open files: 400 at least, up to 9 at a time (opened at app.py:12)"
    assert one.growing.per_second == pytest.approx(100)
    assert "At 6 of 9 heap snapshots" in one.why
    assert "Job objects hold them, in reference cycles" in one.why
    assert one.sites == (Site("/app/app.py", 12, "Job.__init__", source=KEPT.text),)
    assert "use with" in one.fix.lower()


def test_it_is_no_leak() -> None:
    assert diagnose_run(run_with(KEPT, waiting=(WAITING,))).verdict not in ("leak", "suspect")


def test_the_line_that_a_tracer_saw_comes_before_what_the_source_lets_think() -> None:
    seen = dataclasses.replace(WAITING, sites=(Site("/app/other.py", 3, "", 0, 5),))
    (one,) = findings(run_with(KEPT, waiting=(seen,)))
    assert one.sites == seen.sites
    assert "opened at other.py:3" in one.title


@pytest.mark.parametrize(
    "waiting",
    [
        Waiting("_io.FileIO", (0, 0, 0, 40, 0, 0, 0, 0, 0), 40),
        Waiting("_io.FileIO", (0, 1, 0, 0, 0, 1, 0, 0, 0), 2),
    ],
    ids=["at one moment only", "two in all"],
)
def test_few_are_not_worth_a_word(waiting: Waiting) -> None:
    assert findings(run_with(KEPT, waiting=(waiting,))) == []


def test_a_line_that_never_closes_is_told_where_a_warning_went_unheard() -> None:
    (one,) = findings(run_with(READ, KEPT, unheard=("/app/app.py",)))
    assert (one.pattern, one.verdict) == ("late-closing", "info")
    assert one.title == "what app.py:7 opens, nobody closes: it goes with its last reference"
    assert one.sites == (Site("/app/app.py", 7, "settings", source=READ.text),)
    assert "was not counted" in one.why


@pytest.mark.parametrize(
    ("opening", "unheard"),
    [
        (READ, ()),
        (READ, ("/app/other.py",)),
        (KEPT, ("/app/app.py",)),
        (dataclasses.replace(READ, text="fd = os.open(path, 0)"), ("/app/app.py",)),
        (
            dataclasses.replace(READ, text="fd, name = tempfile.mkstemp()", kinds=("file", "temporary")),
            ("/app/app.py",),
        ),
        (dataclasses.replace(READ, text="Thread(target=f).start()", kinds=("thread",)), ("/app/app.py",)),
    ],
    ids=["no warning", "of another file", "kept", "a bare descriptor", "another", "not a thing that warns"],
)
def test_a_line_is_not_accused_without_a_warning_that_it_may_have_caused(
    opening: Opening, unheard: tuple[str, ...]
) -> None:
    assert findings(run_with(opening, unheard=unheard)) == []


def test_one_line_is_not_told_twice() -> None:
    waits = dataclasses.replace(WAITING, sites=(Site(READ.file, READ.line, "", 0, 5),))
    assert len(findings(run_with(READ, waiting=(waits,), unheard=(READ.file,)))) == 1


def test_where_the_collector_is_off_they_pile_up_and_that_says_it_all() -> None:
    readings = tuple(Handles(at / 10, (("file", 3 + 4 * at),)) for at in range(40))
    waits = dataclasses.replace(WAITING, counts=tuple(at * 20 for at in range(9)))
    capture = run_with(KEPT, collector=False, waiting=(waits,))
    capture = dataclasses.replace(capture, books=Books(handles=readings, openings=(KEPT,)))
    (one,) = findings(capture)
    assert one.verdict == "suspect"
    assert "Nothing reached 160 of them any more" in one.why
