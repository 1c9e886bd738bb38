"""Plots of series whose shape is known."""

from __future__ import annotations

import pytest

from memdiag.report.plot import axis, chart, resample, sparkline


@pytest.mark.parametrize(
    ("values", "width", "text"),
    [
        ([], 5, ""),
        ([7], 5, "▁"),
        ([7, 7, 7], 5, "▁▁▁"),
        ([0, 0], 5, "▁▁"),
        ([1, 2, 3, 4, 5, 6, 7, 8], 8, "▁▂▃▄▅▆▇█"),
        ([8, 7, 6, 5, 4, 3, 2, 1], 8, "█▇▆▅▄▃▂▁"),
        ([-10, 0, 10], 8, "▁▅█"),
        ([1, 2], 0, ""),
    ],
)
def test_sparkline_shows_the_shape(values: list[int], width: int, text: str) -> None:
    assert sparkline(values, width) == text


def test_sparkline_of_many_values_keeps_its_peak() -> None:
    values = [0] * 1000
    values[777] = 9
    assert sparkline(values, 10) == "▁▁▁▁▁▁▁█▁▁"


def test_axis_spans_the_series() -> None:
    assert axis([10, 100]) == (10, 100)


def test_axis_of_a_nearly_constant_series_does_not_make_it_a_mountain() -> None:
    assert axis([99.0, 100.0]) == (90.0, 100.0)
    assert axis([0]) == (0, 0)


def test_chart_of_a_ramp() -> None:
    points = [(float(step), step * 10) for step in range(6)]
    assert chart(points, width=6, height=3) == [
        "    ▃█",
        "  ▂▇██",
        "▁▆████",
    ]


def test_chart_has_a_gap_where_nothing_was_measured() -> None:
    points = [(0.0, 10), (1.0, 10), (2.0, None), (3.0, None), (4.0, 20), (5.0, 20)]
    assert chart(points, width=6, height=1) == ["▁▁  ██"]


def test_chart_of_a_constant_series_is_full_and_of_zero_is_low() -> None:
    assert chart([(0.0, 5), (1.0, 5)], width=4, height=2) == ["████", "████"]
    assert chart([(0.0, 0), (1.0, 0)], width=4, height=2) == ["    ", "▁▁▁▁"]


def test_columns_keep_the_largest_of_their_measurements() -> None:
    assert resample([(0.0, 1), (0.1, 9), (0.2, 2), (1.0, 3)], 2) == [9, 3]


def test_columns_between_two_measurements_are_interpolated() -> None:
    assert resample([(0.0, 0), (8.0, 80)], 4) == [0, 30.0, 50.0, 80]


def test_columns_beside_an_unknown_measurement_are_unknown() -> None:
    assert resample([(0.0, 0), (4.0, None), (8.0, 80)], 8) == [0, None, None, None, None, None, None, 80]


def test_measurements_at_one_time_make_a_level_line() -> None:
    assert resample([(1.0, 3), (1.0, 5)], 3) == [5, 5, 5]
    assert resample([(1.0, 3)], 2) == [3, 3]


def test_measurements_out_of_order_are_put_in_order() -> None:
    assert resample([(8.0, 80), (0.0, 0)], 4) == resample([(0.0, 0), (8.0, 80)], 4)
