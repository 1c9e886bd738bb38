"""Where the memory is: the resident set in layers, what limits it, and what that comes to."""

from __future__ import annotations

from memdiag.model import Account, Layer, Limit
from memdiag.report.page import Page
from memdiag.units import counted, format_bytes, format_duration, format_share

_SHOWN_LIMITS = 3
_TELLING = ("grows to the end", "levelled off", "came at once", "comes and goes")


def write_account(page: Page, account: Account | None) -> None:
    """The table of layers, which add up to RSS; then limits, and a sentence for each layer that matters."""
    if account is None:
        return
    page.heading("Where the memory is")
    rss = account.rss[-1]
    rows: list[tuple[str, ...]] = [("", "at end", "of RSS", "growth", "trend")]
    rows += [_row(layer, rss) for layer in account.layers]
    grown = format_bytes(rss - account.rss[0], signed=True)
    rows.append(("RSS", format_bytes(rss), format_share(1.0), grown, ""))
    page.table(rows, "rrrl")
    page.write(_also(account), prefix=["  "])
    for words in account.words:
        page.write(words, prefix=["  "])
    for layer in account.layers:
        if layer.note:
            page.write(f"{layer.words}: {layer.note}", prefix=["  "])
    for limit in account.limits[:_SHOWN_LIMITS]:
        page.write(_limit(limit), prefix=["  limit  "])
    if account.oom_kills:
        page.write(f"{counted(account.oom_kills, 'OOM kill')} counted in the control group", prefix=["  limit  "])
    if account.until_limit is not None:
        page.write(_until(account), prefix=["  limit  "])
    if account.handles:
        page.write(", ".join(_handles(*one) for one in account.handles), prefix=["  open   "])


def _row(layer: Layer, rss: int) -> tuple[str, ...]:
    share = format_share(layer.sizes[-1] / rss) if rss else ""
    growth = format_bytes(layer.growth_bytes, signed=True)
    return layer.words, format_bytes(layer.sizes[-1]), share, growth, layer.trend if layer.trend in _TELLING else ""


def _handles(kind: str, first: int, last: int) -> str:
    return f"{kind} {last}" if first == last else f"{kind} {first} to {last}"


def _uss(account: Account) -> list[str]:
    return [f"USS {format_bytes(account.uss_bytes)}"] if account.uss_bytes or account.mappings else []


def _also(account: Account) -> str:
    if not account.mappings:  # not listed here
        return ", ".join([*_uss(account), counted(len(account.times), "reading")])
    facts = [f"PSS {format_bytes(account.pss_bytes)}", *_uss(account)]
    facts += [f"swap {format_bytes(account.swap_bytes)}", counted(account.mappings, "mapping")]
    return ", ".join([*facts, counted(len(account.times), "reading")])


def _limit(limit: Limit) -> str:
    name = f"{limit.what} {limit.where}".strip()
    return f"{name}: {format_bytes(limit.headroom_bytes)} left of {format_bytes(limit.limit_bytes)}"


def _until(account: Account) -> str:
    until = account.until_limit
    assert until is not None
    latest = format_duration(until.latest_s) if until.latest_s is not None else "never"
    span = f"between {format_duration(until.earliest_s)} and {latest}, with 95 % confidence"
    rate = f"{format_bytes(round(until.per_second))}/s"
    return f"{until.limit.what}: reached in {format_duration(until.expected_s)} at {rate} ({span})"
