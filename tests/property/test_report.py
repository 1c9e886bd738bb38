"""Whatever a target is named and measures, its reports are harmless, complete and readable by machines."""

from __future__ import annotations

import json
from itertools import pairwise

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from memdiag.model import (
    CycleCluster,
    CycleEvidence,
    Finding,
    Holder,
    Moment,
    PassResult,
    Report,
    Row,
    Sample,
    Site,
    TargetInfo,
    TypeSurvival,
)
from memdiag.report import render, schema, to_json
from memdiag.report.plot import LEVELS, chart, sparkline
from memdiag.report.text import literal, place

VALIDATOR = jsonschema.Draft202012Validator(schema())

names = st.text(st.characters(), max_size=40)  # surrogates and control characters too
amounts = st.integers(min_value=0, max_value=2**62)
maybe = st.none() | amounts
times = st.floats(min_value=0, max_value=1e7)

sites = st.builds(Site, names, st.integers(0, 10**6), names, st.integers(-(2**40), 2**40), st.integers(-99, 99), names)
rows = st.builds(
    Row,
    site=sites,
    before_bytes=amounts,
    after_bytes=amounts,
    before_blocks=amounts,
    after_blocks=amounts,
    status=st.sampled_from(["new", "gone", "worse", "better", "same"]),
    series_bytes=st.lists(amounts, max_size=30).map(tuple),
    trend=names,
    arena=st.booleans(),
)
clusters = st.builds(
    CycleCluster,
    st.lists(names, max_size=4).map(tuple),
    st.lists(names, max_size=4).map(tuple),
    amounts,
    amounts,
    amounts,
    st.sampled_from(["waiting", "reachable", "uncollectable"]),
    names,
    st.booleans(),
)
findings = st.builds(
    Finding,
    id=names.filter(bool),
    pattern=names,
    rule=names,
    confidence=st.floats(0, 1),
    title=names,
    why=names,
    fix=names,
    holder=st.none() | st.builds(Holder, names, names, names),
    retained_bytes=maybe,
    sites=st.lists(sites, max_size=2).map(tuple),
    cycle=st.none() | clusters,
)


@st.composite
def survivals(draw: st.DrawFn) -> CycleEvidence:
    """One look at the heap; what survives was created."""
    created = draw(amounts)
    surviving = draw(st.integers(0, created))
    return CycleEvidence(
        moment=Moment(draw(times), draw(names)),
        created=created,
        passes=tuple(PassResult(number, 0, surviving, 0) for number in range(1, draw(st.integers(1, 4)))),
        by_type=tuple(TypeSurvival(name, created, surviving) for name in draw(st.lists(names, max_size=3))),
        clusters=tuple(draw(st.lists(clusters, max_size=3))),
        uncollectable=draw(amounts),
        uncollectable_types=tuple(draw(st.lists(st.tuples(names, amounts), max_size=2))),
    )


reports = st.builds(
    Report,
    command=st.sampled_from(["run", "cycles", "diff", "check"]),
    headline=names,
    target=st.builds(TargetInfo, st.lists(names, max_size=3).map(tuple), names, directory=names, duration_s=times),
    samples=st.lists(
        st.builds(Sample, times, maybe, maybe, maybe, heap_bytes=maybe, tracer_bytes=maybe), max_size=5
    ).map(tuple),
    findings=st.lists(findings, max_size=2).map(tuple),
    rows=st.lists(rows, max_size=3).map(tuple),
    survival=st.none() | survivals(),
    notes=st.lists(names, max_size=2).map(tuple),
    tracer=st.sampled_from(["tracemalloc", "memray", "none"]),
    awaiting_bytes=amounts,
    before=names,
    after=names,
    saved=names,
    next_steps=st.lists(names, max_size=2).map(tuple),
)


@settings(deadline=None)
@given(reports, st.integers(0, 200), st.integers(0, 3), st.booleans())
def test_any_report_is_printable_lines(report: Report, width: int, limit: int, ascii_only: bool) -> None:
    text = render(report, width=width, color=False, limit=limit, ascii_only=ascii_only)
    assert {char for char in text if not char.isprintable()} == {"\n"}
    assert text.isascii() or not ascii_only
    text.encode("utf-8")


@settings(deadline=None)
@given(reports)
def test_any_report_is_valid_json(report: Report) -> None:
    text = to_json(report)
    assert text.isascii()
    VALIDATOR.validate(json.loads(text, parse_constant=lambda name: name))


@given(st.text(st.characters()), st.booleans())
def test_literal_text_is_printable_and_stays_as_it_is(text: str, ascii_only: bool) -> None:
    shown = literal(text, ascii_only=ascii_only)
    assert shown.isprintable()
    assert literal(shown, ascii_only=ascii_only) == shown


@given(st.lists(st.from_regex(r"[a-z]{1,9}", fullmatch=True), min_size=1), st.integers(1, 10**6), st.integers(0, 90))
def test_place_keeps_file_and_line_and_fits_where_it_can(parts: list[str], line: int, room: int) -> None:
    shown = place("/" + "/".join(parts), line, room=room)
    assert shown.endswith(f"{parts[-1]}:{line}")
    assert len(shown) <= max(room, len(f".../{parts[-1]}:{line}"))


@given(st.lists(st.integers() | st.floats(-1e300, 1e300), min_size=1), st.integers(1, 50))
def test_sparkline_marks_its_extremes(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == min(len(values), width)
    assert line[0] == LEVELS[0] or len(set(line)) > 1
    assert LEVELS[0] in line


@given(
    st.lists(st.tuples(st.floats(0, 1e9), st.none() | st.integers(0, 2**62)), min_size=1),
    st.integers(1, 80),
    st.integers(1, 6),
)
def test_chart_is_a_rectangle_that_reaches_its_top(
    points: list[tuple[float, int | None]], width: int, height: int
) -> None:
    if all(value is None for _, value in points):
        points.append((0.0, 7))
    lines = chart(points, width=width, height=height)
    assert [len(line) for line in lines] == [width] * height
    largest = max(value for _, value in points if value is not None)
    assert ("█" in lines[0]) == (largest > 0)
    for upper, lower in pairwise(lines):
        assert all(below == "█" for above, below in zip(upper, lower, strict=True) if above != " ")
