"""What the layers of an account mean: is it a leak at all, in which layer, and what tells more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from memdiag.analysis.fingerprint import fingerprint
from memdiag.analysis.series import WORDS
from memdiag.model import Account, Books, Finding, GroupMemory, Growing, Layer, LayerName, Worker
from memdiag.units import counted, format_bytes, format_share

_STEADY = WORDS["steady"]
_OUTSIDE: tuple[LayerName, ...] = ("native", "blocks", "other")
_HELD_BYTES = 16_000_000  # of freed memory that an allocator holds, to speak of it
_HELD_SHARE = 0.25  # of the resident set
_CACHE_BYTES = 32_000_000  # of the control group's file cache
_OWN_SHARE = 0.05
_OWN_BYTES = 8_000_000
_LATE_SHARE = 0.1
_UNSHARED_BYTES = 4_000_000  # of pages that a worker has made its own
_UNSHARED_SHARE = 0.5  # of what became private in it that was shared before
_GIVEN_BACK = 0.3  # of what malloc held, for a trim to prove that it was free


def explained(account: Account, found: Sequence[Finding], awaiting_bytes: int) -> Account:
    """The account with a sentence for each layer that matters."""
    return dataclasses.replace(account, words=tuple(_words(account, found, awaiting_bytes)))


def findings(account: Account) -> list[Finding]:
    """Freed memory that an allocator holds, and pages that forked workers no longer share: growth that is no leak."""
    return [*_held(account), *_unshared(account.books.workers)]


def _words(account: Account, found: Sequence[Finding], awaiting_bytes: int) -> Iterator[str]:
    rss = account.rss[-1]
    outside = _OUTSIDE if any(one.kind == "native" for one in found) else ()  # by more readings than the account has
    grown = [one for one in account.layers if one.trend == _STEADY or (one.name in outside and one.growth_bytes > 0)]
    if grown and account.books.mappings:  # else too much is in the rest to say what it means
        largest = max(grown, key=lambda layer: layer.growth_bytes)
        of = rss - account.rss[0]
        share = f" of {format_bytes(of, signed=True)}" if of > 0 else ""
        grew = f"{format_bytes(largest.growth_bytes, signed=True)}{share}"
        yield f"what grows to the end: {largest.words} ({grew}). {_meaning(largest.name, found)}"
    if awaiting_bytes > _LATE_SHARE * rss:
        yield (
            f"{format_bytes(awaiting_bytes)} of the live objects await the collector: late, not leaked;"
            " memdiag cycles says why"
        )
    own = _of(account, "memdiag")
    if own > max(_OWN_SHARE * rss, _OWN_BYTES):
        yield f"{format_bytes(own)} of RSS is memdiag's own, and would not be there without it"
    yield from _cache(account.books.group)


def _meaning(name: LayerName, found: Sequence[Finding]) -> str:
    if name in _OUTSIDE and any(one.kind == "native" and one.sites for one in found):
        return "Memory of C code: the finding names the line."
    held = any(one.kind in ("growth", "cycle", "resource") and one.verdict in ("leak", "suspect") for one in found)
    if name == "objects":
        return "The findings name what holds them." if held else "No finding names a holder: they may be in use."
    return {
        "python-free": "Not a leak: Python's allocator will use it again, and cannot give back arenas in part use.",
        "malloc-free": "Not a leak: malloc will use it again; --trim-probe proves how much it can give back.",
        "blocks": "C code has lost them: --native-auto names the line that makes them.",
        "native": "Memory of C code: --native-auto names the stack that allocates it.",
        "other": "Memory that is mapped beside malloc and Python: --native-auto names the stack that maps it.",
        "stacks": "Threads pile up, or use their stacks more and more deeply.",
        "files": "Pages of files that are mapped: the kernel drops them when room is wanted.",
        "written": "Pages of files that were written to, and so became private.",
        "shared": "Shared memory counts for each process that touches it.",
        "memdiag": "This is memdiag's own tracer: without it, it would not be there.",
    }[name]


def _cache(group: Sequence[GroupMemory]) -> Iterator[str]:
    """What a container's figure holds beside the processes' memory."""
    if not group:
        return
    first, last = group[0], group[-1]
    grew = last.file_bytes - first.file_bytes
    if last.file_bytes > _CACHE_BYTES and grew > max(_CACHE_BYTES, last.anonymous_bytes - first.anonymous_bytes):
        yield (
            f"the control group's {format_bytes(last.used_bytes)} are {format_bytes(last.anonymous_bytes)} of memory"
            f" and {format_bytes(last.file_bytes)} of file cache ({format_bytes(grew, signed=True)} in this run), which"
            " is not the process's and goes when room is wanted"
        )


def _held(account: Account) -> Iterator[Finding]:
    books = account.books
    rss = account.rss[-1]
    names: tuple[LayerName, ...] = ("python-free", "malloc-free")
    layers = [layer for layer in account.layers if layer.name in names]
    held = sum(layer.sizes[-1] for layer in layers)
    if held < max(_HELD_BYTES, _HELD_SHARE * rss):
        return
    parts = [f"{format_bytes(one.sizes[-1])} {one.words}" for one in layers if one.sizes[-1] > held / 20]
    yield Finding(
        id=fingerprint("fragmentation", "held"),
        kind="fragmentation",
        pattern="fragmentation",
        rule="MEM-002",
        verdict="info",
        confidence=0.95 if _proved(books, _of(account, "malloc-free")) else 0.8,
        title=f"{format_bytes(held)} of RSS ({format_share(held / rss)}) is freed memory that allocators hold: no leak",
        why=f"By the allocators' own books this memory is free and will be used again: {' and '.join(parts)}. Single"
        f" blocks in use keep the pages or arenas around them from being given back.{_trimmed(books)}",
        fix=_fix(layers, books),
        growing=Growing("freed memory", (), _series(layers), 0.0),
    )


def _series(layers: Sequence[Layer]) -> tuple[int, ...]:
    return tuple(sum(sizes) for sizes in zip(*(layer.sizes for layer in layers), strict=True))


def _proved(books: Books, held: int) -> bool:
    return books.trimmed_bytes is not None and books.trimmed_bytes > _GIVEN_BACK * held > 0


def _trimmed(books: Books) -> str:
    if books.trimmed_bytes is None:
        return ""
    return f" malloc_trim, called at the end, made RSS fall by {format_bytes(books.trimmed_bytes)}."


def _fix(layers: Sequence[Layer], books: Books) -> str:
    python = next((layer.sizes[-1] for layer in layers if layer.name == "python-free"), 0)
    malloc = next((layer.sizes[-1] for layer in layers if layer.name == "malloc-free"), 0)
    advice = (
        "Nothing leaks. To need less, make what is short-lived and large apart from what stays (in a subprocess, or"
        " first what stays), and do such work in smaller pieces"
    )
    if malloc > python:
        proof = "" if books.trimmed_bytes is not None else "; --trim-probe proves it"
        return f"{advice}; or call malloc_trim(0) when it is done, or set MALLOC_ARENA_MAX=2 with many threads{proof}."
    return f"{advice}."


def _of(account: Account, name: LayerName) -> int:
    return next((layer.sizes[-1] for layer in account.layers if layer.name == name), 0)


def _unshared(workers: Sequence[Worker]) -> Iterator[Finding]:
    """Forked workers whose memory grows only because they write to pages that they had shared."""
    lives: dict[int, list[Worker]] = {}
    for one in workers:
        lives.setdefault(one.pid, []).append(one)
    ends = [(life[0], life[-1]) for life in lives.values() if len(life) > 2]
    moved = [(first, last) for first, last in ends if _came_apart(first, last)]
    if not moved:
        return
    size = sum(last.private_bytes - first.private_bytes for first, last in moved)
    fell = sum(first.shared_bytes - last.shared_bytes for first, last in moved)
    many = counted(len(moved), "worker")
    yield Finding(
        id=fingerprint("fragmentation", "copy-on-write"),
        kind="fragmentation",
        pattern="copy-on-write",
        rule="MEM-002",
        verdict="info",
        confidence=0.8,
        title=f"{many} came to own {format_bytes(size)} that they had shared with their parent: no leak",
        why=f"{format_bytes(size)} became private in {many} of {len(lives)}, while {format_bytes(fell)} less is shared:"
        " to use an object writes its reference count, and the collector writes to all that it looks at, so the kernel"
        " copies the pages that hold them.",
        fix="Call gc.collect(), gc.disable() and gc.freeze() in the parent before it forks, and gc.enable() in the"
        " workers; load what they do not need after the fork.",
        growing=Growing(
            "private pages", (), (sum(f.private_bytes for f, _ in moved), sum(o.private_bytes for _, o in moved))
        ),
    )


def _came_apart(first: Worker, last: Worker) -> bool:
    private, shared = last.private_bytes - first.private_bytes, first.shared_bytes - last.shared_bytes
    return private >= _UNSHARED_BYTES and shared >= _UNSHARED_SHARE * private
