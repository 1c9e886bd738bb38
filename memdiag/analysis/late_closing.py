"""What nobody closes: it stays open until its last reference goes, or, in a cycle, until the collector comes.

Python warns of it (``ResourceWarning``) and by default nobody hears that. It is told although nothing is open at the
end, and it is no leak: late, as long as the collector comes. Three things tell:

- heap snapshots in which open objects are garbage: which, how many, whose, and where a tracer saw it the line;
- descriptors that rise and fall with the collector, as they are seen from outside;
- a line of the source that opens and never closes, in a module whose code some warning came of. What such a line opens
  is gone before anything can look: how often it ran is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os.path import basename

from memdiag.analysis.fingerprint import fingerprint
from memdiag.analysis.handle_kinds import (
    FEWEST_READINGS,
    KINDS,
    LEAST,
    OTHER,
    TYPES,
    Kind,
    from_source,
    handle_readings,
)
from memdiag.analysis.samples import thinned
from memdiag.model import Capture, Finding, Growing, Handles, HeapEvidence, Opening, Site, Waiting
from memdiag.units import counted, format_count

_FALLS = 3  # times that the count must have fallen by half, with the collector at work, to be in its hands
_FEWEST_LOOKS = 2  # at which objects waited
_FEWEST_SEEN = 3  # different ones
_WARNED_OF = {"file", "socket"}  # kinds of openings that Python warns of where nobody closes them
_UNWARNED = ("os.open(", "mkstemp(", "mkdtemp(", ".pipe(", "sqlite3.connect(")
_MOST_LINES = 3


def findings(capture: Capture, told: Sequence[Finding]) -> list[Finding]:
    """By type of what waits for the collector; and of lines that ``told`` does not have, what is never closed."""
    heap = capture.heap
    waiting = [_waits(one, capture, heap) for one in heap.waiting if _is_seen(one)] if heap is not None else []
    if heap is not None and not heap.collector_on:  # nobody comes for them: they pile up, which is said already
        waiting = [one for one in waiting if not any(other.sites == one.sites for other in told)]
    if not waiting and not told:
        waiting = _rises_and_falls(capture)
    known = {(site.file, site.line) for one in (*told, *waiting) for site in one.sites}
    return [*waiting, *_unheard(capture, known)]


def unreached(capture: Capture, opens: Sequence[str]) -> str:
    """Of handles that pile up, in a sentence: how many nothing in the program reaches any more."""
    waiting = () if capture.heap is None else capture.heap.waiting
    many = sum(one.counts[-1] for one in waiting if set(TYPES.get(one.type, OTHER).opens) & set(opens))
    if many < LEAST:
        return ""
    return f" Nothing reached {format_count(many)} of them any more by the last snapshot: they wait for the collector."


def _is_seen(one: Waiting) -> bool:
    return sum(count > 0 for count in one.counts) >= _FEWEST_LOOKS and one.seen >= _FEWEST_SEEN


def _waits(one: Waiting, capture: Capture, heap: HeapEvidence) -> Finding:
    kind = TYPES.get(one.type, OTHER)
    sites, told, _ = from_source(kind.opens, capture, kind.rule)
    span = heap.moments[-1].t_s - heap.moments[0].t_s
    rate = one.seen / span if span > 0 else 0.0
    looks = sum(count > 0 for count in one.counts)
    held = f" {' and '.join(one.owners)} objects hold them, in reference cycles: memdiag cycles shows these." * bool(
        one.owners
    )
    return Finding(
        id=fingerprint("resource", "collector", kind.noun),
        kind="resource",
        pattern="late-closing",
        rule="MEM-004",
        verdict="info",
        confidence=0.9,
        title=f"only the collector closes {kind.noun}: {format_count(one.seen)} at least, up to {max(one.counts)} at a"
        f" time{_at(one.sites or sites)}",
        why=f"At {looks} of {counted(len(one.counts), 'heap snapshot')} there were {kind.noun} that nothing in the"
        f" program reached any more, {format_count(round(rate))} new ones a second at least. They stay open until the"
        f" collector comes.{held}{told}",
        fix=f"{kind.fix[0].upper()}{kind.fix[1:]}: the collector may come late, or be off.",
        growing=Growing(kind.noun, (), (), rate),
        sites=_worded(one.sites, sites) or sites,
    )


def _worded(traced: Sequence[Site], read: Sequence[Site]) -> tuple[Site, ...]:
    """The lines that a tracer saw, with the text that the source has there."""
    texts = {(site.file, site.line): site for site in read}
    return tuple(texts.get((one.file, one.line), one) for one in traced)


def _at(sites: Sequence[Site]) -> str:
    return f" (opened at {basename(sites[0].file)}:{sites[0].line})" if sites else ""


# --- lines that never close -----------------------------------------------------------------------------------


def _unheard(capture: Capture, known: set[tuple[str, int]]) -> Iterator[Finding]:
    """At most one for each kind of opening: the lines of the program that leave it to the last reference."""
    heap, books = capture.heap, capture.books
    if heap is None or books is None:
        return
    lines = [
        one for one in books.openings if one.file in heap.unheard and (one.file, one.line) not in known and _warns(one)
    ]
    for name in sorted({one.kinds[0] for one in lines}):
        yield _never_closed(KINDS.get(name, OTHER), [one for one in lines if one.kinds[0] == name])


def _warns(one: Opening) -> bool:
    """Whether Python warns when what is opened there goes unclosed: of objects it does, not of bare descriptors."""
    if one.fate != "never" or any(word in one.text for word in _UNWARNED):
        return False
    return bool(_WARNED_OF & set(one.kinds)) or "TemporaryDirectory(" in one.text


def _never_closed(kind: Kind, lines: Sequence[Opening]) -> Finding:
    first = lines[0]
    where = f"{basename(first.file)}:{first.line}"
    more = f" and {counted(len(lines) - 1, 'other line')}" if len(lines) > 1 else ""
    return Finding(
        id=fingerprint("resource", "unclosed", kind.noun, *(f"{one.function} {one.text}" for one in lines)),
        kind="resource",
        pattern="late-closing",
        rule="MEM-004",
        verdict="info",
        confidence=0.6,
        title=f"what {where}{more} opens, nobody closes: it goes with its last reference",
        why=f"Nothing in the source closes it (inferred), and code of {basename(first.file)} caused a warning that"
        " Python does not show by default, as an unclosed file does (ResourceWarning). Nothing of it was open at the"
        " end; how often it happened was not counted (python -X dev shows each).",
        fix=f"{kind.fix[0].upper()}{kind.fix[1:]}: other interpreters, a traceback or a cycle keep it open for longer.",
        growing=Growing(kind.noun),
        sites=tuple(Site(one.file, one.line, one.function, source=one.text) for one in lines[:_MOST_LINES]),
    )


# --- as seen from outside -------------------------------------------------------------------------------------


def _rises_and_falls(capture: Capture) -> list[Finding]:
    """Descriptors that pile up and go again and again, each time that the collector has been at work."""
    seen = handle_readings(capture)
    totals = [sum(count for _, count in one.kinds) for one in seen]
    if len(totals) < FEWEST_READINGS or max(totals) - totals[0] < LEAST:
        return []
    falls = _falls(seen, totals, capture)
    if falls < _FALLS:
        return []
    kind = KINDS.get(_largest(seen), OTHER)
    sites, told, _ = from_source(kind.opens, capture, kind.rule)
    return [
        Finding(
            id=fingerprint("resource", "collector", kind.noun),
            kind="resource",
            pattern="late-closing",
            rule="MEM-004",
            verdict="info",
            confidence=0.7,
            title=f"only the collector closes {kind.noun}: up to {max(totals) - totals[0]} more at a time",
            why=f"Their number rose and fell by half {falls} times, each time that the collector had been at work:"
            f" they are in reference cycles, and stay open until it comes.{told}",
            fix=f"{kind.fix[0].upper()}{kind.fix[1:]}: the collector may come late, or be off.",
            growing=Growing(kind.noun, tuple(thinned(totals)), (), 0.0),
            sites=sites,
        )
    ]


def _falls(seen: Sequence[Handles], totals: Sequence[int], capture: Capture) -> int:
    """How often they fell by half from a height, with a collection since the reading before."""
    told = [(one.t_s, one.gc_collections) for one in capture.samples if one.gc_collections is not None]
    falls = 0
    low = totals[0]
    for at in range(1, len(totals)):
        fell = totals[at - 1] - low >= LEAST // 2 and totals[at] - low <= (totals[at - 1] - low) / 2
        before = max((count for t_s, count in told if t_s <= seen[at - 1].t_s), default=0)
        after = max((count for t_s, count in told if t_s <= seen[at].t_s + 0.05), default=0)
        falls += bool(fell and after > before)
    return falls


def _largest(seen: Sequence[Handles]) -> str:
    """The kind that was open the most above its first count."""
    first = dict(seen[0].kinds)
    most = {name: count - first.get(name, 0) for one in seen for name, count in one.kinds}
    for one in seen:
        for name, count in one.kinds:
            most[name] = max(most[name], count - first.get(name, 0))
    return max(most, key=lambda name: most[name], default="")
