"""Sizes and limits as users type them, figures as they read them."""

from __future__ import annotations

import pytest

from memdiag.units import (
    Limit,
    counted,
    format_bytes,
    format_change,
    format_count,
    format_duration,
    format_rate,
    format_share,
    is_rate,
    parse_count,
    parse_duration,
    parse_limit,
    parse_rate,
    parse_share,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("512 bytes", 512),
        ("1 byte", 1),
        ("20MB", 20_000_000),
        ("20 mb", 20_000_000),
        ("  20M\n", 20_000_000),
        ("1kB", 1_000),
        ("1KiB", 1_024),
        ("1ki", 1_024),
        ("1.5GiB", 1_610_612_736),
        ("1.1GB", 1_100_000_000),  # 1.1 * 1000**3 in floats is a little more
        (".5 MiB", 524_288),
        ("2TB", 2 * 10**12),
        ("1PiB", 2**50),
    ],
)
def test_size_is_parsed(text: str, size: int) -> None:
    assert parse_size(text) == size


NONSENSE = [
    "",
    " ",
    "MB",
    "-1",
    "-5MB",
    "+5MB",
    "nan",
    "inf",
    "1e6",
    "1_000",
    "1,000",
    "20 M B",
    "20XB",
    "5.",
    "٢٠MB",
    "9" * 5000,
]


@pytest.mark.parametrize("text", [*NONSENSE, "5%"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size: write a number and a unit, such as 20MB") as caught:
        parse_size(text)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("20MB", Limit("20MB", size_bytes=20_000_000)),
        (" 5% ", Limit("5%", percent=5.0)),
        ("12.5 %", Limit("12.5 %", percent=12.5)),
        ("0%", Limit("0%", percent=0.0)),
    ],
)
def test_limit_is_parsed(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize("text", [*NONSENSE, "%", "-5%", "nan%", "5%%", "5MB%"])
def test_what_is_no_limit_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is not a limit: write a size such as 20MB, or a share such as 5%"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_922_000, "1.9 MB"),
        (-1_922_000, "-1.9 MB"),
        (3 * 10**12, "3.0 TB"),
        (2**63, "9.2 EB"),
        (10**22, "10000.0 EB"),
    ],
)
def test_bytes_are_formatted(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("text", "rate"),
    [("2KB/op", 2000.0), ("0.5 B / op", 0.5), ("1KiB/call", 1024.0), ("3kb/OPERATION", 3000.0), ("100", 100.0)],
)
def test_rates_are_bytes_for_each_operation(text: str, rate: float) -> None:
    assert parse_rate(text) == Limit(text, bytes_per_operation=rate)
    assert is_rate(text) == ("/" in text)


@pytest.mark.parametrize("text", ["", "/op", "5%/op", "2KB/s", "-1/op", "2KB/op/op"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(text)


@pytest.mark.parametrize(("text", "share"), [("0", 0.0), ("0.95", 0.95), ("95%", 0.95), ("99.5 %", 0.995), ("1", 1.0)])
def test_shares_are_nothing_to_all(text: str, share: float) -> None:
    assert parse_share(f" {text} ") == Limit(text, share=share)


@pytest.mark.parametrize("text", ["", "1.01", "101%", "95", "-0.1", "nan", "half"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        parse_share(text)


def test_counts_are_whole() -> None:
    assert parse_count(" 12 ") == Limit("12", count=12)
    for text in ("", "1.5", "-1", "2 passes", "1e3", "9" * 19):
        with pytest.raises(ValueError, match="is not a count"):
            parse_count(text)


def test_signed_figures_have_a_plus_where_they_grew() -> None:
    assert [format_bytes(size, signed=True) for size in (1_900_000, 0, -5)] == ["+1.9 MB", "0 B", "-5 B"]
    assert [format_count(count, signed=True) for count in (1_234, 0, -5)] == ["+1,234", "0", "-5"]


def test_counts_have_their_noun() -> None:
    assert counted(1, "pass", "passes") == "1 pass"
    assert counted(5, "pass", "passes") == "5 passes"
    assert counted(0, "object") == "0 objects"
    assert counted(12_345, "object") == "12,345 objects"


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0, "0.0 %"), (0.1, "10.0 %"), (1.0, "100.0 %"), (1e-6, "<0.1 %"), (0.9999, ">99.9 %"), (0.9994, "99.9 %")],
)
def test_share_never_reads_nothing_or_all_where_it_is_not(fraction: float, text: str) -> None:
    assert format_share(fraction) == text


def test_change_is_signed() -> None:
    assert [format_change(fraction) for fraction in (0.456, -0.1, 22.567)] == ["+45.6 %", "-10.0 %", "+2256.7 %"]


@pytest.mark.parametrize(("rate", "text"), [(1650.4, "1,650"), (10.0, "10"), (2.54, "2.5"), (0.0312, "0.031")])
def test_rate_is_formatted(rate: float, text: str) -> None:
    assert format_rate(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0004, "0.4 ms"),
        (0.03, "30 ms"),
        (0.9996, "1.0 s"),
        (2.44, "2.4 s"),
        (59.96, "1 min 00 s"),
        (65, "1 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7380, "2 h 03 min"),
        (86_399, "1 d 00 h"),
        (273_600, "3 d 04 h"),
    ],
)
def test_duration_is_formatted(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7d", 604_800),
        ("12h", 43_200),
        ("90min", 5_400),
        ("90 m", 5_400),
        ("30s", 30),
        ("2w", 1_209_600),
        ("1 day", 86_400),
        ("7 days", 604_800),
        ("1d 12h", 129_600),
        ("1d12h", 129_600),
        ("1.5h", 5_400),
        (".5 Hours", 1_800),
        (" 3D ", 259_200),
        ("0s", 0),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "7", "d", "7y", "-7d", "7d-", "7dd", "1e3d", "7 months", "7d!", "９d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)
