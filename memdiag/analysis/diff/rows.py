"""From what two sides have to rows: what there was, what there is, what became of it and why that is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from memdiag.analysis.diff.noise import Change, judge
from memdiag.analysis.diff.sides import Entries, Entry, Figure, Key, Side
from memdiag.model import Row, RowKind, Site
from memdiag.units import format_bytes, format_count

Floor = Callable[[int], float]  # by how much something of this size must move to have moved at all


def rows(kind: RowKind, sides: tuple[Side, Side], entries: tuple[Entries, Entries], floor: Floor) -> list[Row]:
    """A row for each key of either side; keys are the same on both."""
    return rows_of_pairs(kind, sides, entries, {key: key for key in entries[0] if key in entries[1]}, floor)


def rows_of_pairs(
    kind: RowKind,
    sides: tuple[Side, Side],
    entries: tuple[Entries, Entries],
    pairs: Mapping[Key, Key],
    floor: Floor,
) -> list[Row]:
    """A row for each pair (key after to key before), and for what is on one side only; the largest growth first."""
    old, new = entries
    matched = set(pairs.values())
    both = [(old.get(pairs[key]) if key in pairs else None, entry) for key, entry in new.items()]
    gone = [(entry, None) for key, entry in old.items() if key not in matched]
    found = [_row(kind, sides, before, after, floor) for before, after in (*both, *gone)]
    return sorted(found, key=_rank)


def _rank(row: Row) -> tuple[object, ...]:
    return -row.growth_bytes, -row.growth_blocks, row.site.file, row.site.line, row.type, row.name


def _row(kind: RowKind, sides: tuple[Side, Side], old: Entry | None, new: Entry | None, floor: Floor) -> Row:
    """Judged by bytes; what has none on either side, by number."""
    one = new or old
    assert one is not None
    sizes = _judged(sides, _figures(old, sides[0], "bytes"), _figures(new, sides[1], "bytes"), floor, format_bytes)
    counts = _judged(sides, _figures(old, sides[0], "counts"), _figures(new, sides[1], "counts"), floor, format_count)
    judged = sizes if sizes.before or sizes.after else counts
    site = one.figure.site or Site("", 0)
    return Row(
        site=replace(_with_source(site, old), bytes=sizes.after - sizes.before, count=counts.after - counts.before),
        before_bytes=sizes.before,
        after_bytes=sizes.after,
        before_blocks=counts.before,
        after_blocks=counts.after,
        status=judged.status,
        arena=one.figure.arena,
        type=one.figure.type,
        by=kind,
        name=one.figure.name,
        id=one.figure.id,
        evidence=judged.evidence + _moved(old, new),
        noise=judged.noise,
    )


def _figures(entry: Entry | None, side: Side, name: str) -> list[int]:
    found: list[int] | None = getattr(entry, name, None)
    return found if found is not None else [0] * len(side.runs)


def _judged(
    sides: tuple[Side, Side], before: list[int], after: list[int], floor: Floor, told: Callable[[int], str]
) -> Change:
    return judge(before, after, floor(max(before)), told, sides[1].unit)


def _with_source(site: Site, old: Entry | None) -> Site:
    """What the later side does not know of the line, the earlier one may."""
    known = old.figure.site if old is not None else None
    if known is None:
        return site
    return replace(site, function=site.function or known.function, source=site.source or known.source)


def _moved(old: Entry | None, new: Entry | None) -> str:
    before, after = (_line(entry.figure) if entry is not None else 0 for entry in (old, new))
    return f"; it was line {before}" if before and after and before != after else ""


def _line(figure: Figure) -> int:
    return figure.site.line if figure.site is not None and not figure.name else 0
