"""A report as Markdown for a pull request's comment or a job's summary: the verdict, a table, the rest folded away.

What a program named is written as code, where GitHub takes nothing for markup, HTML, a mention or a link (GitHub
Flavored Markdown, 0.29). In a sentence of memdiag's, each word that is more than a word or a number is such a name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from memdiag.model import Finding, Report, Row, Site
from memdiag.report.findings import classification, growth_line, holder_line
from memdiag.report.repository import breached_at, gone, lines_of, own_path, passed_as, verdict_word
from memdiag.report.text import cut, cycle_line, literal, place
from memdiag.units import counted, format_bytes, format_count, format_duration

MARK = "<!-- memdiag -->"  # by which a bot finds the comment that it wrote before

_VERDICTS = {"leak": "LEAK", "suspect": "LEAK SUSPECTED", "clean": "NO LEAK FOUND", "inconclusive": "INCONCLUSIVE"}
_NAME = 120  # characters of a name
_TITLE = 240
_PROSE = 900  # of a sentence or two: ten findings have room in a comment of GitHub's, which holds 65,536
_SITES = 3
_PIECE = re.compile(r"`[^`]*`|[^\s`]+(?:`\S*)?|\S+")
_ENDS = ".,;:!?)"
_PLAIN = re.compile(rf"\(?(?:[+-]?[^\W_]+(?:[-',][^\W_]+)*(?:\.\d+)*%?|%|[kMGTPE]?B/s)[{_ENDS}]*|[{_ENDS}]+")
_ITEM = re.compile(r"\d+[.)]")  # at the beginning of a line: an item of a list


def to_markdown(report: Report, root: str = "", limit: int = 10) -> str:
    """The report as Markdown; tables and details show their first ``limit`` entries, and say how many more there are.

    Files are relative to ``root``, else to where the program ran.
    """
    root = root or report.target.directory
    blocks = [
        MARK,
        f"### memdiag: {_verdict(report)}",
        prose(report.headline),
        _facts(report),
        *_breaches(report, root),
        _findings(report, root, limit),
        _details(report, root, limit),
        *_as_before(report, limit),
        _passed(report, limit),
        _rows(report, root, limit),
        *(f"> {prose(note)}" for note in report.notes),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def code(text: str, room: int = _NAME) -> str:
    """The text as code, on one line: a name of the program's, literally."""
    text = cut(literal(text), room)
    if not text:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    edge = " " if text.strip() and (text[0] in "` " or text[-1] in "` ") else ""  # which a reader takes away again
    return f"{fence}{edge}{text}{edge}{fence}"


def prose(text: str, room: int = _PROSE) -> str:
    """Sentences of memdiag's, in which the names of the program, and what stands in backquotes, become code."""
    text = cut(literal(text), room)
    parts, end = [""], 0
    for match in _PIECE.finditer(text):
        piece = code(match[0]) if not end and _ITEM.fullmatch(match[0]) else _piece(match[0])
        gap = text[end : match.start()]
        parts += [gap or (" " if parts[-1].endswith("`") and piece.startswith("`") else ""), piece]
        end = match.end()
    return "".join(parts).strip()


def _piece(piece: str) -> str:
    if _PLAIN.fullmatch(piece):
        return piece
    if len(piece) > 2 and piece[0] == piece[-1] == "`" and "`" not in piece[1:-1]:
        return code(piece[1:-1], _PROSE)
    before = piece[: piece.startswith("(")]
    name, after = _without_end(piece[len(before) :])
    return f"{before}{code(name, _PROSE)}{after}" if name else code(piece)


def _without_end(piece: str) -> tuple[str, str]:
    """The name, and what ends the sentence or the parenthesis that it stands in; ``close()`` keeps its own."""
    end = len(piece)
    while end and piece[end - 1] in _ENDS and not _closes(piece[:end]):
        end -= 1
    return piece[:end], piece[end:]


def _closes(text: str) -> bool:
    return text[-1] == ")" and text.count("(") >= text.count(")")


def _verdict(report: Report) -> str:
    if report.command == "diff" and report.verdict != "inconclusive":
        return "WITHIN LIMITS" if report.gate.passed else "LIMIT BREACHED"
    return _VERDICTS[report.verdict]


def _facts(report: Report) -> str:
    if report.command == "diff":
        return f"before {code(report.before)}, after {code(report.after)}"
    target = report.target
    status = target.exit_status
    facts = [
        code(shlex.join(target.argv)),
        f"Python {prose(target.python)}" if target.python else "",
        format_duration(target.duration_s),
        "" if status is None else f"exit status {status}" if status >= 0 else f"ended by signal {-status}",
    ]
    return ", ".join(fact for fact in facts if fact)


def _breaches(report: Report, root: str) -> Iterator[str]:
    for breach in report.gate.breaches:
        site = breached_at(breach, report)
        where = code(_place(site, report, root)) if site else prose(breach.where)
        where = f" ({where})" if where else ""
        yield f"**Breached** {code(breach.limit)}: {prose(breach.measured)}{where}"


def _findings(report: Report, root: str, limit: int) -> str:
    shown = _new(report)
    if not shown:
        return ""
    rows = [_finding_cells(finding, report, root) for finding in shown[:limit]]
    head = ("verdict", "what", "held by", "line", "retains")
    return _table(head, "llllr", rows) + _more(len(shown) - limit, "finding")


def _new(report: Report) -> Sequence[Finding]:
    return [finding for finding in report.findings if finding.is_new and finding.is_worse]


def _as_before(report: Report, limit: int) -> Iterator[str]:
    """Of a comparison: what is gone, and what is no more than before, a line each."""
    mended = [f"- {prose(row.name, _TITLE)} ({prose(row.evidence, _TITLE)})" for row in gone(report)]
    if mended:
        yield "**Gone**\n\n" + "\n".join(mended[:limit]) + _more(len(mended) - limit, "finding")
    old = [one for one in report.findings if one.is_new and not one.is_worse]
    if old:
        lines = [f"- {verdict_word(one)} {prose(one.title, _TITLE)}" for one in old[:limit]]
        yield _folded("No more than before", "\n".join(lines) + _more(len(old) - limit, "finding"))


def _passed(report: Report, limit: int) -> str:
    """A line each: findings that the gate passes, as they are known or ignored."""
    lines = [
        f"- {one.verdict.upper()} {prose(one.title, _TITLE)} ({prose(passed_as(one), _TITLE)})"
        for one in report.findings
        if not one.is_new
    ]
    return _folded("Known or ignored", "\n".join(lines[:limit]) + _more(len(lines) - limit, "finding")) if lines else ""


def _finding_cells(finding: Finding, report: Report, root: str) -> Sequence[str]:
    retained = "" if finding.retained_bytes is None else format_bytes(finding.retained_bytes)
    holder = code(finding.holder.path) if finding.holder else ""
    line = next((code(_place(site, report, root)) for site in lines_of(finding)), "")
    return (verdict_word(finding), prose(finding.title, _TITLE), holder, line, retained)


def _details(report: Report, root: str, limit: int) -> str:
    told = [_detail(number, one, report, root) for number, one in enumerate(_new(report)[:limit], start=1)]
    return _folded("Why, and what to change", "\n\n".join(told)) if told else ""


def _detail(number: int, finding: Finding, report: Report, root: str) -> str:
    lines = [
        ("", prose(classification(finding))),
        ("held by", prose(holder_line(finding.holder)) if finding.holder else ""),
        ("grows", prose(growth_line(finding.growing))),
        ("cycle", code(cycle_line(finding.cycle), _TITLE) if finding.cycle else ""),
        *(("at", _site(site, report, root)) for site in lines_of(finding)[:_SITES]),
        ("why", prose(finding.why)),
        ("**fix**", prose(finding.fix)),
    ]
    points = [f"- {label}: {text}" if label else f"- {text}" for label, text in lines if text]
    return f"**{number}. {verdict_word(finding)}** {prose(finding.title, _TITLE)}\n\n" + "\n".join(points)


def _site(site: Site, report: Report, root: str) -> str:
    function = f" in {code(site.function)}" if site.function else ""
    source = f": {code(site.source.strip())}" if site.source.strip() else ""
    return f"{code(_place(site, report, root))}{function}{source}"


def _place(site: Site, report: Report, root: str) -> str:
    own = own_path(site.file, report.target.directory, root)
    return place(own or site.file, site.line, room=_NAME)


def _rows(report: Report, root: str, limit: int) -> str:
    grown = [row for row in report.rows if (row.status != "same" if report.command == "diff" else row.growth_bytes > 0)]
    if not grown:
        return ""
    cells = [_row_cells(row, report, root) for row in grown[:limit]]
    table = _table(("growth", "before", "after", "blocks", "of"), "rrrrl", cells)
    title = f"Growth by {'type' if grown[0].type else 'line'}"
    return _folded(title, table + _more(len(grown) - limit, "row"))


def _row_cells(row: Row, report: Report, root: str) -> Sequence[str]:
    return (
        format_bytes(row.growth_bytes, signed=True),
        format_bytes(row.before_bytes),
        format_bytes(row.after_bytes),
        format_count(row.growth_blocks, signed=True),
        code(row.type or _place(row.site, report, root)),
    )


def _table(head: Sequence[str], align: str, rows: Sequence[Sequence[str]]) -> str:
    """A table; a bar within a cell is escaped there, in code as well (GitHub Flavored Markdown, 4.10)."""
    rule = ["---:" if letter == "r" else "---" for letter in align]
    lines = [head, rule, *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _more(hidden: int, noun: str) -> str:
    return f"\n\n... and {counted(hidden, f'more {noun}')}" if hidden > 0 else ""


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
