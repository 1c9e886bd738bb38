"""What findings say: the evidence first, the line and the idiom, and nothing that was not seen."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memdiag.analysis.advice import TITLE
from memdiag.analysis.judgement import findings
from memdiag.analysis.owner import read_owner
from memdiag.model import Finding, HeapEvidence, OwnerFacts, Population, Site
from tests.unit.populations import (
    CLOSES,
    FORGETS,
    KEEPS,
    MOMENTS,
    SKIPS,
    TRIMS,
    evidence,
    facts,
    population,
    ramp,
)


def told(one: Population, *, traced: bool = False, span_s: float = 3.0) -> Finding:
    seen: HeapEvidence = dataclasses.replace(evidence(one, span_s=span_s), traced=traced)
    (found,) = findings(seen, duration_s=span_s)
    return found


def leak(source: str = KEEPS, **changes: Any) -> Population:
    return population(ramp(250), source, retained_bytes=2_100_000, **changes)


# --- the whole of it ------------------------------------------------------------------------------------------


def test_a_history_that_nothing_trims() -> None:
    found = told(leak())
    assert found.title == "Manager.history only ever grows, nothing removes any: 4,000 Message so far, 2.1 MB"
    assert found.why == (
        "Message: from 0 to 4,000 over 17 heap snapshots, more in each of the last 8 intervals (the whole time)."
        " Held by __main__.main().manager.history."
        " Added at app.py:6 `self.history.append(turn)`, and nothing in app.py removes any."
        " The line is inferred from the source, as allocations were not traced."
        " Fixing this gives back 2.1 MB so far, 724.1 kB per second at this rate."
    )
    assert found.fix == (
        "Bound Manager.history (app.py:6): collections.deque(maxlen=...), or del Manager.history[:-n] after adding;"
        " or remove what is done with."
    )
    assert found.sites == (Site("/app/app.py", 6, "Manager.ask", source="self.history.append(turn)"),)


def test_a_removal_that_nothing_calls() -> None:
    found = told(leak(FORGETS))
    assert found.title == "Manager.history gains Message and what removes them is never called: 4,000 so far, 2.1 MB"
    assert "removed only at app.py:8 `self.history.clear()` in close(), which nothing in this file calls." in found.why
    assert found.fix.startswith("Call close() (app.py:8) for what is done with. Or: Bound Manager.history")


def test_a_removal_that_an_exception_skips() -> None:
    found = told(leak(SKIPS))
    assert "which an exception or an early return skips" in found.why
    assert found.fix == "Put the removal at app.py:8 into a finally block, so that it happens whatever is raised."


def test_a_removal_that_does_not_keep_up() -> None:
    found = told(leak(CLOSES))
    assert found.title == "Manager.history keeps growing: 0 to 4,000 Message, 2.1 MB"
    assert "removed at app.py:8 `self.history.clear()`, which does not keep up." in found.why


# --- only what was seen ---------------------------------------------------------------------------------------


def test_nothing_is_said_of_source_that_was_not_read() -> None:
    found = told(leak(""))
    assert found.verdict == "suspect"
    assert "could not be read" in found.why
    for claim in ("nothing removes", "removes any", "Added at", "inferred"):
        assert claim not in found.title + found.why
    assert found.sites == ()
    assert found.fix


def test_nothing_is_said_of_removals_where_no_addition_was_found() -> None:
    source = facts(KEEPS.replace("append", "count"))
    found = told(dataclasses.replace(leak(), source=source))
    assert "what adds to it is elsewhere" in found.why or "Made at" in found.why
    assert "removes any" not in found.why + found.title


def test_what_a_tracer_saw_is_not_inferred() -> None:
    site = Site("/app/app.py", 9, "Manager.make", 5000, 12, "Message()")
    found = told(leak(sites=(site,)), traced=True)
    assert found.sites == (site,)
    assert "inferred" not in found.why
    assert "no tracer saw these being made" in told(leak(), traced=True).why


def test_frames_are_spoken_of_only_where_the_heap_has_them() -> None:
    words = "exception -> traceback -> frame -> locals"
    assert words in told(leak(item_type="ValueError", pattern="exception")).why
    assert words not in told(leak(item_type="ValueError")).why
    assert told(leak(item_type="ValueError")).pattern == "exception"


def test_independent_references_are_all_named() -> None:
    found = told(leak(others=("app.index[*]", "app.newest")))
    assert "Also held by app.index[*] and app.newest: cutting one of these references alone frees nothing." in found.why
    assert "gives back" not in found.why


def test_the_rate_by_the_hour_needs_a_run_of_some_length() -> None:
    assert "per second at this rate" in told(leak(), span_s=3.0).why
    assert "63.0 MB per hour at this rate" in told(leak(), span_s=120.1).why


def test_a_path_that_is_the_name_is_not_repeated() -> None:
    assert "Held by" not in told(leak(path="app._cache", owner="app._cache")).why


# --- bounded, and information ---------------------------------------------------------------------------------


def test_a_bounded_container_says_its_limit() -> None:
    found = told(leak(limit=5000))
    assert found.title == "Manager.history is bounded by 5,000: 4,000 Message, 2.1 MB"
    assert "and still filling" in found.why
    assert found.fix == ""
    assert "and full" in told(leak(limit=4000)).why


def test_a_bound_in_the_source_is_quoted() -> None:
    found = told(population(ramp(60), TRIMS))
    assert "It is bounded by 1,000 at app.py:7 `if len(self.history) > 1000: self.history.pop(0)`." in found.why
    assert "bounded at app.py:7" in told(population(ramp(1000), TRIMS)).why


def test_a_result_says_where_it_is_used() -> None:
    text = "def main():\n    kept = []\n    for one in range(9):\n        kept.append(one)\n    return kept\n"
    one = leak(path="__main__.main().kept", owner="main.kept", attribute="kept")
    found = told(dataclasses.replace(one, source=facts(text, "main", "kept")))
    assert (found.verdict, found.fix) == ("info", "")
    assert "returned at app.py:5" in found.why


def test_what_levelled_off_says_so() -> None:
    assert "levelled off" in told(population([min(at, 6) * 200 for at in range(MOMENTS)])).why


# --- the fix fits the leak ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("exception", ["str(error)", "with_traceback(None)", "app.py:6"]),
        ("listener", ["Unsubscribe", "WeakSet", "WeakMethod", "app.py:6"]),
        ("thread-local", ["Clear Manager.history", "thread"]),
        ("default argument", ["Default to None", "once"]),
        ("task", ["add_done_callback", "discard"]),
        ("finalizer", ["weakref.finalize", "must not refer"]),
        ("registry", ["WeakValueDictionary", "kept beside it"]),
        ("cache", ["evict", "lru_cache(maxsize=...)"]),
        ("closure", ["closed over"]),
        ("chain", ["chain"]),
        ("class", ["once"]),
        ("contextvar", ["token"]),
        ("archive", ["file or database"]),
        ("never heard of", ["deque(maxlen=...)"]),
    ],
)
def test_idioms(pattern: str, words: list[str]) -> None:
    found = told(leak(pattern=pattern))
    assert found.pattern == pattern
    assert [word for word in words if word not in found.fix] == []


@pytest.mark.parametrize(
    ("holder_type", "words"),
    [
        ("collections.deque", "maxlen"),
        ("set", "weakref.WeakSet"),
        ("dict", "evict the oldest key"),
        ("collections.defaultdict", "evict the oldest key"),
        ("app.Ring", "bound how much"),
    ],
)
def test_idioms_of_containers(holder_type: str, words: str) -> None:
    assert words in told(leak(holder_type=holder_type)).fix


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("class A:\n    @lru_cache(maxsize=None)\n    def load(self, k): return k\n", "cached_property"),
        ("@functools.cache\ndef load(k): return k\n", "app.py:1: @functools.lru_cache(maxsize=...)"),
        ("def load(k, into=[]):\n    into.append(k)\n", "default to None"),
    ],
)
def test_what_is_kept_by_a_definition(source: str, words: str) -> None:
    owner, attribute = ("load", "into") if "into" in source else ("A" if "class" in source else "", "load")
    one = leak(attribute=attribute, owner="load", holder_type="functools._lru_cache_wrapper")
    found = told(dataclasses.replace(one, source=facts(source, owner, attribute)))
    assert found.verdict == "leak"
    assert words in found.fix


def test_swelling_has_sizes_in_its_title_and_no_counts() -> None:
    sizes = tuple(1000 + at * 100_000 for at in range(MOMENTS))
    found = told(population([1] * MOMENTS, kind="object", sizes=sizes, retained_bytes=sizes[-1]))
    assert found.title == "Manager.history swells: 1.0 kB at first, 1.6 MB at the end"
    assert "Its size went from 1.0 kB to 1.6 MB" in found.why
    assert "Let go of what Manager.history has written or used up (app.py:6)" in found.fix


# --- whatever the names are -----------------------------------------------------------------------------------

NAMES = st.text(st.sampled_from("aZ_0.{}[]<>()'é\u202e "), min_size=1, max_size=150)


@settings(max_examples=300, deadline=None)
@given(
    NAMES,
    NAMES,
    NAMES,
    st.sampled_from(["container", "type", "object", "chain", "class"]),
    st.sampled_from([KEEPS, FORGETS, CLOSES, TRIMS, SKIPS, ""]),
    st.sampled_from(["", "exception", "listener", "thread-local", "cache"]),
    st.sampled_from([None, 5000]),
    st.integers(0, 10**15),
)
def test_texts_are_whole_whatever_the_names(
    path: str, owner: str, item: str, kind: Any, source: str, pattern: str, limit: int | None, size: int
) -> None:
    one = population(ramp(60), source, path=path, owner=owner, item_type=item, kind=kind, pattern=pattern, limit=limit)
    sizes = tuple(at * 10_000 for at in range(MOMENTS))
    seen = evidence(dataclasses.replace(one, retained_bytes=size, sizes=sizes))
    for found in findings(seen, duration_s=9.0):
        assert 0 < len(found.title) <= TITLE
        assert "\n" not in found.title + found.why + found.fix
        assert found.why.endswith(".")
        assert bool(found.fix) == (found.verdict in ("leak", "suspect"))


def test_no_source_facts_at_all() -> None:
    assert told(dataclasses.replace(leak(), source=OwnerFacts(read=True))).fix


def test_what_is_filled_on_a_miss_is_a_cache_whatever_its_name() -> None:
    source = """
        class Gallery:
            def __init__(self):
                self.thumbnails = {}
            def show(self, key):
                if key not in self.thumbnails:
                    self.thumbnails[key] = draw(key)
        Gallery().show(1)
    """
    read = read_owner(textwrap.dedent(source), "/app/app.py", "Gallery", "thumbnails")
    kept = population(ramp(250), owner="Gallery.thumbnails", attribute="thumbnails", holder_type="dict")
    kept = dataclasses.replace(kept, source=read)
    assert told(kept).pattern == "cache"
