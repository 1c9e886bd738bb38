"""The gate on real runs: exit statuses, limits by name, budgets, the life of a baseline, and what is ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli import Cli, Result, assert_refused

# What is named on the command line leaks: a Turn each for the desk's history, a Quote each for the shop's answers.
SHOP = """
import sys
import zlib
import stock

work = bytes(200_000)

class Turn:
    def __init__(self, number):
        self.text = f"turn {number}" * 20

class Desk:
    def __init__(self):
        self.history = []

    def ask(self, number):
        self.history.append(Turn(number))

def main(leaks):
    desk = Desk()
    for number in range(4000):
        if "desk" in leaks:
            desk.ask(number)
        if "stock" in leaks:
            stock.answer(number)
        zlib.crc32(work)

main(sys.argv[1:])
if "fails" in sys.argv:
    sys.exit(7)
"""
STOCK = """
class Quote:
    def __init__(self, number):
        self.text = f"quote {number}" * 20

_answers = {}

def answer(number):
    _answers[number] = Quote(number)
"""
CYCLES = """
class Agent:
    __slots__ = ("me",)

    def __init__(self):
        self.me = self

kept = [Agent() for _ in range(5)]
for _ in range(20):
    Agent()
"""


@pytest.fixture
def shop(tmp_path: Path) -> Cli:
    (tmp_path / ".git").mkdir()  # no configuration of a folder above
    return written(tmp_path)


def written(directory: Path) -> Cli:
    cli = Cli(directory)
    cli.write("shop.py", SHOP)
    cli.write("stock.py", STOCK)
    cli.write("agents.py", CYCLES)
    return cli


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Captures of each kind, which any gate can be asked of; some were asked as they were recorded."""
    cli = written(tmp_path_factory.mktemp("gate"))
    (cli.directory / ".git").mkdir()
    cycles = cli("cycles", "--max-survival-rate", "0.1", "-o", "cycles.memdiag", "agents.py")
    assert cycles.status == 1
    assert "breached: --max-survival-rate 0.1: 5 of 25 objects made in cycles survive (20.0 %)" in cycles.said
    assert cli("run", "-o", "idle.memdiag", "shop.py").status == 0
    assert cli("run", "-o", "both.memdiag", "shop.py", "desk", "stock").status == 0
    assert cli("run", "--tracer", "tracemalloc", "-o", "traced.memdiag", "shop.py", "desk", "stock").status == 0
    return cli


@pytest.fixture
def configured(recorded: Cli) -> Iterator[Cli]:
    """The captures, beside a configuration that goes away again."""
    yield recorded
    (recorded.directory / "pyproject.toml").unlink(missing_ok=True)


def breaches(result: Result) -> list[str]:
    return [breach["limit"] for breach in result.report["gate"]["breaches"]]


# --- limits by name -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "breached"),
    [
        (["--max-passes-needed", "1", "--min-gc-effectiveness", "80%", "--max-survival-rate", "0.2"], []),
        (
            ["--max-passes-needed", "0", "--min-gc-effectiveness", "0.95", "--max-survival-rate", "19.9%"],
            ["--max-survival-rate 19.9%", "--min-gc-effectiveness 0.95", "--max-passes-needed 0"],
        ),
        (
            ["--fail-on", "suspect", "--fail-on", "surviving > 4", "--max-uncollectable", "0", "--max-peak", "1MB"],
            ["--fail-on suspect", "--fail-on 'surviving > 4'", "--max-peak 1MB"],
        ),
    ],
)
def test_limits_of_cycles(recorded: Cli, words: list[str], breached: list[str]) -> None:
    """5 of 25 agents survive, in cycles of their own; the first pass frees the other 20."""
    ran = recorded.reported("report", *words, "cycles.memdiag")
    assert sorted(breaches(ran)) == sorted(breached)
    assert ran.status == (1 if breached else 0)


@pytest.mark.parametrize(
    ("words", "breached"),
    [
        (["--max-growth", "20MB", "--max-peak", "1GB", "--fail-on", "findings(stock) > 1"], []),
        (
            ["--max-growth", "100kB", "--fail-on", "growth(stock) > 9kB", "--fail-on", "findings > 1"],
            ["--fail-on 'growth(stock) > 9kB'", "--fail-on 'findings > 1'", "--max-growth 100kB"],
        ),
    ],
)
def test_limits_of_a_run(recorded: Cli, words: list[str], breached: list[str]) -> None:
    ran = recorded.reported("report", *words, "both.memdiag")
    assert breaches(ran) == breached
    assert ran.status == (1 if breached else 0)


def test_a_capture_is_only_shown_where_nothing_is_asked(recorded: Cli) -> None:
    assert recorded("report", "both.memdiag").status == 0


def test_a_program_that_failed_reads_as_that(shop: Cli) -> None:
    failed = shop.reported("run", "--fail-on", "suspect", "--max-peak", "1MB", "shop.py", "stock", "fails")
    assert (failed.status, breaches(failed)) == (7, ["--fail-on suspect", "--max-peak 1MB"])


def test_what_one_call_may_leave_behind(shop: Cli) -> None:
    """A limit that is named is what check fails on: a leak that is within it passes."""
    shop.write("calls.py", "import stock\nnumbers = iter(range(10**6))\ndef call():\n    stock.answer(next(numbers))\n")
    within = shop.reported("check", "--iterations", "300", "--max-growth", "5kB/op", "calls:call")
    assert (within.status, within.report["verdict"]) == (0, "leak")
    beyond = shop.reported("report", "--max-growth", "100B/op", str(shop.captures()[0]))
    assert (beyond.status, breaches(beyond)) == (1, ["--max-growth 100B/op"])
    assert "per call (the median of 6 rounds)" in beyond.report["gate"]["breaches"][0]["measured"]


# --- the configuration ----------------------------------------------------------------------------------------


def test_what_the_project_asks_and_what_the_command_line_says_to_it(configured: Cli) -> None:
    """What is typed of a figure replaces what is configured of it, and nothing else; other verbs' figures rest."""
    settings = '[tool.memdiag]\nfail-on = ["leak", "survival_rate > 0"]\nmax-growth = "1kB"\n'
    configured.write("pyproject.toml", settings)
    asked = configured.reported("report", "both.memdiag")
    assert asked.status == 1
    assert breaches(asked) == ['fail-on = "leak" in pyproject.toml', 'max-growth = "1kB" in pyproject.toml']
    cycles = configured.reported("report", "--max-survival-rate", "20%", "cycles.memdiag")
    assert (cycles.status, breaches(cycles)) == (0, [])
    grown = configured.reported("diff", "idle.memdiag", "both.memdiag")
    assert grown.status == 1
    assert breaches(grown) == ['fail-on = "leak" in pyproject.toml', 'max-growth = "1kB" in pyproject.toml']


def test_budgets(configured: Cli) -> None:
    """The same of a run that was traced all over, of one that was not, and of two."""
    configured.write("pyproject.toml", '[tool.memdiag.budgets]\nstock = "200kB"\n"shop" = {growth = "20MB"}\n')
    for words in (["report", "both.memdiag"], ["report", "traced.memdiag"], ["diff", "idle.memdiag", "both.memdiag"]):
        ran = configured.reported(words[0], *(["--max-growth", "1GB"] if words[0] == "diff" else []), *words[1:])
        assert ran.status == 1
        assert breaches(ran) == ['budgets.stock = "200kB" in pyproject.toml']
        held = {one["package"]: one for one in ran.report["held"]}
        # 4000 of a text of some 250 bytes, an instance, and their place in a dictionary
        assert 1_000_000 < held["stock"]["growth_bytes"] <= held["stock"]["after_bytes"] < 3_000_000
        where = ran.report["gate"]["breaches"][0]["where"]
        assert ("stock.py:" if "traced.memdiag" in words else "stock._answers") in where
    quiet = configured.reported("report", "--fail-on", "growth(shpo) > 5MB", "idle.memdiag")
    assert (quiet.status, breaches(quiet)) == (0, [])
    assert quiet.report["notes"][-1] == "there is no shpo here, to which a limit is set: check the name"


def test_what_is_ignored_is_counted_and_told(configured: Cli) -> None:
    configured.write(
        "pyproject.toml",
        """
        [tool.memdiag]
        fail-on = "suspect"
        [[tool.memdiag.ignore]]
        path = "stock._answers*"
        reason = "they are asked for again"
        [[tool.memdiag.ignore]]
        path = "*history*"
        reason = "until the release"
        expires = 2020-01-31
        [[tool.memdiag.ignore]]
        package = "absent"
        reason = "was there once"
        """,
    )
    ran = configured.reported("report", "both.memdiag")
    assert [one["hidden"] for one in ran.report["ignored"]] == [1, 0, 0]
    assert [one["expired"] for one in ran.report["ignored"]] == [False, True, False]
    hidden = [one["holder"]["path"] for one in ran.report["findings"] if one["ignored"]]
    assert hidden == ["stock._answers"]
    assert ran.status == 1
    assert "history" in ran.report["gate"]["breaches"][0]["where"]
    shown = " ".join(ran.stdout.split())
    assert 'ignored: 1 finding by path = "stock._answers*" (they are asked for again)' in shown
    assert "expired on 2020-01-31" in shown
    assert 'nothing here was ignored by package = "absent"' in shown
    assert "[1 new, 1 ignored]" in shown
    assert "held by stock._answers" not in shown


# --- two sides --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sides(recorded: Cli) -> None:
    """And a run that leaks as the desk does alone, which is known; and a budget that the stock exceeds."""
    assert recorded("run", "-o", "desk.memdiag", "shop.py", "desk").status == 0
    assert recorded("baseline", "desk.memdiag", "-o", "desk.json").status == 0


@pytest.mark.usefixtures("sides")
@pytest.mark.parametrize("times", [1, 2])
def test_everything_that_may_be_asked_of_two_sides(configured: Cli, times: int) -> None:
    """Of two files and of several: what the baseline has is known, what is new is named, budgets and limits hold."""
    configured.write("pyproject.toml", '[tool.memdiag.budgets]\nstock = "200kB"\nshop = {growth = "20MB"}\n')
    files = [*["idle.memdiag"] * times, "--", *["both.memdiag"] * times]
    asked = ["--baseline", "desk.json", "--fail-on", "new_findings > 0", "--fail-on", "new_findings(shop) > 0"]
    ran = configured.reported("diff", *asked, "--max-growth", "1GB", "--format", "junit=diff.xml", *files)
    assert ran.status == 1
    assert breaches(ran) == ["--fail-on 'new_findings > 0'", 'budgets.stock = "200kB" in pyproject.toml']
    new = ran.report["gate"]["breaches"][0]
    assert new["measured"].startswith("1 finding not in idle.memdiag")
    assert new["where"].startswith("stock._answers")
    assert {one["holder"]["owner"]: (one["status"], one["known"]) for one in ran.report["findings"]} == {
        "stock._answers": ("new", False),
        "Desk.history": ("new", True),
    }
    back = configured.reported("diff", *asked, "--max-growth", "0", *files[::-1])
    assert (back.status, breaches(back), back.report["findings"]) == (0, [], [])
    assert {row["status"] for row in back.report["rows"] if row["by"] == "finding"} == {"gone"}


@pytest.mark.usefixtures("sides")
def test_what_was_there_before_is_no_leak_of_this_change(configured: Cli) -> None:
    """Where all that is new is ignored, what both sides have does not fail in its place."""
    asked = ["--fail-on", "suspect", "desk.memdiag", "both.memdiag"]
    leaky = configured.reported("diff", *asked)
    assert (leaky.status, leaky.report["gate"]["breaches"][0]["where"][:14]) == (1, "stock._answers")
    configured.write("pyproject.toml", '[[tool.memdiag.ignore]]\npath = "stock.*"\nreason = "asked for again"\n')
    ran = configured.reported("diff", *asked)
    assert (ran.status, breaches(ran)) == (0, [])
    assert {one["holder"]["owner"]: one["status"] for one in ran.report["findings"]} == {
        "stock._answers": "new",
        "Desk.history": "same",
    }


# --- the life of a baseline -----------------------------------------------------------------------------------


def test_the_life_of_a_baseline(shop: Cli) -> None:
    """A leak is known and passes; a second one fails, and it alone is named; the first is fixed, and that is said."""
    leaky = shop.reported("run", "-o", "first.memdiag", "shop.py", "desk")
    assert (leaky.status, leaky.report["verdict"]) == (0, "leak")
    wrote = shop("baseline", "first.memdiag", "-o", "known.json")
    assert (wrote.status, wrote.stdout, wrote.stderr) == (0, "", "1 finding written to known.json\n")
    entry = json.loads((shop.directory / "known.json").read_text())["findings"][0]
    assert (entry["id"], entry["found_by"]) == (leaky.report["findings"][0]["id"], "run shop.py")
    assert entry["title"].startswith("Desk.history")

    known = shop.reported("run", "--baseline", "known.json", "--fail-on", "suspect", "shop.py", "desk")
    assert (known.status, known.report["verdict"], breaches(known)) == (0, "leak", [])
    assert [one["known"] for one in known.report["findings"] if one["verdict"] in ("leak", "suspect")] == [True]
    assert known.report["baseline"] == {"name": "known.json", "known": 1, "gone": []}
    assert "[0 new, 1 known]" in known.said
    assert "1 finding known by known.json" in known.said

    second = shop.reported("run", "--baseline", "known.json", "-o", "second.memdiag", "shop.py", "desk", "stock")
    assert (second.status, second.report["baseline"]["known"]) == (1, 1)
    [breach] = second.report["gate"]["breaches"]
    assert breach["measured"] == "1 finding not in known.json"
    assert "stock._answers" in breach["where"]
    assert "Desk" not in breach["where"]

    shop("baseline", "second.memdiag", "-o", "known.json")
    fixed = shop.reported("run", "--baseline", "known.json", "shop.py", "stock")
    assert (fixed.status, fixed.report["baseline"]["known"]) == (0, 1)
    assert [one["id"] for one in fixed.report["baseline"]["gone"]] == [entry["id"]]
    assert "gone since known.json: Desk.history" in fixed.said


def test_a_baseline_of_several_commands_is_configured(configured: Cli) -> None:
    configured.write("pyproject.toml", '[tool.memdiag]\nbaseline = "known.json"\nfail-on = "suspect"\n')
    wrote = configured("baseline", "both.memdiag", "cycles.memdiag")
    assert wrote.stderr == "3 findings written to known.json\n"
    for capture in ("both.memdiag", "cycles.memdiag"):
        ran = configured.reported("report", capture)
        assert (ran.status, breaches(ran)) == (0, [])
        assert ran.report["baseline"]["gone"] == []
    gone = configured.reported("report", "idle.memdiag")
    assert gone.status == 0
    assert len(gone.report["baseline"]["gone"]) == 2


# --- what cannot be asked: said before anything is run ----------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--fail-on", "survival_rate > 0"], ["--fail-on 'survival_rate > 0'", "memdiag cycles"]),
        (["run", "--fail-on", "grwth > 5MB"], ["--fail-on", "'grwth'", "did you mean growth?"]),
        (["run", "--max-growth", "2KB/op"], ["--max-growth 2KB/op", "memdiag check"]),
        (["run", "--fail-on", "new_findings > 0"], ["--fail-on", "no baseline", "--baseline FILE"]),
        (["run", "--baseline", "absent.json"], ["absent.json", "memdiag baseline CAPTURE"]),
        (["cycles", "--min-gc-effectiveness", "95"], ["--min-gc-effectiveness", "not a share"]),
    ],
)
def test_an_option_that_cannot_be(shop: Cli, words: list[str], said: list[str]) -> None:
    assert_refused(shop(*words, "shop.py"), *said)
    assert shop.captures() == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("fail_on = 'leak'", ["'fail_on'", "pyproject.toml", "did you mean fail-on?"]),
        ("baseline = 'absent.json'", ["baseline in pyproject.toml", "absent.json", "for a first run"]),
    ],
)
def test_a_configuration_that_cannot_be(shop: Cli, settings: str, said: list[str]) -> None:
    shop.write("pyproject.toml", f"[tool.memdiag]\n{settings}\n")
    assert_refused(shop("run", "shop.py"), *said)
    assert shop.captures() == []


def test_what_a_captures_command_never_measures(recorded: Cli) -> None:
    assert_refused(recorded("report", "--max-survival-rate", "5%", "both.memdiag"), "--max-survival-rate 5%", "cycles")


@pytest.mark.parametrize("place", [".", "absent/known.json"])
def test_a_place_for_a_baseline_that_is_none(recorded: Cli, place: str) -> None:
    assert_refused(recorded("baseline", "both.memdiag", "-o", place), place)


def test_a_baseline_of_what_is_no_capture(recorded: Cli) -> None:
    assert_refused(recorded("baseline", "shop.py"), "shop.py")
    assert_refused(recorded("baseline"), "CAPTURE")
