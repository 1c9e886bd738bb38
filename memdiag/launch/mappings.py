"""The mappings of a process as the kernel lists them, and what each kind of them has in memory.

The kernel's sums are exact: every resident page belongs to one mapping, and is either anonymous (the process has
written to it) or a page of a file. Only the kind of an anonymous mapping is inferred:

- ``[heap]`` is malloc's main arena; its other arenas begin at a multiple of 64 MiB and are followed by what is
  reserved for them, which nothing may touch;
- a thread's stack lies above a guard page, or contains one (glibc 2.42);
- all the rest is one figure, which the analysis splits by what the allocators themselves say.

``root`` is ``/proc``, or a tree recorded from one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from memdiag.model import Mappings

_HEADER = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+) *(.*)$", re.MULTILINE)
_FIGURES = re.compile(r"^(Rss|Pss|Private_Clean|Private_Dirty|Anonymous|Swap): +(\d+) kB$", re.MULTILINE)
_GUARDED = re.compile(r"^VmFlags:.* gu\b", re.MULTILINE)
_HEAPS_ALIGNED = 64 << 20  # of malloc's arenas that threads make (HEAP_MAX_SIZE)
_LARGEST_GUARD = 1 << 20
_STACK_SIZES = range(16 << 10, (1 << 30) + 1)  # bytes


@dataclass(frozen=True, slots=True)
class _Mapping:
    start: int
    end: int
    rights: str
    inode: int
    name: str
    figures: dict[str, int]  # bytes
    guarded: bool

    @property
    def unnamed(self) -> bool:
        return self.inode == 0 and (not self.name or self.name.startswith("[anon"))


def read_mappings(pid: int, t_s: float, alone: bool, root: Path = Path("/proc")) -> Mappings | None:
    """What is resident now; ``None`` where the process is gone, or not ours to look at.

    ``alone``: the program has no children of its own, so that only memdiag's copies share what it has written.
    """
    try:
        text = (root / str(pid) / "smaps").read_text(errors="replace")
    except OSError:
        return None
    return sum_mappings(text, t_s, alone)


def sum_mappings(text: str, t_s: float, alone: bool) -> Mappings | None:
    """Of a list of mappings as ``smaps`` has it; ``None`` where it is none."""
    found = _parse(text)
    return _summed(found, t_s, alone) if found else None


def _parse(text: str) -> list[_Mapping]:
    headers = list(_HEADER.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)] * bool(headers)
    found = []
    for header, end in zip(headers, ends, strict=True):
        start, stop, rights, inode, name = header.groups()
        body = text[header.end() : end]
        figures = {key: int(value) << 10 for key, value in _FIGURES.findall(body)}
        guarded = _GUARDED.search(body) is not None
        found.append(_Mapping(int(start, 16), int(stop, 16), rights, int(inode), name, figures, guarded))
    return found


def _summed(mappings: list[_Mapping], t_s: float, alone: bool) -> Mappings:
    sums = dict.fromkeys(("heap", "heaps", "anonymous", "stacks", "files", "written", "shared"), 0)
    named = pss = uss = 0
    around: list[_Mapping | None] = [None, *mappings, None]
    for below, one, above in zip(around, mappings, around[2:], strict=False):
        resident, anonymous = one.figures.get("Rss", 0), one.figures.get("Anonymous", 0)
        kind = _kind(one, below, above)
        if kind == "file":
            sums["written"] += anonymous
            sums["shared" if _is_shared(one) else "files"] += resident - anonymous
        else:
            sums[kind] += resident
        named += resident if _is_arena(one) else 0
        private = one.figures.get("Private_Clean", 0) + one.figures.get("Private_Dirty", 0)
        ours = alone and kind not in ("file", "shared")
        uss += resident if ours else private
        pss += resident if ours else one.figures.get("Pss", 0)
    return Mappings(
        t_s=t_s,
        rss_bytes=sum(sums.values()),
        **{f"{name}_bytes": size for name, size in sums.items()},
        arenas_bytes=named or None,
        pss_bytes=pss,
        uss_bytes=uss,
        swap_bytes=sum(one.figures.get("Swap", 0) for one in mappings),
        count=len(mappings),
    )


def _kind(one: _Mapping, below: _Mapping | None, above: _Mapping | None) -> str:
    if one.inode or one.name.startswith("/"):
        return "file"
    if one.name == "[heap]":
        return "heap"
    if one.name.startswith("[stack"):
        return "stacks"
    if not one.unnamed:
        return "files"  # what the kernel itself maps: [vdso], [vvar], [uprobes]
    if "w" in one.rights and one.start % _HEAPS_ALIGNED == 0 and _is_reserved(above, one.end):
        return "heaps"
    return "stacks" if _is_stack(one, below) else "anonymous"


def _is_stack(one: _Mapping, below: _Mapping | None) -> bool:
    if "w" not in one.rights or one.end - one.start not in _STACK_SIZES or _is_arena(one):
        return False
    if one.guarded:
        return True
    if below is None or below.end != one.start or not _is_reserved(below, below.start):
        return False
    # A guard may have become one with what is reserved for the arena below it, which ends at a multiple of its own.
    return min(below.end - below.start, below.end % _HEAPS_ALIGNED or _HEAPS_ALIGNED) <= _LARGEST_GUARD


def _is_arena(one: _Mapping) -> bool:
    return one.name.startswith("[anon:cpython")


def _is_reserved(one: _Mapping | None, start: int) -> bool:
    return one is not None and one.start == start and one.rights.startswith("---") and one.unnamed


def _is_shared(one: _Mapping) -> bool:
    """Memory that processes share, not a file on a disk."""
    return one.name.startswith(("/dev/shm/", "/SYSV", "/memfd:", "/dev/zero"))
