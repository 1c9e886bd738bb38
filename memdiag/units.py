"""Sizes, shares, counts and durations as people write them: parsing what they type, formatting what they read.

Decimal units are powers of 1000 (kB, MB, GB), binary ones powers of 1024 (KiB, MiB, GiB), as IEC 80000-13 has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_NUMBER = r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?|\.[0-9]{1,18})"  # bounded: int() of endless digits is slow
_SIZE = re.compile(_NUMBER + r"\s*(?P<unit>[a-z]*)", re.IGNORECASE | re.ASCII)
_PERCENT = re.compile(_NUMBER + r"\s*%", re.ASCII)
_PLAIN = re.compile(_NUMBER, re.ASCII)
_COUNT = re.compile(r"[0-9]{1,18}", re.ASCII)
_PER_OPERATION = re.compile(r"\s*/\s*(?:op|operation|call)$", re.IGNORECASE)

_TIME = re.compile(
    _NUMBER + r"\s*(?P<unit>w|weeks?|d|days?|h|hours?|m|min|minutes?|s|sec|seconds?)(?![a-z])\s*",
    re.IGNORECASE | re.ASCII,
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}

_PREFIXES = "kmgtpe"
_FACTORS = {"": 1, "b": 1, "byte": 1, "bytes": 1}
for _power, _prefix in enumerate(_PREFIXES, start=1):
    _FACTORS[_prefix] = _FACTORS[_prefix + "b"] = 1000**_power
    _FACTORS[_prefix + "i"] = _FACTORS[_prefix + "ib"] = 1024**_power

_DECIMAL_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as the user wrote it (``text``); exactly one of the others is set."""

    text: str
    size_bytes: int | None = None
    percent: float | None = None
    bytes_per_operation: float | None = None
    count: int | None = None
    share: float | None = None  # 0 to 1


def parse_size(text: str) -> int:
    """Bytes meant by ``20MB``, ``1.5 GiB``, ``512``, ``20 mb``; case does not matter, a bare number is bytes.

    Raises ValueError, with a message for the user, for anything else: negative, not finite, empty, unknown unit.
    """
    exact = _exact_size(text)
    if exact is None:
        raise ValueError(f"{_quoted(text)} is not a size: write a number and a unit, such as 20MB, 1.5GiB or 512")
    return round(exact)


def _exact_size(text: str) -> Fraction | None:
    match = _SIZE.fullmatch(text.strip())
    factor = _FACTORS.get(match["unit"].lower()) if match else None
    return None if match is None or factor is None else Fraction(match["number"]) * factor


def parse_limit(text: str) -> Limit:
    """A size (see ``parse_size``) or a percentage such as ``5%``; ValueError with a message for the user otherwise."""
    stripped = text.strip()
    if match := _PERCENT.fullmatch(stripped):
        return Limit(stripped, percent=float(match["number"]))
    try:
        return Limit(stripped, size_bytes=parse_size(stripped))
    except ValueError:
        raise ValueError(f"{_quoted(text)} is not a limit: write a size such as 20MB, or a share such as 5%") from None


def parse_rate(text: str) -> Limit:
    """Bytes for each operation: ``2KB/op``; without ``/op``, a size is taken as one. ValueError otherwise."""
    stripped = text.strip()
    exact = _exact_size(_PER_OPERATION.sub("", stripped))
    if exact is None:
        raise ValueError(f"{_quoted(text)} is not a rate: write bytes for each operation, such as 2KB/op")
    return Limit(stripped, bytes_per_operation=float(exact))


def is_rate(text: str) -> bool:
    """Whether it is written as something for each operation."""
    return _PER_OPERATION.search(text.strip()) is not None


def parse_count(text: str) -> Limit:
    """A whole number: ``5``. ValueError with a message for the user otherwise."""
    stripped = text.strip()
    if not _COUNT.fullmatch(stripped):
        raise ValueError(f"{_quoted(text)} is not a count: write a whole number, such as 2")
    return Limit(stripped, count=int(stripped))


def parse_share(text: str) -> Limit:
    """A share of a whole: ``0.95`` or ``95%``. ValueError with a message for the user otherwise."""
    stripped = text.strip()
    match = _PERCENT.fullmatch(stripped) or _PLAIN.fullmatch(stripped)
    share = None if match is None else Fraction(match["number"]) / (100 if stripped.endswith("%") else 1)
    if share is None or share > 1:
        raise ValueError(f"{_quoted(text)} is not a share: write 0 to 1, or per cent, such as 0.95 or 95%")
    return Limit(stripped, share=float(share))


def parse_duration(text: str) -> float:
    """Seconds meant by ``7d``, ``12 hours`` or ``1d 12h``; ValueError with a message for the user otherwise."""
    parts = list(_TIME.finditer(text.strip()))
    if not parts or "".join(part[0] for part in parts) != text.strip():
        raise ValueError(f"{_quoted(text)} is not a duration: write a number and a unit, such as 7d, 12h or 90min")
    return float(sum(Fraction(part["number"]) * _SECONDS[part["unit"][:1].lower()] for part in parts))


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def format_bytes(size: int, *, signed: bool = False) -> str:
    """``1.9 MB``, decimal units, one digit after the point; ``signed`` writes a plus as well (``+1.9 MB``)."""
    sign = _sign(size, signed)
    magnitude = abs(size)
    if magnitude < 1000:
        return f"{sign}{magnitude} B"
    power = 1
    while magnitude >= 999.95 * 1000**power and power < len(_DECIMAL_UNITS):
        power += 1  # what would be written 1000.0 belongs to the next unit
    return f"{sign}{magnitude / 1000**power:.1f} {_DECIMAL_UNITS[power - 1]}"


def format_count(count: int, *, signed: bool = False) -> str:
    """``12,345``; ``signed`` writes a plus as well."""
    return f"{_sign(count, signed)}{abs(count):,}"


def counted(count: int, singular: str, plural: str = "") -> str:
    """``1 pass``, ``5 passes``: a count and its noun; without ``plural``, the noun takes an s."""
    return f"{format_count(count)} {singular if count == 1 else plural or singular + 's'}"


def format_share(fraction: float) -> str:
    """A share of a whole as per cent, ``10.0 %``; what is not quite nothing or all never reads 0.0 % or 100.0 %."""
    if 0 < fraction < 0.0005:
        return "<0.1 %"
    if 0.9995 <= fraction < 1:
        return ">99.9 %"
    return f"{fraction * 100:.1f} %"


def format_change(fraction: float) -> str:
    """A change relative to what was before, ``+45.6 %``."""
    return f"{fraction * 100:+.1f} %"


def format_rate(rate: float) -> str:
    """``1,650``, ``2.5``, ``0.031``: two digits where it is small, whole where it is not."""
    return f"{rate:,.0f}" if abs(rate) >= 10 else f"{rate:.2g}"


def format_duration(seconds: float) -> str:
    """``30 ms``, ``2.4 s``, ``1 min 05 s``, ``2 h 03 min``, ``3 d 04 h``: the two units that matter."""
    if seconds < 0.00005:
        return "0 s"
    if seconds < 0.9995:
        milliseconds = seconds * 1000
        return f"{milliseconds:.0f} ms" if milliseconds >= 0.95 else f"{milliseconds:.1f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24:02d} h"


def format_pause(seconds: float) -> str:
    """As ``format_duration``, but what is very short is not nothing: ``0.02 ms``."""
    return f"{seconds * 1000:.1g} ms" if 0.000005 <= seconds < 0.00095 else format_duration(seconds)


def _sign(number: int, signed: bool) -> str:
    if number < 0:
        return "-"
    return "+" if signed and number > 0 else ""
