"""Leaks must be called leaks, and whatever only looks like one must not."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memdiag.analysis.judgement import findings
from memdiag.model import HeapEvidence, Moment, Population, Site
from tests.unit.populations import (
    CLOSES,
    EXPIRES,
    FORGETS,
    ITEM,
    KEEPS,
    MOMENTS,
    SKIPS,
    TRIMS,
    evidence,
    facts,
    judged,
    population,
    ramp,
    verdict,
    wild,
)

# --- leaks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [6, 7, 9, 12, 17, 25, 64])
def test_steady_growth_that_nothing_removes(count: int) -> None:
    (found,) = judged(population(ramp(count=count)))
    assert (found.verdict, found.kind, found.pattern, found.rule) == ("leak", "growth", "history", "MEM-005")
    assert found.holder is not None
    assert (found.holder.path, found.holder.type) == ("__main__.main().manager.history", "list")
    assert found.holder.owner == "Manager.history"
    assert found.growing.type == "Message"
    assert found.growing.counts == tuple(ramp(count=count))
    assert found.growing.bytes[-1] == found.retained_bytes == (count - 1) * 100 * ITEM
    assert found.growing.per_second == pytest.approx(found.retained_bytes / 2.9, rel=0.01)
    assert found.growing.per_operation is None
    assert found.confidence >= 0.75


def test_what_removes_is_never_called() -> None:
    assert verdict(population(ramp(), FORGETS)) == "leak"


@pytest.mark.parametrize("step", [1, 1.5, 3, 20])
def test_slow_leaks(step: float) -> None:
    assert verdict(population(ramp(step))) == "leak"


def test_a_slow_leak_of_chance_events() -> None:
    """Thirty items in all, at random: too uneven for rates, and more in each part of the run all the same."""
    found = 0
    for seed in range(200):
        arrivals = np.sort(np.random.default_rng(seed).uniform(0, MOMENTS - 1, 30))
        found += verdict(population(np.searchsorted(arrivals, range(MOMENTS)))) == "leak"
    assert found >= 190


def test_a_few_huge_items() -> None:
    large: dict[str, Any] = {"sizes": tuple(at // 2 * 50_000 for at in range(MOMENTS)), "retained_bytes": 400_000}
    assert verdict(population([at // 2 for at in range(MOMENTS)], **large)) == "leak"
    assert verdict(population([at // 2 for at in range(MOMENTS)], retained_bytes=800)) == "silent"


def test_a_leak_that_begins_halfway() -> None:
    late = [max(0, at - 8) * 50 for at in range(MOMENTS)]
    assert verdict(population(late)) == "leak"


@pytest.mark.parametrize(("absent", "expected"), [(8, "leak"), (11, "suspect"), (12, "suspect"), (13, "silent")])
def test_a_container_that_is_made_later(absent: int, expected: str) -> None:
    """It counts over its own life; a short one is no proof, and fewer than five moments are none at all."""
    counts = [-1] * absent + ramp(count=MOMENTS - absent)
    assert verdict(population(counts)) == expected


def test_a_container_that_is_gone() -> None:
    assert verdict(population([*ramp(count=MOMENTS - 1), -1])) == "silent"


def test_a_leak_that_begins_late_is_suspected() -> None:
    assert verdict(population([max(0, at - 17) * 50 for at in range(30)])) == "suspect"
    assert verdict(population([max(0, at - 12) * 50 for at in range(MOMENTS)])) == "silent"


def test_what_came_in_a_long_gap_may_have_come_at_once() -> None:
    """Looks crowd together while something is loaded; that there is more after a long gap is no steady growth."""
    times = [0.01, 0.02, 0.03, 0.04, 0.041, 0.042, 0.043, 0.044, 0.045, 0.046, 0.3]
    counts = [2000, 3600, 4600, 5600, 6300, 7000, 7700, 8400, 9100, 9800, 12_000]
    moments = tuple(Moment(at, "sample", at) for at in times)
    assert findings(HeapEvidence(moments, (population(counts),)), duration_s=0.3) == []


def test_growth_in_a_burst_of_looks_and_after_a_gap_did_not_go_on_all_the_time() -> None:
    """Each look found more than the one before; all but the last were taken in the first twentieth of the run."""
    times = [0.038, 0.045, 0.070, 0.0705, 0.0707, 0.075, 0.080, 0.086, 0.0995, 2.19]
    counts = [-1, -1, 4496, 5432, 5432, 6606, 8010, 10_818, 16_200, 150_000]
    moments = tuple(Moment(at, "sample", at) for at in times)
    found = findings(HeapEvidence(moments, (population(counts),)), duration_s=2.6)
    assert [one.verdict for one in found if one.verdict in ("leak", "suspect")] == []


def test_clocks_that_run_backwards() -> None:
    """Time that the program stood still is taken off, and may be estimated at too much."""
    moments = tuple(Moment(at * 0.2 - (at % 3) * 0.25, "sample", at * 0.1 - (at % 2) * 0.2) for at in range(MOMENTS))
    (found,) = findings(HeapEvidence(moments, (population(ramp()),)), duration_s=3.0)
    assert found.verdict == "leak"
    assert found.growing.per_second > 0


def test_a_buffer_that_is_enlarged_in_steps() -> None:
    sizes = (624_640, 790_528, 889_856, 889_856, 889_856, 1_425_408, 1_804_288, 2_283_520, 2_569_216)
    one = population([1] * 9, kind="object", sizes=sizes, retained_bytes=2_569_562)
    assert verdict(one) == "leak"


def test_what_main_held_until_it_returned_is_held() -> None:
    seen = evidence(population([*ramp(count=MOMENTS - 1), -1]))
    last = dataclasses.replace(seen.moments[-1], label="exit")
    (found,) = findings(dataclasses.replace(seen, moments=(*seen.moments[:-1], last)), duration_s=3.0)
    assert found.verdict == "leak"


def test_what_bounds_the_items_bounds_not_the_container() -> None:
    source = """
        class Bus:
            def __init__(self): self.queues = defaultdict(lambda: deque(maxlen=9000))
            def send(self, topic, one):
                self.queues[topic].append(one)
                self.queues[topic].popleft()
        Bus().send(1, 2)
        """
    one = population(ramp(), path="app.bus.queues", attribute="queues", source="")
    one = dataclasses.replace(one, source=facts(source, "Bus", "queues"))
    assert verdict(one) == "leak"
    assert verdict(dataclasses.replace(one, path="app.bus.queues['price']")) == "bounded"


def test_a_container_that_is_made_anew_counts_from_then_on() -> None:
    counts = [*ramp(count=6), -1, *ramp(count=MOMENTS - 7)]
    (found,) = judged(population(counts))
    assert found.growing.counts == tuple(ramp(count=MOMENTS - 7))


def test_a_leak_under_a_saw() -> None:
    saw = itertools.cycle([0, 30, 60, 10])
    assert verdict(population([count + next(saw) for count in ramp(100)])) == "leak"


def test_a_leak_that_slows_its_program_down() -> None:
    """Each turn goes over all those before: the number grows as the square root of time."""
    assert verdict(population([1000 * at**0.5 for at in range(MOMENTS)])) == "leak"


def test_work_is_a_clock_of_its_own() -> None:
    """The machine was busy with other things: even by the work done, uneven by the wall."""
    counts = [0, 1, 2, 3, 40, 80, 400, 401, 402, 403, 404, 700, 1000, 1001, 1002, 1600, 1601]
    one = population(counts)
    moments = tuple(Moment(float(at), "sample", count / 100) for at, count in enumerate(counts))
    (found,) = findings(HeapEvidence(moments, (one,)), duration_s=16)
    assert found.verdict == "leak"


def test_an_object_that_swells() -> None:
    sizes = tuple(1000 + at * 100_000 for at in range(MOMENTS))
    one = population([1] * MOMENTS, kind="object", sizes=sizes, retained_bytes=sizes[-1], item_type="bytearray")
    (found,) = judged(one)
    assert (found.verdict, found.pattern) == ("leak", "buffer")
    assert found.growing.bytes == sizes


@pytest.mark.parametrize(("kind", "pattern"), [("chain", "chain"), ("class", "class"), ("type", "registry")])
def test_what_has_no_attribute_is_judged_by_the_heap_alone(kind: str, pattern: str) -> None:
    one = population(
        ramp(),
        "",
        kind=kind,
        owner="",
        attribute="",
        path="app.sessions.head",
        pattern="registry" if kind == "type" else "",
    )
    (found,) = judged(one)
    assert (found.verdict, found.pattern) == ("leak", pattern)
    assert found.confidence < 0.8


def test_an_unbounded_cache_on_a_method() -> None:
    source = facts("class A:\n    @functools.cache\n    def total(self, key): return key\n", "A", "total")
    one = population(
        ramp(), source=KEEPS, holder_type="functools._lru_cache_wrapper", owner="A.total", attribute="total"
    )
    (found,) = judged(dataclasses.replace(one, source=source))
    assert (found.verdict, found.pattern) == ("leak", "cache")


def test_entries_that_an_exception_leaves_behind() -> None:
    (found,) = judged(population(ramp(), SKIPS))
    assert (found.verdict, found.rule) == ("suspect", "MEM-003")
    assert judged(population(ramp(), SKIPS, item_type="_io.TextIOWrapper"))[0].rule == "MEM-004"


def test_handles_are_resources() -> None:
    (found,) = judged(population(ramp(), item_type="_io.TextIOWrapper"))
    assert (found.verdict, found.kind, found.rule) == ("leak", "resource", "MEM-004")


# --- what may be one ------------------------------------------------------------------------------------------


def test_a_removal_that_may_yet_come() -> None:
    (found,) = judged(population(ramp(), CLOSES))
    assert (found.verdict, found.confidence < 0.7) == ("suspect", True)


def test_source_that_could_not_be_read() -> None:
    assert verdict(population(ramp(), "")) == "suspect"


def test_a_variable_that_its_function_goes_on_to_use_is_its_result() -> None:
    text = "def main():\n    rows = []\n    for one in range(9):\n        rows.append(one)\n    return rows\n"
    one = population(ramp(), "", path="__main__.main() local rows", owner="main.rows", attribute="rows")
    assert verdict(one) == "suspect"
    assert verdict(dataclasses.replace(one, source=facts(text, "main", "rows"))) == "info"
    lost = text.replace("return rows", "return len(rows)").replace("rows", "kept")
    kept = dataclasses.replace(
        one, path="__main__.main() (thread 2) local kept", attribute="kept", source=facts(lost, "main", "kept")
    )
    assert verdict(kept) == "leak"


def test_an_attribute_that_is_used_as_a_whole_at_the_end() -> None:
    """Its items are the program's result; but what is kept only to be awaited, or closed, is none."""
    loop = "for one in range(9):\n    manager.ask(one)\nwrite(*manager.history)"
    source = facts(KEEPS.replace("Manager().ask(1)", f"manager = Manager()\n{loop}"))
    one = dataclasses.replace(population(ramp()), source=source)
    assert verdict(one) == "info"
    assert verdict(dataclasses.replace(one, item_type="_asyncio.Task")) == "leak"
    assert verdict(dataclasses.replace(one, item_type="socket.socket")) == "leak"


def test_an_attribute_named_as_a_result() -> None:
    source = facts(KEEPS.replace("history", "results"), "Manager", "results")
    one = population(ramp(), attribute="results", owner="Manager.results")
    assert verdict(dataclasses.replace(one, source=source)) == "suspect"


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_growth_that_slows_down(scale: float) -> None:
    """A cache whose keys run out: not full yet, and no leak."""
    counts = [5000 * (1 - np.exp(-scale * at / MOMENTS)) for at in range(MOMENTS)]
    assert verdict(population(counts)) in ("suspect", "bounded", "silent")


def test_a_check_that_does_not_hold() -> None:
    (found,) = judged(population(ramp(1000), TRIMS))
    assert found.verdict == "suspect"


def test_too_few_intervals_for_a_leak() -> None:
    assert verdict(population(ramp(count=5))) == "suspect"


# --- what is none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1000, 1600, 10**6])
def test_a_bounded_container_that_fills(limit: int) -> None:
    counts = [min(limit, count) for count in ramp()]
    assert verdict(population(counts, limit=limit)) == "bounded"


@pytest.mark.parametrize("source", [TRIMS, EXPIRES])
def test_a_bound_in_the_source(source: str) -> None:
    assert verdict(population(ramp(60), source)) == "bounded"


@pytest.mark.parametrize("full", [3, 6, 10])
def test_a_plateau(full: int) -> None:
    counts = [min(at, full) * 200 for at in range(MOMENTS)]
    assert verdict(population(counts)) in ("bounded", "silent")


def test_a_one_off_load() -> None:
    counts = [0, 0, *[50_000] * (MOMENTS - 2)]
    assert verdict(population(counts)) == "info"
    assert verdict(population([count // 100 for count in counts])) == "silent"


@pytest.mark.parametrize("seed", range(200))
def test_a_working_set_of_random_size(seed: int) -> None:
    assert verdict(population(wild(seed))) == "silent"


@pytest.mark.parametrize("height", [2, 3, 5, 7])
def test_a_saw(height: int) -> None:
    assert verdict(population([at % height * 300 for at in range(MOMENTS)])) == "silent"


def test_walks_at_random_are_seldom_suspected() -> None:
    alarms = 0
    for seed in range(400):
        walk = 5000 + np.random.default_rng(seed).normal(0, 100, MOMENTS).cumsum()
        alarms += verdict(population(walk)) in ("leak", "suspect")
    assert alarms <= 8


def test_a_librarys_own_growth() -> None:
    """A word where it is little; a suspicion where it is much, or where its source lets it grow for ever."""
    assert verdict(population(ramp(), "", library=True)) == "info"
    assert verdict(population(ramp(), "", library=True, retained_bytes=8_000_000)) == "suspect"
    assert verdict(population(ramp(), KEEPS, library=True)) == "suspect"
    assert verdict(population(ramp(), CLOSES, library=True)) == "info"


def test_a_librarys_registry_that_the_program_fills() -> None:
    one = population(ramp(), "", library=True, pattern="registry", owner="", attribute="", path="atexit")
    assert verdict(dataclasses.replace(one, sites=(Site("/app/app.py", 9, count=4),))) == "leak"
    assert verdict(dataclasses.replace(one, sites=(Site("/usr/lib/python3.11/re.py", 9, count=4),))) == "info"
    by_chance = Site("/app/app.py", 9, count=1)  # it lies where another of the program lay
    assert verdict(dataclasses.replace(one, sites=(by_chance,))) == "info"


def test_a_librarys_list_of_what_the_program_keeps_alive() -> None:
    """Letting go of it there frees nothing: the program's own holder is to blame, and it alone."""
    keeper = population(ramp())
    listed = population(ramp(), "", library=True, owner="", attribute="", path="threading._active", retained_bytes=0)
    listed = dataclasses.replace(listed, sites=(Site("/app/app.py", 9, count=90),), others=(keeper.path,))
    assert {one.holder.path for one in judged(keeper, listed) if one.holder} == {keeper.path}
    elsewhere = dataclasses.replace(listed, others=("__main__.main().manager.others",))
    assert len(judged(keeper, elsewhere)) == 2


@pytest.mark.parametrize("counts", [[], [1], [0, 100, 200, 300], [-1] * MOMENTS, [7] * MOMENTS, ramp()[::-1]])
def test_nothing_to_judge(counts: list[int]) -> None:
    made = dataclasses.replace(population([0]), counts=tuple(counts))
    assert judged(made) == []


# --- several at once ------------------------------------------------------------------------------------------


def test_the_one_that_gives_back_most_comes_first() -> None:
    names = {"small": 1000, "large": 9_000_000, "middle": 50_000}
    found = judged(
        *(population(ramp(), path=f"app.{n}", owner=f"A.{n}", retained_bytes=size) for n, size in names.items())
    )
    assert [one.holder.path for one in found if one.holder] == ["app.large", "app.middle", "app.small"]


def test_leaks_come_before_what_is_bounded() -> None:
    full = population(ramp(), limit=10**6, path="app.lru", retained_bytes=10**9)
    assert [one.verdict for one in judged(full, population(ramp()))] == ["leak", "bounded"]


def test_containers_within_a_growing_one_are_part_of_it() -> None:
    outer = population(ramp(), path="app.sessions")
    inner = population(ramp(), path="app.sessions['7'].log", owner="Session.log")
    (found,) = judged(inner, outer)
    assert found.holder is not None
    assert found.holder.path == "app.sessions"


def test_containers_within_one_that_does_not_grow_are_not() -> None:
    outer = population([3] * MOMENTS, path="app.listeners")
    inner = population(ramp(), path="app.listeners['price']")
    assert [one.holder.path for one in judged(inner, outer) if one.holder] == ["app.listeners['price']"]


def test_the_same_seen_by_its_items() -> None:
    container = population(ramp(), path="app.seen")
    items = population(ramp(), path="app.seen[*]", kind="type")
    assert len(judged(container, items)) == 1


def test_a_tree_that_nothing_is_seen_to_add_to() -> None:
    """A chain lengthens for ever, or is the program's own fault; a tree is what programs build."""
    chain = population(ramp(), KEEPS.replace("self.history.append(turn)", "insert(self, turn)"), kind="chain")
    assert not chain.source.adds
    assert verdict(chain) in ("leak", "suspect")
    tree = dataclasses.replace(chain, branching=True)
    (found,) = judged(tree)
    assert (found.verdict, "in a tree" in found.title) == ("info", True)
    assert verdict(dataclasses.replace(tree, source=facts(KEEPS))) == "leak"


def test_weak_references_that_a_librarys_object_lists_for_itself() -> None:
    """A connection of sqlite3 lists its cursors, and clears the list every 200: no name of it is the program's."""
    one = population(ramp(10), path="app.pool.connection -> list", owner="Pool.connection", attribute="connection")
    assert verdict(dataclasses.replace(one, item_type="ReferenceType")) == "info"
    assert verdict(dataclasses.replace(one, item_type="Row")) in ("leak", "suspect")


def test_a_list_of_weak_references_to_what_something_else_keeps() -> None:
    kept = population(ramp(), path="app.log.handlers", owner="Logger.handlers", item_type="StreamHandler")
    weak = population(
        [n + 1 for n in ramp()], path="logging._handlerList", owner="logging.x", item_type="ReferenceType"
    )
    assert [one.holder.path for one in judged(weak, kept) if one.holder] == ["app.log.handlers"]
    assert len(judged(weak)) == 1


def test_what_came_in_a_time_without_a_look_may_have_come_at_once() -> None:
    """Eleven looks within the first second, and the next after twenty more."""
    times = [*np.linspace(0.2, 0.9, 11), 22.8]
    moments = tuple(Moment(float(t), "sample", float(t)) for t in times)
    loaded = population([0] * 11 + [1253], source="", kind="type", item_type="Graph")
    found = findings(HeapEvidence(moments, (loaded,)), duration_s=23.0)
    assert not [one for one in found if one.verdict in ("leak", "suspect")]


@pytest.mark.parametrize(("each", "verdicts"), [(0, ["silent"]), (500, ["leak", "suspect"])])
def test_a_module_that_is_still_being_filled(each: int, verdicts: list[str]) -> None:
    """With names of what others have in use; a module that alone holds what it gains is something else."""
    counts = ramp()
    named = population(
        counts, "", path="app", owner="", owner_module="app", attribute="", retained_bytes=each * counts[-1] + 1400
    )
    assert verdict(named) in verdicts


@pytest.mark.parametrize("item", ["finalize", "weakref.finalize._Info"])
def test_finalizers_of_what_something_else_keeps(item: str) -> None:
    kept = population(ramp(), path="app.manager.agents", owner="Manager.agents", item_type="Agent")
    waiting = population(ramp(), path="weakref.finalize._registry", owner="finalize._registry", item_type=item)
    assert [one.holder.path for one in judged(waiting, kept) if one.holder] == ["app.manager.agents"]
    assert [one.pattern for one in judged(waiting)] == ["finalizer"]


def test_a_class_of_the_programs_that_is_called_like_a_part_of_a_finalizer() -> None:
    kept = population(ramp(), path="app.manager.agents", owner="Manager.agents", item_type="Agent")
    own = population(ramp(), path="app.infos", owner="app.infos", item_type="_Info")
    assert len(judged(kept, own)) == 2


def test_what_is_large_by_the_leak_within_it_is_left_out() -> None:
    outer = population([0, *[4] * (MOMENTS - 1)], path="app.scratch", retained_bytes=2_000_000, limit=10)
    inner = population(ramp(), path="app.scratch.traces", owner="Scratch.traces")
    assert [one.holder.path for one in judged(outer, inner) if one.holder] == ["app.scratch.traces"]


# --- names that last ------------------------------------------------------------------------------------------


def identity(**changes: Any) -> str:
    return judged(population(ramp(), **changes))[0].id


def test_a_finding_keeps_its_name() -> None:
    """Through other counts, sizes, lines, checkouts and ways in."""
    moved = facts("\n\n\n" + KEEPS)
    other = dataclasses.replace(
        population(ramp(31)), source=moved, path="__main__.other.history", owner_file="/home/me/app/app.py"
    )
    assert judged(other)[0].id == identity()


@pytest.mark.parametrize(
    "path",
    ["app.bus.listeners['cost']", "app.bus.listeners[12]", "app.bus.listeners[('a', [1])]", "app.bus.listeners[*]"],
)
def test_keys_and_indices_are_no_part_of_a_name(path: str) -> None:
    assert identity(path=path, owner="") == identity(path="app.bus.listeners['price']", owner="")


def test_numbers_and_addresses_are_no_part_of_a_name() -> None:
    one, two = "Thread-7.local at 0x7fae10", "Thread-12.local at 0x1b"
    assert identity(path=one, owner="") == identity(path=two, owner="")


@pytest.mark.parametrize(
    "changes", [{"owner": "Other.history"}, {"item_type": "Turn"}, {"kind": "type"}, {"owner_file": "/app/b.py"}]
)
def test_other_problems_have_other_names(changes: dict[str, Any]) -> None:
    assert identity(**changes) != identity()


# --- properties -----------------------------------------------------------------------------------------------

SERIES = st.lists(st.integers(-1, 5000), min_size=MOMENTS, max_size=MOMENTS)


@settings(max_examples=150, deadline=None)
@given(SERIES, st.sampled_from([0.05, 0.3, 30.0, 86_400.0]), st.sampled_from([KEEPS, CLOSES, TRIMS, ""]))
def test_the_length_of_the_run_changes_no_verdict(counts: list[int], span_s: float, source: str) -> None:
    def at(span: float) -> list[tuple[str, str, float]]:
        times = np.arange(MOMENTS) * span
        moments = tuple(Moment(float(t), "sample", float(t)) for t in times)
        found = findings(HeapEvidence(moments, (population(counts, source),)), duration_s=span)
        return [(one.id, one.verdict, one.confidence) for one in found]

    assert at(span_s) == at(1.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(SERIES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_changes_nothing(series: list[list[int]], random: Any) -> None:
    populations = [population(counts, path=f"app.x{at}y", owner="") for at, counts in enumerate(series)]
    shuffled = random.sample(populations, len(populations))
    assert judged(*populations) == judged(*shuffled)


@settings(max_examples=200, deadline=None)
@given(SERIES, st.sampled_from([KEEPS, CLOSES, SKIPS, ""]))
def test_a_leak_always_has_more_at_its_end(counts: list[int], source: str) -> None:
    for found in judged(population(counts, source)):
        assert found.growing.counts[-1] > found.growing.counts[0]
        assert 0 < found.confidence <= 1
        assert found.growing.per_second >= 0


def slowing(count: int = MOMENTS) -> list[int]:
    """As a program adds that copies all it has for each new item: after some time, ever fewer."""
    times = np.linspace(0.0, 1.0, count)
    return [int(12_000 * (1 - (1 - t) ** 2.6)) + 200 for t in times[:-1]] + [12_300]


def test_what_each_call_adds_to_has_no_level_to_come_to() -> None:
    one = population(slowing())
    assert judged(one)[0].verdict == "suspect"
    rebuilt = KEEPS.replace("self.history.append(turn)", "self.history = [*self.history, turn]")
    assert verdict(population(slowing(), rebuilt)) == "suspect"


@pytest.mark.parametrize(
    "text",
    [
        KEEPS.replace("self.history.append(turn)", "self.history[turn.key] = turn"),
        KEEPS.replace("self.history.append(turn)", "if turn not in self.history: self.history.append(turn)"),
        KEEPS.replace(
            "self.history.append(turn)", "if self.known.get(turn.key): return\n        self.history.append(turn)"
        ),
        SKIPS,
        TRIMS,
    ],
    ids=["under a key", "if not there", "if not known", "removed", "bounded"],
)
def test_what_may_fill_up_and_slows_is_no_suspect(text: str) -> None:
    assert verdict(population(slowing(), text)) == "bounded"


def test_a_window_that_is_far_exceeded_bounds_nothing() -> None:
    windowed = KEEPS.replace("append(turn)", "append(turn)\n        if self.on: self.history = self.history[-100:]")
    assert verdict(population(ramp(), windowed)) == "suspect"
    wide = windowed.replace("-100", "-100_000")
    assert verdict(population(ramp(), wide)) == "bounded"


SWEEPS = KEEPS.replace("append(turn)", "append(turn)\n        self.sweep()").replace(
    "Manager().ask(1)",
    "    def sweep(self):\n        self.history = [turn for turn in self.history if not turn.closed]\nManager().ask(1)",
)


def test_a_sweep_that_was_seen_to_take_nothing_away() -> None:
    assert verdict(population(ramp(), SWEEPS)) == "bounded"  # it may not have been called yet
    found = judged(population(ramp(), SWEEPS, remade=4))
    assert found[0].verdict == "suspect"
    assert "self.history = [turn for turn" in found[0].fix


@pytest.mark.parametrize("condition", ["turn.expires > self.now", "not turn.expired", "self.alive(turn)"])
def test_a_sweep_by_age_has_but_to_wait(condition: str) -> None:
    source = SWEEPS.replace("not turn.closed", condition)
    source = source.replace("    def sweep", "    def alive(self, turn):\n        return turn.last_used\n    def sweep")
    assert verdict(population(ramp(), source, remade=4)) == "bounded"


def test_what_is_made_anew_by_adding_says_nothing_of_a_sweep() -> None:
    source = SWEEPS.replace("self.history.append(turn)", "self.history = [*self.history, turn]")
    assert verdict(population(ramp(), source, remade=4)) == "bounded"


def test_a_variable_whose_growth_may_have_ended_unseen_is_no_suspect() -> None:
    """A table that a comprehension builds: nothing in the source adds to it, and no look fell into what came after."""
    path = "__main__.main() local table"
    one = population(ramp(), "def main():\n    table = [row for row in rows]\n", path=path, attribute="table")
    assert verdict(one) == "suspect"
    moments = [*evidence(one).moments[:-1], Moment(5.0, "end of main()", 5.0)]
    found = findings(HeapEvidence(tuple(moments), (one,)), duration_s=5.0)
    assert not {finding.verdict for finding in found} & {"leak", "suspect"}


def test_a_small_variable_is_no_suspect_however_it_grows() -> None:
    """The rows that suspended generators hold, a few of them looked at."""
    counts = (61, 176, 214, 367, 400, 466, 506, 700, 800, 800)
    times = (32, 38, 47, 53, 67, 73, 87, 98, 112, 131)
    one = population(counts, "", path="app.Exporter.pages() local batch", attribute="batch", retained_bytes=22_400)

    def on(one: Population) -> str:
        seen = HeapEvidence(tuple(Moment(at / 1000, "sample", at / 1000) for at in times), (one,))
        return findings(seen, duration_s=0.2)[0].verdict

    assert on(one) == "info"
    assert on(dataclasses.replace(one, retained_bytes=300_000)) == "suspect"


def test_what_an_expression_has_come_to_so_far_is_no_suspect() -> None:
    """The futures that Executor.map() is making, seen in the middle of it."""
    one = population(ramp(1000), "", path="list held by native code", owner="", attribute="", library=True)
    assert verdict(one) == "info"
    at_end = [*evidence(one).moments[:-1], Moment(3.0, "end of main()", 2.7)]
    assert findings(HeapEvidence(tuple(at_end), (one,)), duration_s=3.0)[0].verdict == "suspect"


def test_growth_that_is_but_uneven_is_not_said_to_slow() -> None:
    """The machine was busy with other things: most came between two looks that lie close together."""
    counts = (325, 916, 1023, 2075, 2775, 3477, 16995, 24000)
    times = (0.015, 0.018, 0.021, 0.028, 0.030, 0.039, 0.050, 0.120)
    one = population(counts)
    found = findings(HeapEvidence(tuple(Moment(t, "sample", t) for t in times), (one,)), duration_s=0.2)
    assert found[0].verdict == "suspect"
    assert "not evenly" in found[0].why
    assert "slowly" not in found[0].why
