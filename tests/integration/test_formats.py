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


@pytest.mark.parametrize(("verb", "target"), [("run", "shop.py"), ("check", "shop:handle")])
def test_a_leak_in_every_format_at_once(home: Cli, verb: str, target: str) -> None:
    files = [f"--format={name}=out.{name}" for name in ("markdown", "sarif", "junit", "json", "terminal")]
    ran = home(*verb.split(), *files, "--format", "github", "--fail-on", "leak", target)
    assert ran.status == 1
    line = line_of(home.directory / "shop.py", "# leaks")
    texts = {
        name: (home.directory / f"out.{name}").read_text("utf-8") for name in ("markdown", "sarif", "junit", "json")
    }

    (leak,) = consumers.workflow_commands(ran.stdout.removeprefix("done"))
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


def test_a_capture_later_says_the_same(home: Cli) -> None:
    home("run", "--tracer", "none", "-o", "kept.memdiag", "--format", "sarif=then.sarif", "shop.py")
    now = home("report", "kept.memdiag", "--format", "sarif")
    assert (now.status, now.stderr) == (0, "")
    assert now.stdout == (home.directory / "then.sarif").read_text("utf-8")
    assert home("report", "kept.memdiag", "--format", "junit", "-o", "now.xml").stdout == ""
    assert consumers.junit_suite((home.directory / "now.xml").read_text("ascii")).failures == 1
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
