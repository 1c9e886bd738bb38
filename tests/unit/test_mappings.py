"""The kernel's list of mappings: which kind each is, and that all of them add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdiag.launch.mappings import read_mappings, sum_mappings
from memdiag.model import Mappings

MIB = 1 << 20
ARENA = 0x7F3120000000  # a multiple of 64 MiB
LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"


def mapping(start: int, size: int, rights: str = "rw-p", name: str = "", rss: int = 0, **more: Any) -> str:
    """One entry as Linux 6 writes it; sizes in bytes. ``anonymous`` is all of ``rss`` where there is no file."""
    inode = more.get("inode", 260131 if name.startswith("/") else 0)
    anonymous = more.get("anonymous", 0 if inode else rss)
    private = more.get("private", rss)
    head = f"{start:x}-{start + size:x} {rights} 00000000 fe:00 {inode}".ljust(73) + name
    figures = {
        "Size": size,
        "KernelPageSize": 4096,
        "Rss": rss,
        "Pss": more.get("pss", rss),
        "Pss_Dirty": 0,
        "Shared_Clean": rss - private,
        "Private_Clean": 0,
        "Private_Dirty": private,
        "Anonymous": anonymous,
        "Swap": more.get("swap", 0),
    }
    lines = [f"{key + ':':<16}{value >> 10:>8} kB" for key, value in figures.items()]
    return "\n".join([head, *lines, "THPeligible:           0", f"VmFlags: rd wr mr {more.get('flags', '')}", ""])


def summed(*entries: str, alone: bool = True) -> Mappings:
    found = sum_mappings("".join(entries), 1.5, alone)
    assert found is not None
    return found


def test_each_kind_of_mapping() -> None:
    found = summed(
        mapping(0x5000_0000, MIB, "r-xp", "/usr/bin/python3.11", rss=800 << 10),
        mapping(0x5010_0000, MIB, "rw-p", "/usr/bin/python3.11", rss=300 << 10, anonymous=200 << 10),
        mapping(0x6000_0000, 4 * MIB, name="[heap]", rss=3 * MIB),
        mapping(ARENA, MIB, rss=MIB),
        mapping(ARENA + MIB, 63 * MIB, "---p"),
        mapping(0x7F40_0000_0000, 8 * MIB, rss=5 * MIB),
        mapping(0x7F50_0000_0000, 4096, "---p"),
        mapping(0x7F50_0000_1000, 8 * MIB, rss=64 << 10),
        mapping(0x7F60_0000_0000, 2 * MIB, "rw-s", "/dev/shm/frames", rss=2 * MIB),
        mapping(0x7F61_0000_0000, MIB, "r--s", "/srv/index", rss=MIB, private=0, pss=MIB // 2),
        mapping(0x7FFF_0000_0000, 132 << 10, name="[stack]", rss=40 << 10),
        mapping(0x7FFF_1000_0000, 8192, "r-xp", "[vdso]", rss=4096, private=0, pss=0),
    )
    assert found.heap_bytes == 3 * MIB
    assert found.heaps_bytes == MIB
    assert found.anonymous_bytes == 5 * MIB
    assert found.stacks_bytes == (64 << 10) + (40 << 10)
    assert found.files_bytes == (800 << 10) + (100 << 10) + MIB + 4096
    assert found.written_bytes == 200 << 10
    assert found.shared_bytes == 2 * MIB
    assert found.count == 12
    assert found.arenas_bytes is None


def test_a_guard_that_has_become_one_with_what_is_reserved_below_it() -> None:
    """malloc's arena ends at a multiple of 64 MiB; what is left of the gap is the guard of the stack above it."""
    found = summed(
        mapping(ARENA, MIB, rss=MIB),
        mapping(ARENA + MIB, 63 * MIB + 4096, "---p"),
        mapping(ARENA + 64 * MIB + 4096, 8 * MIB, rss=16 << 10),
    )
    assert (found.heaps_bytes, found.stacks_bytes, found.anonymous_bytes) == (MIB, 16 << 10, 0)


def test_a_stack_whose_guard_lies_within_it() -> None:
    found = summed(mapping(0x7F50_0000_0000, 8 * MIB, rss=12 << 10, flags="gu"))
    assert found.stacks_bytes == 12 << 10


def test_what_lies_above_reserved_memory_is_no_stack() -> None:
    """An allocator's own reserve, such as the 64 MiB below what it has taken into use."""
    found = summed(mapping(0x7F50_0000_0000, 64 * MIB, "---p"), mapping(0x7F54_0000_0000, 8 * MIB, rss=MIB))
    assert (found.stacks_bytes, found.anonymous_bytes) == (0, MIB)


def test_arenas_that_the_interpreter_has_named() -> None:
    found = summed(
        mapping(0x7F50_0000_0000, MIB, name="[anon:cpython:pymalloc]", rss=700 << 10),
        mapping(0x7F51_0000_0000, MIB, "r-xp", "/opt/mod.cpython-311-x86_64-linux-gnu.so", rss=100 << 10),
    )
    assert found.arenas_bytes == found.anonymous_bytes == 700 << 10


@pytest.mark.parametrize(("alone", "uss", "pss"), [(True, 4 * MIB, 4 * MIB), (False, MIB, 2 * MIB)])
def test_pages_that_only_a_copy_of_memdiags_shares_count_as_the_processs_own(alone: bool, uss: int, pss: int) -> None:
    found = summed(mapping(0x7F50_0000_0000, 8 * MIB, rss=4 * MIB, private=MIB, pss=2 * MIB), alone=alone)
    assert (found.uss_bytes, found.pss_bytes) == (uss, pss)


entries = st.lists(
    st.builds(
        lambda at, rss, name, rights, anonymous: mapping(
            at << 30, 16 * MIB, rights, name, rss=rss << 12, anonymous=min(rss, anonymous) << 12
        ),
        st.integers(1, 1 << 14),
        st.integers(0, 4096),
        st.sampled_from(["", "[heap]", "[stack]", "[vdso]", "/usr/lib/a b (deleted)", "/dev/shm/x", "[anon:x]"]),
        st.sampled_from(["rw-p", "r--p", "r-xp", "rw-s", "---p"]),
        st.integers(0, 4096),
    ),
    min_size=1,
)


@given(entries)
def test_every_page_is_of_one_kind(found: list[str]) -> None:
    total = sum(int(line.split()[1]) << 10 for entry in found for line in entry.splitlines() if line.startswith("Rss:"))
    one = summed(*found)
    parts = (
        one.heap_bytes, one.heaps_bytes, one.anonymous_bytes, one.stacks_bytes,
        one.files_bytes, one.written_bytes, one.shared_bytes,
    )  # fmt: skip
    assert one.rss_bytes == sum(parts) == total
    assert min(parts) >= 0


@pytest.mark.parametrize("text", ["", "nonsense", "7f-80 rw-p\n", "\x00"])
def test_what_is_no_list_of_mappings(text: str) -> None:
    assert sum_mappings(text, 0.0, alone=True) is None


def test_a_process_that_is_gone(tmp_path: Path) -> None:
    assert read_mappings(42, 0.0, alone=True, root=tmp_path) is None
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "smaps").write_text("")  # it has ended, and nobody has waited for it yet
    assert read_mappings(42, 0.0, alone=True, root=tmp_path) is None
