"""What a job makes is used as a whole once it is made; what leaks, or serves one of many requests, is not."""

from __future__ import annotations

import textwrap

import pytest

from memdiag.analysis.owner import RESULT, read_owner

REPORT = """
class Report:
    def __init__(self):
        self.lines = []
    def read(self, rows):
        for row in rows:
            self.lines.append(row.upper())
    def finish(self):
        {finish}
def main():
    report = Report()
    {fill}
    {use}
{start}
"""


def uses(
    finish: str = "return self.lines",
    fill: str = "report.read(rows())",
    use: str = "show(report.finish())",
    start: str = "",
) -> list[str]:
    text = REPORT.format(finish=finish, fill=fill, use=use, start=start or 'if __name__ == "__main__":\n    main()')
    facts = read_owner(textwrap.dedent(text), "/app/app.py", "Report", "lines")
    return [made.how.removeprefix(RESULT) for made in facts.created if made.how.startswith(RESULT)]


@pytest.mark.parametrize(
    ("finish", "how"),
    [
        ("return self.lines", "returned"),
        ("self.lines.sort()", "sorted"),
        ("write(self.lines)", "given to write()"),
        ("return sum(line.size for line in self.lines)", "gone through"),
        ("for line in self.lines: print(line)", "gone through"),
        ("return sorted(self.lines.values())", "given to sorted()"),
    ],
)
def test_what_is_asked_for_as_a_whole_once_it_is_full(finish: str, how: str) -> None:
    assert uses(finish) == [how]


def test_it_may_be_used_where_it_is_filled() -> None:
    assert uses("pass", use="print(len(report.lines)); write(report.lines)") == ["given to write()"]
    loop = "for part in parts():\n        report.read(part)"
    assert uses("pass", loop, "write(report.lines)") == ["given to write()"]
    assert uses("pass", "total = sum(report.read(part) for part in parts())", "write(report.lines)")


@pytest.mark.parametrize(
    "finish",
    [
        "return len(self.lines)",
        "return sum(len(line) for line in self.lines)",
        "return sum(1 for line in self.lines)",
        "return self.lines[-1]",
        "self.lines.append('the end')",
    ],
)
def test_what_asks_for_no_more_than_their_number(finish: str) -> None:
    assert not uses(finish)


@pytest.mark.parametrize(
    ("use", "whole"),
    [
        ("print(len(report.finish()))", False),
        ("report.finish()", False),
        ("lines = report.finish()", False),
        ("lines = report.finish(); print(len(lines), lines[-1])", False),
        ("lines = report.finish(); print(len(lines)); show(lines)", True),
        ("for line in report.finish(): print(line)", True),
        ("print(*report.finish())", True),
        ("if lines := report.finish(): show(sorted(lines))", True),
    ],
)
def test_what_is_done_with_what_is_returned(use: str, whole: bool) -> None:
    assert uses(use=use) == ["returned"] * whole


def test_the_function_that_fills_it_may_return_it() -> None:
    run = "def run(report):\n    for part in parts():\n        report.read(part)\n    return report.lines\nmain()"
    assert uses("pass", "lines = run(report)", "show(lines)", run) == ["returned"]
    assert not uses("pass", "lines = run(report)", "print(len(lines))", run)


def test_what_is_used_while_it_is_filled() -> None:
    assert not uses(fill="for part in parts():\n        report.read(part)\n        report.finish()", use="pass")


@pytest.mark.parametrize(
    "start",
    [
        "for request in requests():\n    main()",
        "while True: main()",
        "[main() for request in requests()]",
        "main()\nmain()",
        "serve(app)",  # by whom and how often it is called, the file does not say
        "def handle(request):\n    main()\nserve(handle, main)",
    ],
)
def test_what_may_be_done_many_times(start: str) -> None:
    assert not uses(start=start)


def test_what_goes_through_it_to_tidy_up() -> None:
    tidy = "for line in [line for line in self.lines if line.old]: self.lines.remove(line)"
    assert not uses(tidy)


def test_what_other_places_add_to_as_well() -> None:
    assert not uses(start="def late(report):\n    report.lines.append('late')\nmain()\nserve(late)")


def test_other_files_may_call_it() -> None:
    text = REPORT.format(finish="return self.lines", fill="report.read(rows())", use="report.finish()", start="main()")
    others = {"/app/other.py": "import app\nfor request in requests():\n    app.main()\n"}
    facts = read_owner(text, "/app/app.py", "Report", "lines", others)
    assert not [made for made in facts.created if made.how.startswith(RESULT)]
