"""The resident set in layers: they add up, and each holds what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdiag.analysis.account import account_of
from memdiag.analysis.layers import explained, findings
from memdiag.analysis.limits import slope, time_to_limit
from memdiag.launch.books import completed
from memdiag.model import (
    Account,
    Arenas,
    Books,
    Capture,
    Finding,
    GroupMemory,
    HeapEvidence,
    Limit,
    Mappings,
    Moment,
    Sample,
    Worker,
)
from tests.heaps import run_of

MB = 1_000_000
COUNT = 24


def capture_of(books: Books, samples: list[Sample], heap: HeapEvidence | None = None) -> Capture:
    return replace(run_of(samples=samples, heap=heap), books=books)


def mapped(t_s: float = 0.0, **parts: int) -> Mappings:
    kinds = ("heap", "heaps", "anonymous", "stacks", "files", "written", "shared")
    sizes = {f"{kind}_bytes": parts.get(kind, 0) for kind in kinds}
    return Mappings(t_s, sum(sizes.values()), **sizes, arenas_bytes=parts.get("named"))


def layers_of(account: Account | None, at: int = -1) -> dict[str, int]:
    assert account is not None
    return {layer.name: layer.sizes[at] for layer in account.layers if layer.sizes[at]}


def moments(*times: float) -> tuple[Moment, ...]:
    return tuple(Moment(time, "sample") for time in times)


def sample(t_s: float = 0.0, used: int | None = None, free: int = 0, large: int = 0, **more: Any) -> Sample:
    return Sample(t_s, malloc_used_bytes=used, malloc_free_bytes=free, malloc_mapped_bytes=large, **more)


HEAP = HeapEvidence(
    moments(0.0, 1.0), (), small_bytes=(5 * MB, 5 * MB), large_bytes=(3 * MB, 3 * MB), own_bytes=(MB // 2, MB // 2)
)
ARENAS = tuple(Arenas(time, total_bytes=12 * MB, used_bytes=7 * MB, listed_bytes=MB) for time in (0.0, 1.0))


def test_each_layer_holds_what_it_says() -> None:
    mappings = mapped(1.0, heap=9 * MB, heaps=MB, anonymous=20 * MB, stacks=100, files=5 * MB, written=700, shared=30)
    one = sample(1.0, used=8 * MB, free=2 * MB, large=5 * MB, tracer_bytes=400_000)
    found = account_of(capture_of(Books((mappings,), ARENAS), [one], HEAP))
    assert layers_of(found) == {
        "objects": 8 * MB,  # what the heap snapshot found
        "blocks": 7 * MB - MB - 5 * MB - MB // 2,  # in use, not in free lists, and neither of objects nor memdiag's
        "python-free": 12 * MB - 6 * MB,
        "native": 8 * MB + 5 * MB - 3 * MB - 400_000,
        "malloc-free": 10 * MB - 8 * MB,
        "stacks": 100,
        "files": 5 * MB,
        "written": 700,
        "shared": 30,
        "memdiag": 400_000 + MB // 2,
        "other": 20 * MB - 12 * MB - 5 * MB,
    }
    assert found is not None
    assert found.rss == (mappings.rss_bytes,)


def test_the_newest_arena_may_not_have_been_touched_yet() -> None:
    """Arenas and malloc's mapped blocks come to more than is resident: the arenas' unused part is not there."""
    found = account_of(capture_of(Books((mapped(anonymous=14 * MB),), ARENAS), [sample(used=0, large=5 * MB)], HEAP))
    assert layers_of(found)["python-free"] == 9 * MB - 6 * MB
    assert "other" not in layers_of(found)


def test_arenas_that_the_kernel_names_need_no_guess() -> None:
    found = account_of(capture_of(Books((mapped(anonymous=14 * MB, named=8 * MB),), ARENAS), [sample(used=0)], HEAP))
    assert layers_of(found)["python-free"] == 2 * MB
    assert layers_of(found)["other"] == 6 * MB


def test_what_is_not_known_is_named() -> None:
    """No snapshots and no figures from malloc: what it is cannot be told, but nothing is left out."""
    found = account_of(capture_of(Books((mapped(heap=9 * MB, anonymous=4 * MB),)), []))
    assert layers_of(found) == {"native": 9 * MB, "other": 4 * MB}
    assert found is not None
    notes = {layer.name: layer.note for layer in found.layers if layer.note}
    assert "arenas" in notes["other"]
    assert "malloc did not tell" in notes["native"]


def test_without_mappings_there_is_no_account() -> None:
    assert account_of(run_of()) is None
    assert account_of(capture_of(Books(), [])) is None


sizes = st.integers(0, 1 << 40)


@given(st.tuples(*[sizes] * 8), st.tuples(*[sizes] * 3), st.tuples(*[sizes] * 4), st.tuples(*[sizes] * 3))
def test_layers_add_up_whatever_the_books_say(
    mappings: tuple[int, ...], arenas: tuple[int, ...], malloc: tuple[int, ...], heap: tuple[int, ...]
) -> None:
    kinds = ("heap", "heaps", "anonymous", "stacks", "files", "written", "shared")
    one = mapped(0.5, **dict(zip(kinds, mappings, strict=False)))
    one = replace(one, arenas_bytes=min(mappings[7], one.anonymous_bytes) if mappings[7] % 2 else None)
    books = Books((one,), (Arenas(0.4, *arenas),))
    objects, large, own = heap
    evidence = HeapEvidence(moments(0.4), (), small_bytes=(objects,), large_bytes=(large,), own_bytes=(own,))
    used, free, blocks, tracer = malloc
    found = account_of(capture_of(books, [sample(0.5, used, free, blocks, tracer_bytes=tracer)], evidence))
    layers = layers_of(found)
    assert sum(layers.values()) == one.rss_bytes
    assert all(size >= 0 for size in layers.values())


# --- what the layers mean -------------------------------------------------------------------------------------


def run_with(**series: list[int]) -> Account:
    """An account whose mappings have these values, a tenth of a second apart, and no books of allocators."""
    columns = [dict(zip(series, row, strict=True)) for row in zip(*series.values(), strict=True)]
    readings = tuple(mapped(at / 10, **column) for at, column in enumerate(columns))
    found = account_of(capture_of(Books(readings), [sample(at / 10, used=0) for at in range(len(columns))]))
    assert found is not None
    return found


def test_freed_memory_that_malloc_holds_is_no_leak() -> None:
    account = run_with(heap=[100 * MB] * COUNT, files=[5 * MB] * COUNT)
    (one,) = findings(account)
    assert (one.kind, one.pattern, one.verdict) == ("fragmentation", "fragmentation", "info")
    assert "100.0 MB" in one.title
    assert "no leak" in one.title
    assert "--trim-probe" in one.fix


@pytest.mark.parametrize(("trimmed", "confidence"), [(90 * MB, 0.95), (MB, 0.8)])
def test_a_trim_is_proof_where_it_gives_much_back(trimmed: int, confidence: float) -> None:
    account = run_with(heap=[100 * MB] * COUNT)
    (one,) = findings(replace(account, books=replace(account.books, trimmed_bytes=trimmed)))
    assert one.confidence == confidence
    assert "malloc_trim" in one.why
    assert "--trim-probe" not in one.fix


@pytest.mark.parametrize("heap", [10 * MB, 20 * MB], ids=["little", "a small part"])
def test_some_free_memory_is_nothing_to_speak_of(heap: int) -> None:
    assert findings(run_with(heap=[heap] * COUNT, files=[90 * MB] * COUNT)) == []


def test_the_layer_that_grows_is_named_with_what_tells_more() -> None:
    account = run_with(anonymous=[20 * MB + at * MB for at in range(COUNT)])
    (words,) = explained(account, [], 0).words
    assert "the rest: other mappings" in words
    assert "+23.0 MB" in words
    assert "--native-auto" in words


def test_a_steady_account_says_nothing() -> None:
    assert explained(run_with(anonymous=[20 * MB] * COUNT), [], 0).words == ()


def test_garbage_that_waits_is_late() -> None:
    (words,) = explained(run_with(anonymous=[20 * MB] * COUNT), [], 5 * MB).words
    assert "late, not leaked" in words


@pytest.mark.parametrize(("file_bytes", "told"), [(400 * MB, True), (20 * MB, False)])
def test_the_file_cache_of_the_control_group_is_not_the_processs(file_bytes: int, told: bool) -> None:
    account = run_with(anonymous=[20 * MB] * COUNT)
    group = (GroupMemory(0.0, 40 * MB, 20 * MB, 10 * MB), GroupMemory(2.0, 40 * MB + file_bytes, 20 * MB, file_bytes))
    words = explained(replace(account, books=replace(account.books, group=group)), [], 0).words
    assert bool(words) == told
    assert all("file cache" in one for one in words)


def workers(*lives: tuple[int, list[int], list[int]]) -> Books:
    return Books(
        workers=tuple(
            Worker(at / 10, pid, 50 * MB, private * MB, shared * MB)
            for pid, own, common in lives
            for at, (private, shared) in enumerate(zip(own, common, strict=True))
        )
    )


def unshared(books: Books) -> list[Finding]:
    return findings(replace(run_with(anonymous=[MB] * COUNT), books=books))


def test_workers_that_unshare_pages_do_not_leak() -> None:
    (one,) = unshared(workers((7, [1, 9, 20, 30], [40, 32, 21, 11]), (8, [1, 1, 1, 1], [40, 40, 40, 40])))
    assert (one.kind, one.pattern, one.verdict) == ("fragmentation", "copy-on-write", "info")
    assert "29.0 MB" in one.title
    assert "gc.freeze()" in one.fix


@pytest.mark.parametrize(
    "life",
    [([1, 9, 20, 30], [40, 40, 40, 40]), ([1, 2, 2, 3], [40, 39, 39, 38]), ([1, 30], [40, 11])],
    ids=["it grows", "a little", "seen too seldom"],
)
def test_workers_of_which_that_cannot_be_said(life: tuple[list[int], list[int]]) -> None:
    assert unshared(workers((7, *life))) == []


# --- limits ---------------------------------------------------------------------------------------------------

ROOM = Limit("cgroup", 600 * MB, 100 * MB, "v2 /app")


def growing(rate: int, noise: int = 0) -> Capture:
    steps = [100 * MB + at * rate + (at * 7919 % 13 - 6) * noise for at in range(40)]
    return run_of(samples=[Sample(t_s=at / 10, rss_bytes=size) for at, size in enumerate(steps)])


def test_the_time_to_the_nearest_limit() -> None:
    far = Limit("machine", 10**12, 0)
    found = time_to_limit(growing(MB), [far, ROOM])
    assert found is not None
    assert found.limit is ROOM
    assert found.per_second == pytest.approx(10 * MB)
    assert (found.expected_s, found.earliest_s, found.latest_s) == pytest.approx((50, 50, 50))


def test_what_sways_has_its_uncertainty_told() -> None:
    found = time_to_limit(growing(MB, noise=60_000), [ROOM])
    assert found is not None
    assert found.latest_s is not None
    assert found.earliest_s < found.expected_s < found.latest_s
    assert found.earliest_s < 50 < found.latest_s


@pytest.mark.parametrize("capture", [growing(0), growing(-MB), run_of()], ids=["flat", "falls", "empty"])
def test_what_does_not_grow_reaches_no_limit(capture: Capture) -> None:
    assert time_to_limit(capture, [ROOM]) is None


def test_without_a_limit_none_is_reached() -> None:
    assert time_to_limit(growing(MB), []) is None


@given(st.floats(-1e6, 1e6), st.floats(-1e9, 1e9), st.integers(5, 40))
def test_the_slope_of_a_line_is_its_own(rate: float, start: float, count: int) -> None:
    times = [at / 7 for at in range(count)]
    found = slope(times, [start + rate * time for time in times])
    assert found is not None
    assert found == pytest.approx((rate, rate, rate), abs=max(1e-4, abs(rate) * 1e-6))


def test_a_burst_does_not_move_the_slope() -> None:
    values = [float(at) for at in range(21)]
    values[10] += 1000
    found = slope(list(range(21)), values)
    assert found is not None
    assert found[1] == pytest.approx(1, abs=0.05)


def test_two_moments_at_once_have_no_slope() -> None:
    assert slope([1.0] * 9, list(range(9))) is None


# --- copies of the process ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resident", "files"),
    [(None, 4 * MB), (19 * MB, 5 * MB), (15 * MB, MB), (13 * MB, 0)],
    ids=["between the readings", "what is left", "less than was seen", "never less than none"],
)
def test_what_a_copy_does_not_take_over_is_what_is_left_of_the_resident_set(resident: int | None, files: int) -> None:
    seen = [replace(mapped(time, files=size, shared=MB), t_s=time) for time, size in ((0.0, 2 * MB), (2.0, 6 * MB))]
    whole = completed(mapped(1.0, heap=5 * MB, anonymous=8 * MB), seen, resident)
    assert whole is not None
    assert (whole.files_bytes, whole.shared_bytes) == (files, MB)
    assert whole.rss_bytes == 5 * MB + 8 * MB + MB + files
