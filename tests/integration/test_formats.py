"""``--format`` on every verb: what real leaks come to in the formats of CI systems, and places that cannot be."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import consumers
from tests.integration.cli import Cli, assert_refused, checked, line_of

SHOP = """
class Quote:
    def __init__(self, item):
        self.item = item

class Desk:
    def __init__(self):
        self.history = []

    def answer(self, number):
        self.history.append(Quote(str(number) * 40))  # leaks
        return sum(range(100))

desk = Desk()

def handle():
    desk.answer(7)

if __name__ == "__main__":
    for number in range(20_000):
        desk.answer(number)
    print("done", end="")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A program in a folder of its repository, as in many."""
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "backend").mkdir()
    cli = Cli(root / "backend")
    cli.write("shop.py", SHOP)
    return cli


def test_a_leak_in_every_format_at_once(home: Cli) -> None:
    files = [f"--format={name}=out.{name}" for name in ("markdown", "sarif", "junit", "json", "terminal")]
    ran = home("check", *files, "--format", "github", "shop:handle")
    assert ran.status == 1
    line = line_of(home.directory / "shop.py", "# leaks")
    texts = {
        name: (home.directory / f"out.{name}").read_text("utf-8") for name in ("markdown", "sarif", "junit", "json")
    }

    (leak,) = consumers.workflow_commands(ran.stdout)
    assert (leak.name, leak.properties["file"], leak.properties["line"]) == ("error", "backend/shop.py", str(line))

    finding = checked(texts["json"])["findings"][0]
    (result,) = consumers.sarif_run(texts["sarif"])["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert (artifact["uri"], result["ruleId"]) == ("backend/shop.py", finding["rule"])
    assert result["partialFingerprints"] == {"memdiag/v1": finding["id"]}

    suite = consumers.junit_suite(texts["junit"])
    assert (suite.tests, suite.failures) == (2, 2)
    assert finding["holder"]["path"] in next(iter(suite)).name

    page = consumers.markdown_page(texts["markdown"])
    assert page.rows[1][0] == "LEAK"
    assert page.rows[1][3] == f"backend/shop.py:{line}"
    assert (home.directory / "out.terminal").read_text("utf-8").startswith("LEAK  ")


def test_a_run_says_the_same_in_every_format_then_and_later(home: Cli) -> None:
    """How grave it is depends on how long the machine took; that all formats say the same does not."""
    formats = {name: f"{name}=then.{name}" for name in ("junit", "json", "sarif", "markdown")}
    asked = [word for text in formats.values() for word in ("--format", text)]
    ran = home("run", "-o", "kept.memdiag", *asked, "--format", "github", "shop.py")
    then = {name: (home.directory / f"then.{name}").read_text("utf-8") for name in formats}
    report = checked(then["json"])
    results = consumers.sarif_run(then["sarif"])["results"]
    levels = {"leak": "error", "suspect": "warning", "bounded": "note", "info": "note"}
    told = {finding["id"]: levels[finding["verdict"]] for finding in report["findings"]}
    assert {result["partialFingerprints"]["memdiag/v1"]: result["level"] for result in results} == told
    commands = consumers.workflow_commands(ran.stdout.removeprefix("done"))
    assert len(commands) == len(results) + (report["verdict"] == "inconclusive")
    suite = consumers.junit_suite(then["junit"])
    assert suite.failures == sum(level == "error" for level in told.values())

    for name in ("sarif", "markdown"):  # which do not tell where the capture went
        now = home("report", "kept.memdiag", "--format", name)
        assert (now.status, now.stderr, now.stdout) == (0, "", then[name])


def test_one_file_of_one_format(home: Cli) -> None:
    home("run", "--tracer", "none", "-o", "kept.memdiag", "-c", "pass")
    assert home("report", "kept.memdiag", "--format", "junit", "-o", "now.xml").stdout == ""
    consumers.junit_suite((home.directory / "now.xml").read_text("ascii"))
    shown = home("report", "kept.memdiag", "-o", "now.txt")
    assert shown.stdout == ""
    assert (home.directory / "now.txt").read_text("utf-8") == home("report", "kept.memdiag").stdout


def test_a_difference(home: Cli) -> None:
    for name, times in (("before", "100"), ("after", "40_000")):
        home.write(f"{name}.py", SHOP.replace("20_000", times))
        home("run", "--tracer", "none", "-o", f"{name}.memdiag", f"{name}.py")
    ran = home("diff", "before.memdiag", "after.memdiag", "--format", "github", "--format", "junit=diff.xml")
    assert ran.status == 1
    assert ran.stderr.startswith("LIMIT BREACHED")
    assert "error" in {command.name for command in consumers.workflow_commands(ran.stdout)}
    assert consumers.junit_suite((home.directory / "diff.xml").read_text("ascii")).failures >= 1


def test_cycles(home: Cli) -> None:
    home.write(
        "ring.py", "kept = []\nclass Node: pass\nfor _ in range(50):\n    n = Node(); n.me = n; kept.append(n)\n"
    )
    ran = home("cycles", "--format", "sarif", "ring.py")
    results = consumers.sarif_run(ran.stdout)["results"]
    assert "MEM-001" in {result["ruleId"] for result in results}
    assert {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results} == {
        "backend/ring.py"
    }


def test_a_failed_program_is_no_leak(home: Cli) -> None:
    home.write("fails.py", "raise SystemExit(7)\n")
    ran = home("run", "--tracer", "none", "--format", "junit=fails.xml", "--format", "sarif", "fails.py")
    assert ran.status == 7
    assert consumers.sarif_run(ran.stdout)["invocations"][0]["exitCode"] == 7
    assert consumers.junit_suite((home.directory / "fails.xml").read_text("ascii")).errors == 1


@pytest.mark.parametrize("verb", ["run", "cycles", "check", "diff", "report"])
def test_a_format_that_cannot_be(home: Cli, verb: str) -> None:
    """Said before anything is run or read: an hour's run must not end in this."""
    before = home.captures()
    targets = {"check": ["shop:handle"], "diff": ["shop.py", "shop.py"]}.get(verb, ["shop.py"])
    assert_refused(home(verb, "--format", "sarif=absent/out", *targets), "cannot write sarif to absent/out")
    assert home.captures() == before


def test_a_file_for_no_format(home: Cli) -> None:
    assert_refused(home("report", "shop.py", "--format", "sarif=a", "-o", "b"), "-o b")


def test_a_full_disk(home: Cli) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    (home.directory / "full").symlink_to("/dev/full")
    ran = home("run", "--tracer", "none", "--format", "sarif=full", "-c", "pass")
    assert ran.status == 3
    assert "memdiag: cannot write sarif to full: No space left on device" in ran.stderr
    assert "Traceback" not in ran.stderr
