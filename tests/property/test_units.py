"""What is written of any figure can be read back, and nothing a user types raises anything but ValueError."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from memdiag.units import format_bytes, format_count, format_duration, format_share, parse_limit, parse_size


@given(st.integers(min_value=0, max_value=10**20))
def test_written_size_reads_back_to_within_half_its_last_digit(size: int) -> None:
    assert abs(parse_size(format_bytes(size)) - size) <= max(size, 1) * 0.051


@given(st.integers(min_value=0, max_value=10**9), st.sampled_from(["B", "kB", "KiB", "MB", "MiB", "GB", "GiB"]))
def test_whole_sizes_are_exact_in_any_case_and_spacing(number: int, unit: str) -> None:
    size = parse_size(f"{number}{unit}")
    assert size % max(number, 1) == 0
    assert size == parse_size(f" {number} {unit.lower()} ") == parse_size(f"{number}.000{unit.upper()}")


@given(st.integers(), st.integers())
def test_larger_sizes_of_one_unit_never_read_smaller(one: int, other: int) -> None:
    def key(size: int) -> float:
        sign, text = (-1, format_bytes(size)[1:]) if size < 0 else (1, format_bytes(size))
        number, unit = text.split()
        return sign * float(number) * 1000.0 ** ["B", "kB", "MB", "GB", "TB", "PB", "EB"].index(unit)

    low, high = sorted((one, other))
    assert key(low) <= key(high)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_signed_and_unsigned_agree_but_for_the_plus(size: int) -> None:
    assert format_bytes(size, signed=True).removeprefix("+") == format_bytes(size)
    assert int(format_count(size, signed=True).replace(",", "")) == size


@given(st.text() | st.from_regex(r"[-+ ]?[0-9.,_]{0,5} ?[kKmMiIbB%]{0,3}", fullmatch=True))
def test_whatever_a_user_types_is_a_size_or_a_value_error(text: str) -> None:
    for parse in (parse_size, parse_limit):
        with suppress(ValueError):
            parse(text)


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=1, max_value=10**6))
def test_only_none_and_all_read_so(part: int, whole: int) -> None:
    text = format_share(min(part, whole) / whole)
    assert (text == "0.0 %") == (part == 0)
    assert (text == "100.0 %") == (part >= whole)


@given(st.floats(min_value=0, max_value=10**9))
def test_duration_never_reads_sixty_of_anything(seconds: float) -> None:
    text = format_duration(seconds)
    assert not {"60.0 s", "60 s", "60 min", "24 h", "1000 ms"} & {text, " ".join(text.split()[-2:])}
