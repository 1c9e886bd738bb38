"""The exact text of reports in the formats of CI systems, each read by a reader that is not memdiag's."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

import pytest

from memdiag import __version__
from memdiag.model import Breach, Compared, Finding, Gate, Report, RowStatus, Site
from memdiag.report import to_github, to_junit, to_markdown, to_sarif, write_as
from memdiag.report.repository import gone
from tests import consumers
from tests.golden import examples
from tests.golden.golden import check

NAMES = ("run_gated", "run_untraced", "cycles_leak", "diff_breached", "diff_whole", "hostile")


@pytest.mark.parametrize("name", NAMES)
def test_markdown_reads_as_expected(name: str) -> None:
    check(f"{name}-markdown", to_markdown(examples.ALL[name]))


@pytest.mark.parametrize("name", NAMES)
def test_github_reads_as_expected(name: str) -> None:
    check(f"{name}-github", to_github(examples.ALL[name]))


@pytest.mark.parametrize("name", ["run_gated", "run_untraced", "run_clean", "diff_whole", "hostile"])
def test_junit_reads_as_expected(name: str) -> None:
    check(f"{name}-junit", to_junit(examples.ALL[name]))


@pytest.mark.parametrize("name", ["run_gated", "diff_whole", "hostile"])
def test_sarif_reads_as_expected(name: str) -> None:
    check(f"{name}-sarif", to_sarif(examples.ALL[name]), scrubs={rf'"{__version__}"': '"VERSION"'})


@pytest.mark.parametrize("name", sorted(examples.ALL))
def test_every_report_in_every_format(name: str) -> None:
    report = examples.ALL[name]
    assert len(consumers.sarif_run(write_as("sarif", report))["results"]) == len(report.findings) + len(gone(report))
    assert consumers.junit_suite(write_as("junit", report)).tests >= len(report.findings)
    assert consumers.markdown_page(write_as("markdown", report)).links == []
    new = [finding for finding in report.findings if finding.is_new and finding.is_worse]
    assert len(consumers.workflow_commands(write_as("github", report))) >= len(new)
    assert write_as("terminal", report).startswith(write_as("terminal", report, limit=1)[:40])


# --- what each format says where -------------------------------------------------------------------------------


def test_sarif_levels_and_places() -> None:
    run = consumers.sarif_run(to_sarif(examples.RUN_GATED))
    (result,) = run["results"]
    (place,) = result["locations"]
    assert result["level"] == "error"
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "support_chat.py", "uriBaseId": "SRCROOT"}
    assert place["physicalLocation"]["region"]["startLine"] == 43
    assert place["logicalLocations"] == [
        {"name": "ConversationManager.history", "fullyQualifiedName": "__main__.manager.history", "kind": "variable"}
    ]
    assert run["originalUriBaseIds"] == {"SRCROOT": {"uri": "file:///home/ann/shop/"}}
    assert result["partialFingerprints"] == {"memdiag/v1": "8c1f0e7a"}
    assert result["properties"]["retainedBytes"] == 1_922_000
    assert run["invocations"][0]["exitCode"] == 0
    assert [breach["limit"] for breach in run["properties"]["gate"]["breaches"]] == [
        "--max-growth 1MB",
        "--fail-on leak",
    ]


def test_sarif_of_a_program_in_a_folder_of_its_repository() -> None:
    run = consumers.sarif_run(to_sarif(examples.RUN_GATED, "/home/ann"))
    artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == "shop/support_chat.py"
    assert run["originalUriBaseIds"]["SRCROOT"]["uri"] == "file:///home/ann/"


def test_sarif_of_a_program_that_a_signal_ended() -> None:
    (invocation,) = consumers.sarif_run(to_sarif(examples.RUN_UNTRACED))["invocations"]
    assert invocation["exitSignalNumber"] == 9
    assert not invocation["executionSuccessful"]
    assert [note["level"] for note in invocation["toolExecutionNotifications"]] == ["warning", "note"]


OUTSIDE = replace(examples.DECODER, file="/usr/lib/python3.11/json/decoder.py")
VENV = replace(examples.DECODER, file=f"{examples.HOME}/.venv/lib/python3.11/site-packages/orders.py")


def with_sites(*sites: Site) -> Report:
    finding: Finding = replace(examples.HISTORY, sites=sites)
    return replace(examples.RUN_LEAK, findings=(finding,))


@pytest.mark.parametrize(
    ("sites", "first"),
    [
        ((examples.HANDLE, OUTSIDE), ("support_chat.py", 43)),
        ((OUTSIDE, examples.HANDLE), ("support_chat.py", 43)),
        ((OUTSIDE, VENV), ("support_chat.py", 1)),
        ((), ("support_chat.py", 1)),
        ((Site("<string>", 3),), ("support_chat.py", 1)),
        ((Site("lib/orders.py", 7),), ("lib/orders.py", 7)),
        ((Site(f"{examples.HOME}/a b/ö,%:x.py", 7),), ("a b/ö,%:x.py", 7)),
    ],
)
def test_a_finding_is_shown_in_the_repository(sites: tuple[Site, ...], first: tuple[str, int]) -> None:
    """An installed file is nowhere in a pull request, and GitHub refuses a result without a place."""
    report = with_sites(*sites)
    physical = consumers.sarif_run(to_sarif(report))["results"][0]["locations"][0]["physicalLocation"]
    assert (unquote(physical["artifactLocation"]["uri"]), physical["region"]["startLine"]) == first
    (command,) = consumers.workflow_commands(to_github(report))
    assert (command.properties["file"], int(command.properties["line"])) == first


@pytest.mark.parametrize(
    ("command", "argv", "file"),
    [
        ("run", ("-m", "shop.jobs", "now"), "shop/jobs.py"),
        ("run", ("tools/run.py",), "tools/run.py"),
        ("run", ("-c", "pass"), ""),
        ("check", ("shop.jobs:handle",), "shop/jobs.py"),
        ("check", ("tools/run.py:main",), "tools/run.py"),
    ],
)
def test_a_finding_without_a_line_is_shown_at_the_program(command: str, argv: tuple[str, ...], file: str) -> None:
    report = replace(with_sites(), command=command, target=replace(examples.CHAT, argv=argv))
    (said,) = consumers.workflow_commands(to_github(report))
    assert said.properties.get("file", "") == file


def test_github_says_the_gravest_first() -> None:
    """It shows ten annotations of a level, and no more."""
    verdicts = ["info", "suspect", "leak", "bounded", "leak"]
    told = [replace(examples.HISTORY, verdict=verdict, title=f"{at}") for at, verdict in enumerate(verdicts)]  # type: ignore[arg-type]
    report = replace(examples.RUN_GATED, findings=tuple(told))
    commands = consumers.workflow_commands(to_github(report))
    names = ["error"] * 4 + ["warning"] + ["notice"] * 2
    assert [command.name for command in commands] == names
    assert [command.message[0] for command in commands if "held by" in command.message] == list("24130")


def test_github_says_once_what_failed() -> None:
    """A breach by a finding that has its error already adds nothing; one by a warning does."""
    limits = [command.properties["title"] for command in consumers.workflow_commands(to_github(examples.RUN_GATED))]
    assert limits == ["LEAK MEM-005 bound-what-is-kept", "breached --max-growth 1MB"]
    suspect = replace(examples.RUN_GATED, findings=(replace(examples.HISTORY, verdict="suspect"),))
    names = [command.name for command in consumers.workflow_commands(to_github(suspect))]
    assert names == ["error", "error", "warning"]


def test_github_has_nothing_to_say_of_a_clean_run() -> None:
    assert to_github(examples.RUN_CLEAN) == ""


def test_a_command_stands_on_a_line_of_its_own() -> None:
    """Also behind a program that did not end its last line."""
    text = "42" + to_github(examples.RUN_GATED)
    assert text.startswith("42\n::error ")


def test_junit_outcomes() -> None:
    suite = consumers.junit_suite(to_junit(examples.RUN_UNTRACED))
    assert (suite.tests, suite.errors, suite.skipped, suite.failures) == (2, 1, 1, 0)
    suite = consumers.junit_suite(to_junit(examples.RUN_CLEAN))
    assert (suite.tests, suite.errors, suite.skipped, suite.failures) == (1, 0, 0, 0)
    suite = consumers.junit_suite(to_junit(examples.RUN_GATED))
    assert [case.name for case in suite][1:] == [
        "support_chat.py 4000: --max-growth 1MB",
        "support_chat.py 4000: --fail-on leak",
    ]


def test_names_of_junit_tests_hold_no_figures() -> None:
    """A CI system follows a test by its name."""
    later = replace(examples.HISTORY, title="ConversationManager.history grew by 77 Message", retained_bytes=77)
    one, other = (
        consumers.junit_suite(to_junit(replace(examples.RUN_LEAK, findings=(finding,))))
        for finding in (examples.HISTORY, later)
    )
    assert [case.name for case in one] == [case.name for case in other]


def test_markdown_tables_hold_the_figures() -> None:
    page = consumers.markdown_page(to_markdown(examples.RUN_GATED))
    assert page.rows[1] == [
        "LEAK",
        "ConversationManager.history keeps every Message",
        "__main__.manager.history",
        "support_chat.py:43",
        "1.9 MB",
    ]
    assert page.rows[3][0] == "+1.5 MB"
    assert page.rows[3][-1] == "support_chat.py:43"


def test_markdown_says_how_much_it_leaves_out() -> None:
    many = tuple(replace(examples.HISTORY, id=str(at)) for at in range(12))
    text = to_markdown(replace(examples.RUN_LEAK, findings=many), limit=10)
    assert "... and 2 more findings" in text
    assert text.count("**fix**") == 10


def test_markdown_fits_into_a_comment() -> None:
    """GitHub's comments have room for 65,536 characters."""
    long = replace(
        examples.HISTORY, title="t " * 9999, why="w_w " * 9999, fix="f_f " * 9999, sites=(examples.HANDLE,) * 50
    )
    report = replace(examples.RUN_LEAK, findings=(long,) * 50, rows=examples.CHAT_ROWS * 50)
    assert len(to_markdown(report)) < 65_536


@pytest.mark.parametrize("name", ["x|y", "`", "a`b``c", "<b>", "@ann", "[a](http://b)", "a\nb", "\\|", "|", "&lt;"])
def test_a_bar_or_a_mention_in_a_name_stays_in_its_cell(name: str) -> None:
    holder = replace(examples.HISTORY.holder or examples.CYCLES_FINDING.holder, path=name)  # type: ignore[type-var]
    finding = replace(examples.HISTORY, holder=holder)
    page = consumers.markdown_page(to_markdown(replace(examples.RUN_LEAK, findings=(finding,))))
    assert page.rows[1][2] == name.replace("\n", r"\n")
    assert name.replace("\n", r"\n") in page.code


def test_breach_is_shown_at_the_line_that_it_names() -> None:
    (command,) = consumers.workflow_commands(to_github(examples.DIFF_BREACHED))
    assert (command.properties["file"], command.properties["line"]) == ("support_chat.py", "43")
    elsewhere = replace(examples.DIFF, gate=Gate(False, (Breach("--max-growth 1MB", "grew", "str"),)))
    (command,) = consumers.workflow_commands(to_github(elsewhere))
    assert "file" not in command.properties


# --- what a gate passes ----------------------------------------------------------------------------------------

KNOWN = replace(examples.HISTORY, id="k", title="known", known=True)
IGNORED = replace(examples.HISTORY, id="i", title="ignored one", ignored="it is a |cache|")
PASSED = replace(
    examples.RUN_LEAK,
    findings=(KNOWN, IGNORED, examples.HISTORY),
    gate=Gate(False, (Breach("--fail-on leak", "the verdict is leak"),), ("--fail-on leak", "--max-growth 20MB")),
    baseline=Compared("baseline.json", known=1),
)


def test_sarif_marks_what_is_known_and_what_is_ignored() -> None:
    found, known, ignored = consumers.sarif_run(to_sarif(PASSED))["results"]
    assert [found["baselineState"], known["baselineState"]] == ["new", "unchanged"]
    assert "suppressions" not in found
    assert ignored["suppressions"] == [{"kind": "external", "justification": "it is a |cache|"}]


def test_junit_skips_what_is_known_or_ignored_and_has_a_test_for_each_limit() -> None:
    suite = consumers.junit_suite(to_junit(PASSED))
    assert (suite.tests, suite.failures, suite.skipped) == (5, 2, 2)
    *_, breached, kept = suite
    assert breached.name.endswith("--fail-on leak")
    assert kept.name.endswith("--max-growth 20MB")
    assert not kept.result


def test_github_is_silent_on_what_is_known_or_ignored() -> None:
    messages = [command.message for command in consumers.workflow_commands(to_github(PASSED))]
    assert not [message for message in messages if message.startswith(("known", "ignored"))]
    assert len(messages) == 2


def test_markdown_folds_what_is_known_or_ignored() -> None:
    page = consumers.markdown_page(to_markdown(PASSED))
    assert sum(row[0] == "LEAK" for row in page.rows) == 1
    assert "<summary>Known or ignored</summary>" in "".join(page.html)
    assert "|cache|" in page.code


# --- what became of what was there before -------------------------------------------------------------------------


def status(of: RowStatus, at: str) -> Finding:
    return replace(examples.HISTORY, id=at, title=f"{of} one", status=of)


COMPARED = replace(
    examples.DIFF,
    findings=(status("same", "a"), status("new", "b"), status("better", "c"), status("worse", "d")),
    changes=(replace(examples.FOUND[0], id="e", name="gone one", status="gone", evidence="nothing after"),),
)


def test_sarif_says_what_became_of_each() -> None:
    results = consumers.sarif_run(to_sarif(COMPARED))["results"]
    states = {one["partialFingerprints"]["memdiag/v1"]: one["baselineState"] for one in results}
    assert states == {"a": "unchanged", "b": "new", "c": "updated", "d": "updated", "e": "absent"}
    absent = results[-1]
    assert (absent["kind"], absent["level"], absent["suppressions"][0]["status"]) == ("pass", "none", "accepted")
    assert "physicalLocation" in absent["locations"][0]


def test_github_and_junit_are_silent_on_what_is_no_more_than_before() -> None:
    said = [command.message.split("\n")[0] for command in consumers.workflow_commands(to_github(COMPARED))]
    assert said == ["new one", "worse one"]
    suite = consumers.junit_suite(to_junit(COMPARED))
    assert (suite.tests, suite.failures) == (5, 2)
    assert "gone: gone one" in to_junit(COMPARED)


def test_markdown_lists_what_is_worse_and_folds_the_rest() -> None:
    text = to_markdown(COMPARED)
    page = consumers.markdown_page(text)
    assert [row[0] for row in page.rows if row[0].endswith("LEAK")] == ["NEW LEAK", "WORSE LEAK"]
    assert text.index("gone one") < text.index("<summary>No more than before</summary>") < text.index("SAME LEAK")
