"""Readers of reports that are not memdiag's own: each raises where a report is not what its format says."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

import jsonschema
import junitparser
import xmlschema
from markdown_it import MarkdownIt
from markdown_it.token import Token

DATA = Path(__file__).parent / "data"

Json = dict[str, Any]


@functools.cache
def _sarif_schema() -> jsonschema.Draft202012Validator:
    schema = json.loads((DATA / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker(["uri", "uri-reference"]))


@functools.cache
def _junit_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(DATA / "junit-10.xsd")


def sarif_run(text: str) -> Json:
    """The one run of a SARIF log that keeps to the schema, its references within the log resolved."""
    log = json.loads(text)
    _sarif_schema().validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        if "ruleIndex" in result:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for location in (*result["locations"], *result["relatedLocations"]):
            base = location.get("physicalLocation", {}).get("artifactLocation", {}).get("uriBaseId")
            assert base is None or base in run.get("originalUriBaseIds", {"SRCROOT": None})
    return dict(run)


def junit_suite(text: str) -> junitparser.TestSuite:
    """The one suite of JUnit XML that keeps to Jenkins' schema, and whose counts are those of its cases."""
    _junit_schema().validate(xml.fromstring(text))
    (suite,) = junitparser.JUnitXml.fromstring(text.encode("ascii"))
    cases = list(suite)
    outcomes = [type(result).__name__ for case in cases for result in case.result]
    told = (suite.tests, suite.failures, suite.errors, suite.skipped)
    counted = (len(cases), outcomes.count("Failure"), outcomes.count("Error"), outcomes.count("Skipped"))
    assert told == counted
    return suite


@dataclass(frozen=True)
class Page:
    """What a renderer of GitHub Flavored Markdown makes of a text."""

    tokens: list[Token]
    html: list[str] = field(default_factory=list)  # raw, that would go out as it stands
    links: list[str] = field(default_factory=list)
    text: str = ""  # outside of code
    code: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)  # of all tables, heads too, cell by cell


def markdown_page(text: str) -> Page:
    tokens = MarkdownIt("gfm-like").parse(text)
    page = Page(tokens, [token.content for token in tokens if token.type == "html_block"])
    words = []
    for token in tokens:
        for inner in token.children or ():
            if inner.type == "html_inline":
                page.html.append(inner.content)
            elif inner.type in ("link_open", "image"):
                page.links.append(str(inner.attrs))
            elif inner.type == "code_inline":
                page.code.append(inner.content)
            elif inner.type == "text":
                words.append(inner.content)
    page.rows.extend(_rows(tokens))
    return Page(tokens, page.html, page.links, " ".join(words), page.code, page.rows)


def _rows(tokens: list[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    for before, token in pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in ("td_open", "th_open"):
            rows[-1].append("".join(inner.content for inner in token.children or ()))
    return rows


@dataclass(frozen=True)
class Command:
    """A workflow command, as GitHub's runner understands it."""

    name: str
    properties: dict[str, str]
    message: str


def workflow_commands(text: str) -> list[Command]:
    """The commands among the lines; every other line must be empty. As in actions/runner, ActionCommand.cs."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        match = re.fullmatch(r"\s*::(?P<info>.*?)::(?P<message>.*)", line)
        if match is None:
            assert not line.strip(), line
            continue
        name, _, given = match["info"].partition(" ")
        pairs = [pair.split("=", 1) for pair in given.strip().split(",") if pair]
        properties = {pair[0]: _unescaped(pair[1], "\r\n:,%") for pair in pairs if len(pair) == 2 and pair[1]}
        found.append(Command(name, properties, _unescaped(match["message"], "\r\n%")))
    return found


def _unescaped(text: str, letters: str) -> str:
    for letter in letters:
        text = text.replace(f"%{ord(letter):02X}", letter)
    return text
