"""Whatever a program is named, each format holds what it must, and what reads it takes nothing for its own."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from memdiag.analysis.rules import RULES
from memdiag.model import Breach, Gate, Report, RunVerdict
from memdiag.report import to_github, to_json, to_junit, to_markdown, to_sarif
from memdiag.report.markdown import MARK, code, prose
from memdiag.report.repository import own_path
from memdiag.report.text import cut, literal
from tests import consumers
from tests.property.test_report import findings, names, reports

tricky = st.text(st.sampled_from("`|\\<>&@#*_[](){}!~$:;,.=%+- \n\r\t\x00ab1/\"'\udce9世"), max_size=40)
texts = tricky | names
gates = st.builds(Gate, st.booleans(), st.lists(st.builds(Breach, texts, texts, texts), max_size=2).map(tuple))


@st.composite
def judged(draw: st.DrawFn) -> Report:
    """A report with a gate's answer, of findings of every verdict, with texts that are hard to carry."""
    report = draw(reports)
    words = draw(st.lists(texts, min_size=6, max_size=6))
    told = [
        replace(finding, title=words[0], why=words[1], fix=words[2], rule=draw(st.sampled_from(["", "MEM-005", "X"])))
        for finding in (*report.findings, *draw(st.lists(findings, max_size=2)))
    ]
    target = replace(
        report.target,
        argv=(words[3], words[4]),
        directory=draw(st.sampled_from(["", "/home/ann/shop"]) | names),
        exit_status=draw(st.sampled_from([None, 0, 1, -9])),
    )
    verdict: RunVerdict = draw(st.sampled_from(["leak", "suspect", "clean", "inconclusive"]))
    notes = (words[5],)
    return replace(report, findings=tuple(told), gate=draw(gates), target=target, verdict=verdict, notes=notes)


@settings(max_examples=50)
@given(judged(), st.sampled_from(["", "/home/ann", "/"]) | names)
def test_sarif_keeps_to_its_schema(report: Report, root: str) -> None:
    text = to_sarif(report, root)
    assert text.isascii()
    run = consumers.sarif_run(text)
    told = [finding["id"] for finding in json.loads(to_json(report), parse_constant=str)["findings"]]
    assert sorted(result["partialFingerprints"]["memdiag/v1"] for result in run["results"]) == sorted(told)
    for result in run["results"]:
        assert not re.search(r"\{\d+\}(?!\})", result["message"]["text"])
        assert "](" not in result["message"]["text"]
        assert result["message"]["text"].count("\n") <= 3  # of ours: those of the program are escaped


@settings(max_examples=50)
@given(judged())
def test_junit_keeps_to_its_schema(report: Report) -> None:
    text = to_junit(report)
    assert text.isascii()
    suite = consumers.junit_suite(text)
    leaks = sum(finding.verdict == "leak" for finding in report.findings)
    fails = leaks + len(report.gate.breaches)
    assert suite.failures in (fails, fails + (report.verdict == "leak"))
    assert suite.skipped == (report.verdict == "inconclusive")
    assert suite.errors == bool(report.target.exit_status)
    assert suite.tests >= max(1, len(report.findings) + len(report.gate.breaches))


@settings(max_examples=50)
@given(judged())
def test_markdown_is_nothing_but_ours(report: Report) -> None:
    page = consumers.markdown_page(to_markdown(report))
    assert {re.sub(r"<summary>.*</summary>", "", block).strip() for block in page.html} <= {
        MARK,
        "<details>",
        "</details>",
    }
    assert page.links == []
    assert not set(page.text) & set("@#<>`|[]*_~$\\")
    shown = len(report.findings)
    assert sum(len(row) == 5 and row[0] in ("LEAK", "SUSPECT", "BOUNDED", "INFO") for row in page.rows) == shown
    assert {len(row) for row in page.rows} <= {5}


@settings(max_examples=50)
@given(judged())
def test_github_reads_every_command(report: Report) -> None:
    commands = consumers.workflow_commands(to_github(report))
    told = {finding.title for finding in report.findings if finding.verdict == "leak"}
    breaches = [breach for breach in report.gate.breaches if breach.where not in told]
    assert len(commands) == len(report.findings) + len(breaches) + (report.verdict == "inconclusive")
    levels = [("error", "warning", "notice").index(command.name) for command in commands]
    assert levels == sorted(levels)
    messages = [command.message.split("\n")[0] for command in commands]
    for finding in report.findings:
        if finding.title:
            assert literal(finding.title) in messages
    for command in commands:
        assert set(command.properties) <= {"file", "line", "title"}


@given(texts)
def test_code_is_one_piece_of_code(text: str) -> None:
    (paragraph,) = [token for token in consumers.markdown_page(f"x {code(text)} y").tokens if token.type == "inline"]
    children = paragraph.children or []
    if not literal(text):
        return
    assert [child.type for child in children] == ["text", "code_inline", "text"]
    assert children[1].content == cut(literal(text), 120)


@given(texts)
@example("`a` `<b>`")
@example("1. first")
@example("`a```b`c``<i>x</i>")
@example("see www.example.com, http://a.b/c or ann@example.com")
def test_prose_keeps_every_letter(text: str) -> None:
    """Whatever is code and whatever is not: together they are the sentence, without its backquotes and its blanks."""
    page = consumers.markdown_page(prose(text))
    assert page.html == page.links == []
    tokens = [child for token in page.tokens for child in token.children or ()]
    assert {child.type for child in tokens} <= {"text", "code_inline"}
    blank = re.compile(r"[`\s]")
    read = "".join(child.content for child in tokens)
    assert blank.sub("", read) == blank.sub("", literal(text))


@given(names, names, names)
def test_own_path_never_leaves_the_repository(file: str, directory: str, root: str) -> None:
    own = own_path(file, directory, root)
    assert not own.startswith(("/", "../"))
    assert own != ".."


def test_rules_help_is_markdown() -> None:
    for rule in RULES:
        assert consumers.markdown_page(prose(rule.how)).html == []
        assert "close()" in consumers.markdown_page(prose("Then close() it.")).code
