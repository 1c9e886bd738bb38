"""Handles of real programs: what piles up, what only the collector closes, and what is as it should be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.cli import Cli, Report
from tests.integration.programs import Setting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists a process's descriptors in /proc")

WORK = "sum(at * at for at in range(5_000))"

IN_CYCLES = f"""
    import socket

    class Session:
        def __init__(self):
            self.near, self.far = socket.socketpair()
            self.me = self

    def talk():
        session = Session()
        session.near.send(b"hello")
        return len(session.far.recv(10)) + {WORK} % 2

    def main():
        print(sum(talk() for _ in range(1_500)))

    main()
"""
WITH_THE_LAST_REFERENCE = f"""
    def settings():
        return len(open(__file__).read()) + {WORK} % 2

    def main():
        print(sum(settings() for _ in range(1_000)))

    main()
"""
CLOSED = f"""
    import socket

    def settings():
        with open(__file__) as file:
            return len(file.read()) + {WORK} % 2

    def talk():
        near, far = socket.socketpair()
        try:
            return near.send(b"hello")
        finally:
            near.close()
            far.close()

    def main():
        print(sum(settings() + talk() for _ in range(1_000)))

    main()
"""
DIRECTORIES_THAT_STAY = f"""
    import tempfile

    def render():
        place = tempfile.mkdtemp()
        return len(place) + {WORK} % 2

    def main():
        print(sum(render() for _ in range(2_500)))

    main()
"""


def of_handles(report: Report) -> list[Report]:
    return [one for one in report["findings"] if one["kind"] == "resource"]


def test_sockets_in_cycles_are_told_though_none_is_open_at_the_end(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.write("app.py", IN_CYCLES)
    ran = cli.reported("run", "app.py")
    (one,) = of_handles(ran.report)
    assert (one["verdict"], one["pattern"]) == ("info", "late-closing")
    assert "only the collector closes open sockets" in one["title"]
    assert "Session objects hold them" in one["why"]
    assert {(Path(site["file"]).name, site["line"]) for site in one["sites"]} == {("app.py", 5)}
    assert one["growing"]["per_second"] > 0
    assert ran.report["verdict"] in ("clean", "inconclusive")


def test_a_line_that_leaves_closing_to_the_last_reference_is_told_and_not_accused(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.write("app.py", WITH_THE_LAST_REFERENCE)
    ran = cli.reported("run", "app.py")
    (one,) = of_handles(ran.report)
    assert (one["verdict"], one["pattern"]) == ("info", "late-closing")
    assert one["title"].startswith("what app.py:2 opens, nobody closes")
    assert ran.report["verdict"] in ("clean", "inconclusive")
    (capture,) = cli.captures()
    assert "what app.py:2 opens, nobody closes" in cli("report", str(capture)).stdout


def test_of_a_program_that_closes_what_it_opens_nothing_is_said(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.write("app.py", CLOSED)
    assert of_handles(cli.reported("run", "app.py").report) == []


def test_temporary_directories_that_stay(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.write("app.py", DIRECTORIES_THAT_STAY)
    (tmp_path / "tmp").mkdir()
    ran = cli.reported("run", "app.py", setting=Setting(env={"TMPDIR": str(tmp_path / "tmp")}))
    (one,) = of_handles(ran.report)
    assert (one["verdict"], one["rule"]) == ("suspect", "MEM-001")
    assert "temporary files and directories pile up: 0 at the start" in one["title"]
    assert one["sites"][0]["line"] == 4


def test_the_programs_filters_for_warnings_are_as_they_were_and_hear_what_they_heard(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.write(
        "app.py",
        """
        import warnings
        before = list(warnings.filters)
        heard = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(50):
                open(__file__).read()
            heard = [str(one.category.__name__) for one in caught]
        print(len(heard), set(heard), warnings.filters == before, len(before))
        """,
    )
    ran = cli("run", "app.py")
    assert ran.stdout == "50 {'ResourceWarning'} True 5\n"
    assert "ResourceWarning: unclosed" not in ran.stderr
