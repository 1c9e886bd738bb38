"""The exact text of every kind of report, at 80 columns, without colour; then what no golden text can show."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from memdiag.model import CollectorCost, GenerationCost, Report, Sample, Site
from memdiag.report import render
from memdiag.report.collector import write_collector
from memdiag.report.page import Page
from tests.golden import examples
from tests.golden.golden import check


@pytest.mark.parametrize("name", sorted(examples.ALL))
def test_report_reads_as_expected(name: str) -> None:
    check(name, render(examples.ALL[name], width=80, color=False))


def _collector(cost: CollectorCost, python: str = "3.11.7") -> str:
    page = Page(width=80, color=False)
    write_collector(page, cost, python)
    return page.finish()


def test_cost_of_the_collector_reads_as_expected() -> None:
    idle = replace(examples.COST, frozen=0, generations=(GenerationCost(0, 0, 0.0, 0.0, 0),))
    pages = [_collector(examples.COST), _collector(examples.COST, "3.14.2"), _collector(idle)]
    check("collector", "".join(pages))
    assert _collector(CollectorCost()) == "\n"


@pytest.mark.parametrize("name", ["run_leak", "hostile", "cycles_leak", "diff_breached"])
def test_report_in_ascii_reads_as_expected(name: str) -> None:
    text = render(examples.ALL[name], width=80, color=False, ascii_only=True)
    assert text.isascii()
    check(f"{name}-ascii", text)


def test_report_with_colour_and_room_reads_as_expected() -> None:
    check("run_gated-colour", render(examples.RUN_GATED, width=110, color=True))


@pytest.mark.parametrize("name", ["run_leak", "cycles_leak", "diff_breached"])
def test_short_report_says_what_it_leaves_out(name: str) -> None:
    check(f"{name}-limit", render(examples.ALL[name], width=80, color=False, limit=1))


@pytest.mark.parametrize("name", sorted(examples.ALL))
@pytest.mark.parametrize("width", [60, 80, 100])
def test_only_what_is_copied_is_longer_than_the_page(name: str, width: int) -> None:
    for line in render(examples.ALL[name], width=width, color=False).splitlines():
        assert len(line) <= width or line.startswith(("saved: ", "next: "))


@pytest.mark.parametrize("name", sorted(examples.ALL))
@pytest.mark.parametrize("width", [0, 1, 20, 10_000])
def test_no_width_is_too_small_or_too_large(name: str, width: int) -> None:
    assert render(examples.ALL[name], width=width, color=False).endswith("\n")


@pytest.mark.parametrize("color", [True, False])
def test_what_the_target_named_cannot_act_on_the_terminal(color: bool) -> None:
    text = render(examples.HOSTILE, width=80, color=color)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text) if color else text  # rich's own
    assert r"a\x1b[31m\n[red]b[/red]\u202ec\udce9é" in text
    assert {char for char in text if not char.isprintable()} == {"\n"}
    text.encode("utf-8")


def test_environment_does_not_change_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, coloured = (render(examples.RUN_LEAK, width=90, color=color) for color in (False, True))
    for name, value in {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "33", "FORCE_COLOR": "1", "LINES": "2"}.items():
        monkeypatch.setenv(name, value)
    assert render(examples.RUN_LEAK, width=90, color=False) == plain
    assert render(examples.RUN_LEAK, width=90, color=True) == coloured


@pytest.mark.parametrize("width", [80, 120])
def test_file_and_line_are_never_cut(width: int) -> None:
    directories = "/".join(f"directory{number}" for number in range(30))
    site = Site(f"/{directories}/handlers.py", 1234, "f" * 300, 5_000, 10, "x = " + "1 + " * 300)
    report = replace(examples.RUN_LEAK, rows=(examples.row(site, 0),), findings=())
    lines = render(report, width=width, color=False).splitlines()
    assert any(line.endswith("directory29/handlers.py:1234 in") for line in lines)


def test_long_line_of_source_is_cut_where_wide_characters_end() -> None:
    site = Site("a.py", 1, "", 5_000, 10, "x = '" + "世" * 300 + "'")
    text = render(replace(examples.RUN_LEAK, rows=(examples.row(site, 0),)), width=80, color=False)
    assert "    | x = '" + "世" * 33 + "...\n" in text


def _memory(*samples: Sample) -> list[str]:
    report = Report("run", "clean", "fine", examples.CHAT, samples=samples)
    lines = render(report, width=80, color=False).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Memory"))
    return lines[start : lines.index("", start)]


def test_one_sample_is_told_in_words() -> None:
    assert _memory(Sample(0.1, rss_bytes=15_200_000, heap_blocks=20_000)) == [
        "Memory: RSS 15.2 MB, live blocks 20,000 (one sample, so no series)"
    ]


def test_samples_without_figures_are_told_in_words() -> None:
    assert _memory(Sample(0.1), Sample(0.2)) == ["Memory: no figures were recorded"]


def test_two_samples_make_a_line() -> None:
    title, top, middle, bottom, axis = _memory(Sample(0.0, rss_bytes=0), Sample(2.0, rss_bytes=8_000_000))
    assert title == "Memory over 2.0 s (2 samples)"
    assert top.startswith("  RSS            8.0 MB ┤")
    assert top.endswith("█")
    assert middle[24] == "│"
    assert bottom[24:26] == "┤▁"
    assert axis.split() == ["0", "s", "2.0", "s"]


def test_series_known_at_one_moment_only_is_drawn_there() -> None:
    _, _, _, bottom, _ = _memory(Sample(0.0), Sample(1.0, rss_bytes=8_000_000), Sample(2.0))
    assert len(bottom.split("┤")[1].split()) == 1


def test_importing_the_package_does_not_import_rich() -> None:
    code = "import sys, memdiag.report; sys.exit('rich' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
