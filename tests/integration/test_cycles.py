"""``memdiag cycles`` on real programs: what they created in cycles, what was reclaimed, what survives, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdiag.capture.load import load
from tests.integration.cli import Cli, Report, Result, another_python, survival_of

DELEGATION = """
import gc
{prepare}

class AgentContext:
    def __init__(self, parent_context=None):
        self.parent_context = parent_context
        self.subtasks = []

def delegate(registry, number):
    parent = AgentContext()
    parent.subtasks.append(AgentContext(parent_context=parent))
    if number % 10 == 0:
        registry[number] = parent

registry = {{}}

def main():
    {local}
    zeros = [0] * {work}
    for number in range(100):
        delegate(registry, number)
        zeros.count(1)
        {between}

main()
"""

PREPARED = {
    "default": "",
    "every allocation": "gc.set_threshold(1)",
    "often": "gc.set_threshold(50, 2, 2)",
    "never": "gc.disable()",
    "frozen": "gc.freeze()",
}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def delegation(
    cli: Cli, *options: str, prepare: str = "", local: bool = False, between: str = "", work: int = 50_000
) -> Result:
    """The report on the reference case, in one of its many dresses."""
    program = DELEGATION.format(
        prepare=prepare, local="registry = {}" if local else "pass", between=between or "pass", work=work
    )
    cli.write("delegation.py", program)
    return cli.reported("cycles", *options, "delegation.py")


def assert_reference(report: Report, looks: int = 1) -> None:
    """200 created, 20 surviving, 10.0 %: for the class, and for every figure that follows from it.

    An earlier look that asked for names has made namespaces for some of what it named, and these count as well.
    """
    survival = report["survival"]
    assert survival_of(report, "AgentContext") == (200, 20)
    if looks > 1:
        assert survival["survival_rate"] == pytest.approx(0.1, abs=0.015)
        return
    assert survival_of(report, "list") == (100, 10)
    assert {row["type"] for row in survival["by_type"]} <= {"AgentContext", "list", "dict"}
    for total in ("created", "surviving"):
        assert survival[total] == sum(row[total] for row in survival["by_type"])
    assert survival["survival_rate"] == pytest.approx(0.1)
    assert survival["gc_effectiveness"] == pytest.approx(0.9)
    assert [one["surviving"] for one in survival["passes"]] == [survival["surviving"]] * 5
    reclaimed = survival["reclaimed_before"] + sum(one["collected"] for one in survival["passes"])
    assert reclaimed == survival["created"] - survival["surviving"]
    assert survival["uncollectable"] == 0


# --- the reference case ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("local", [False, True], ids=["module's", "main's"])
@pytest.mark.parametrize("name", PREPARED)
def test_the_reference_case_whatever_the_collector_does(cli: Cli, name: str, local: bool) -> None:
    ran = delegation(cli, prepare=PREPARED[name], local=local)
    assert_reference(ran.report)
    assert "AgentContext 200 created 20 surviving 5 passes 10.0 %" in ran.said
    assert ran.report["verdict"] in ("leak", "suspect")
    surviving = [one for one in ran.report["survival"]["clusters"] if one["state"] == "reachable"]
    assert sum(one["count"] for one in surviving) == 10
    assert surviving[0]["shape"][0] == "AgentContext"
    assert {".parent_context", ".subtasks"} <= set(surviving[0]["edges"])
    if name != "frozen":  # what is frozen is in no list of objects, so that no path to it can be walked
        assert ("main() local" if local else "__main__.registry") in surviving[0]["holder"]
    assert surviving[0]["holder"] in ran.said


@pytest.mark.parametrize("between", ["number % 7 or gc.collect()", "gc.collect(number % 3)"])
@pytest.mark.parametrize("local", [False, True], ids=["module's", "main's"])
def test_collections_that_the_program_asks_for_count_too(cli: Cli, between: str, local: bool) -> None:
    ran = delegation(cli, between=between, local=local)
    assert_reference(ran.report)
    assert ran.report["survival"]["reclaimed_before"] > 100


@pytest.mark.parametrize("prepare", ["", "gc.disable()"], ids=["default", "never"])
def test_a_program_that_is_over_at_once(cli: Cli, prepare: str) -> None:
    """Its main() lasts a fraction of a millisecond, and takes the registry with it."""
    assert_reference(delegation(cli, prepare=prepare, local=True, work=1).report)


def test_the_reference_case_with_the_loop_at_the_top(cli: Cli) -> None:
    cli.write(
        "flat.py", "\n".join(DELEGATION.format(prepare="", local="pass", between="pass", work=1).split("\n")[:-3])
    )
    cli.write(
        "run.py", "from flat import registry, delegate\nfor number in range(100):\n    delegate(registry, number)\n"
    )
    assert_reference(cli.reported("cycles", "run.py").report, looks=2)


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_the_reference_case_under_another_python(cli: Cli, version: str) -> None:
    ran = delegation(cli, "--python", another_python(version), local=True)
    assert_reference(ran.report)
    assert ran.report["target"]["python"].startswith(version + ".")


def test_looks_during_the_run(cli: Cli) -> None:
    """They are taken beside the running program, so that their figures are not exact to the digit."""
    ran = delegation(cli, "--every", "0.05", "-o", "out", local=True, work=400_000)
    assert ran.report["survival"]["created"] > 0
    looks = load(cli.directory / "out").cycles
    assert [look.created for look in looks] == sorted(look.created for look in looks)
    assert looks[0].moment.label == "every"


def test_fewer_passes(cli: Cli) -> None:
    report = delegation(cli, "--passes", "2", prepare="gc.disable()").report
    passes = [(one["pass"], one["surviving"]) for one in report["survival"]["passes"]]
    surviving = report["survival"]["surviving"]
    assert passes == [(1, surviving), (2, surviving)]
    assert report["survival"]["passes_needed"] == 1


def test_once_mended_nothing_survives(cli: Cli) -> None:
    """A registry of names and a weak way back: the collector has nothing to do."""
    cli.write(
        "mended.py",
        """
        import weakref

        class AgentContext:
            def __init__(self, parent_context=None):
                self.parent_context = parent_context and weakref.ref(parent_context)
                self.subtasks = []

        def main():
            registry, zeros = [], [0] * 50_000
            for number in range(100):
                parent = AgentContext()
                parent.subtasks.append(AgentContext(parent))
                if number % 10 == 0:
                    registry.append(parent)
                zeros.count(1)

        main()
        """,
    )
    ran = cli.reported("cycles", "--fail-on", "suspect", "mended.py")
    assert ran.status == 0
    assert ran.report["verdict"] == "clean"
    assert (ran.report["survival"]["created"], ran.report["survival"]["surviving"]) == (0, 0)
    assert "made no reference cycles" in ran.said


def test_the_gate(cli: Cli) -> None:
    ran = delegation(cli, "--fail-on", "suspect")
    assert ran.status == 1
    assert "breached: --fail-on suspect" in ran.said


# --- what the collector cannot or will not free ---------------------------------------------------------------


def looped(cli: Cli, kind: str, prepare: str = "gc.disable()", times: int = 40) -> Result:
    """The report on a program that makes rings of one class, one after the other, and drops them."""
    body = f"import gc\n{prepare}\n{kind}\n\ndef one():\n    Ring().me\n\n"
    body += f"def main():\n    zeros = [0] * 50_000\n    for _ in range({times}):\n"
    cli.write("rings.py", body + "        one()\n        zeros.count(1)\n\nmain()\n")
    return cli.reported("cycles", "rings.py")


RING = "class Ring:\n    def __init__(self):\n        self.me = self\n"


def test_rings_that_only_waited(cli: Cli) -> None:
    ran = looped(cli, RING)
    assert survival_of(ran.report, "Ring") == (40, 0)
    assert ran.report["verdict"] == "clean"
    assert ran.report["survival"]["gc_enabled"] is False
    assert ran.report["survival"]["passes_needed"] == 1
    assert "turned off by the program" in ran.said
    assert "late, not leaked" in ran.said


def test_finalizers_that_make_new_rings_need_as_many_passes(cli: Cli) -> None:
    """Each ring leaves a smaller one behind, twice: three passes free them all."""
    revived = RING.replace("(self)", "(self, lives=3)").replace("self.me = self", "self.me, self.lives = self, lives")
    ran = looped(
        cli, revived + "    def __del__(self):\n        if self.lives > 1:\n            Ring(self.lives - 1)\n"
    )
    survival = ran.report["survival"]
    assert survival["passes_needed"] == 3
    assert [one["collected"] for one in survival["passes"][:3]] == [survival["passes"][0]["collected"]] * 3
    assert [one["surviving"] > 0 for one in survival["passes"]] == [True, True, False, False, False]
    assert ran.report["verdict"] == "clean"


def test_finalizers_that_bring_everything_back(cli: Cli) -> None:
    """They were garbage, and after the first pass something refers to them."""
    ran = looped(cli, "back = []\n" + RING + "    def __del__(self):\n        back.append(self)\n")
    assert survival_of(ran.report, "Ring") == (40, 40)
    clusters = ran.report["survival"]["clusters"]
    assert [(one["count"], one["state"]) for one in clusters if one["state"] == "reachable"] == [(40, "reachable")]
    assert "__main__.back" in next(one["holder"] for one in clusters if one["state"] == "reachable")


def test_garbage_that_the_program_has_kept_by_a_debug_flag(cli: Cli) -> None:
    ran = looped(cli, RING, prepare="gc.set_debug(gc.DEBUG_SAVEALL)")
    survival = ran.report["survival"]
    assert survival_of(ran.report, "Ring") == (40, 40)
    assert {one["type"]: one["count"] for one in survival["uncollectable_types"]}["Ring"] == 40
    assert survival["uncollectable"] == sum(one["count"] for one in survival["uncollectable_types"])
    assert any(finding["kind"] == "uncollectable" for finding in ran.report["findings"])
    assert ran.report["verdict"] in ("leak", "suspect")
    assert "DEBUG_SAVEALL" in ran.said


def test_garbage_that_was_frozen(cli: Cli) -> None:
    """No collection ever looks at it, but the copy that is looked at may thaw."""
    frozen = "import atexit, gc\ngc.disable()\n" + RING + "        self.others = [None] * 30\n\n"
    frozen += "def main():\n    for _ in range(600):\n        Ring()\n    gc.freeze()\n    [0].count(1)\n\nmain()\n"
    cli.write("frozen.py", frozen)
    ran = cli.reported("cycles", "frozen.py")
    assert survival_of(ran.report, "Ring") == (600, 600)
    (cluster,) = [one for one in ran.report["survival"]["clusters"] if one["shape"][0] == "Ring"]
    assert (cluster["state"], cluster["count"]) == ("uncollectable", 600)
    assert ran.report["verdict"] == "leak"
    assert "gc.freeze()" in ran.report["findings"][0]["why"]
    assert "are frozen (gc.freeze)" in ran.said


def test_what_threads_reclaim_is_counted_as_far_as_it_can_be(cli: Cli) -> None:
    threads = "import threading\n" + RING + "\ndef work():\n    for _ in range(4000):\n        Ring()\n\n"
    threads += "def main():\n    workers = [threading.Thread(target=work) for _ in range(2)]\n"
    threads += "    for one in workers: one.start()\n    for one in workers: one.join()\n\nmain()\n"
    cli.write("threads.py", threads)
    ran = cli.reported("cycles", "threads.py")
    created, surviving = survival_of(ran.report, "Ring")
    assert 0 < created <= 8000
    assert surviving == 0
    assert "came while other threads ran" in ran.said


def test_a_debug_flag_that_is_set_half_way_counts_nothing_twice(cli: Cli) -> None:
    """What gc.garbage keeps is found again by each collection, and was created once."""
    ran = looped(cli, RING, prepare="gc.set_debug(gc.DEBUG_SAVEALL)\ngc.set_threshold(50)", times=300)
    assert survival_of(ran.report, "Ring") == (300, 300)


# --- programs of other kinds ----------------------------------------------------------------------------------


def test_a_program_without_any_cycle(cli: Cli) -> None:
    cli.write("straight.py", "kept = [{'n': [n]} for n in range(5000)]\nprint(sum(one['n'][0] for one in kept))\n")
    ran = cli.reported("cycles", "straight.py")
    assert (ran.status, ran.report["verdict"], ran.report["findings"]) == (0, "clean", [])
    assert ran.report["survival"]["created"] == 0
    assert ran.report["survival"]["clusters"] == []
    assert "made no reference cycles" in ran.said


def test_a_program_with_callbacks_of_its_own(cli: Cli) -> None:
    calls = "calls = []\ngc.callbacks.append(lambda phase, info: calls.append((phase, info['collected'])))\n"
    ran = looped(cli, calls + RING, prepare="gc.set_threshold(10)")
    assert survival_of(ran.report, "Ring") == (40, 0)


def test_a_registry_that_a_coroutine_holds(cli: Cli) -> None:
    """Coroutines are met at collections; one that allocates so little that none comes may end unheard."""
    program = DELEGATION.format(
        prepare="import asyncio; gc.set_threshold(100)",
        local="registry = {}",
        between="await asyncio.sleep(0)",
        work=50_000,
    )
    cli.write("served.py", program.replace("def main", "async def main").replace("\nmain()", "\nasyncio.run(main())"))
    assert_reference(cli.reported("cycles", "served.py").report)


def test_exceptions_that_are_kept(cli: Cli) -> None:
    cli.write(
        "failures.py",
        """
        class Failure(Exception):
            pass

        kept = []

        def attempt(number):
            try:
                raise Failure(number)
            except Failure as error:
                problem = error  # error -> traceback -> frame -> problem
            if number % 10 == 0:
                kept.append(problem)

        def main():
            zeros = [0] * 50_000
            for number in range(100):
                attempt(number)
                zeros.count(1)

        main()
        """,
    )
    ran = cli.reported("cycles", "failures.py")
    assert [survival_of(ran.report, kind) for kind in ("Failure", "traceback", "frame")] == [(100, 10)] * 3
    surviving = next(one for one in ran.report["survival"]["clusters"] if one["state"] == "reachable")
    assert (surviving["count"], surviving["holder"]) == (10, "__main__.kept[*]")
    assert ".__traceback__" in surviving["edges"]


@pytest.mark.parametrize("ways", ["one", "both"])
def test_a_ring_of_a_hundred_thousand(cli: Cli, ways: str) -> None:
    """One cycle through 100,000 objects: nothing may recurse along it, or print all of it."""
    cli.write(
        "ring.py",
        f"""
        import gc
        gc.disable()

        class Node:
            __slots__ = ("back", "next")

        def main():
            first = node = Node()
            for _ in range(99_999):
                node.next = Node()
                {"node.next.back = node" if ways == "both" else "pass"}
                node = node.next
            node.next = first
            {"first.back = node" if ways == "both" else "pass"}
            del first, node
            [0].count(1)

        main()
        """,
    )
    ran = cli.reported("cycles", "ring.py")
    assert survival_of(ran.report, "Node") == (100_000, 0)
    assert len(ran.stderr) < 10_000
    assert len(ran.report["survival"]["clusters"][0]["path"]) < 10_000


# --- the target, where none is named --------------------------------------------------------------------------


def test_the_target_of_the_configuration(cli: Cli) -> None:
    cli.write("pyproject.toml", "[tool.memdiag]\ntarget = \"configured.py --option 'two words'\"\n")
    cli.write("configured.py", "import sys\nprint(sys.argv[1:])\n")
    cli.write("other.py", "print('other')\n")
    assert cli("run", "--tracer", "none", "other.py").status == 0
    ran = cli("cycles", "--passes", "5")
    assert (ran.status, ran.stdout) == (0, "['--option', 'two words']\n")


def test_the_target_of_the_latest_run(cli: Cli) -> None:
    cli.write("pyproject.toml", "[project]\nname = 'unrelated'\n")
    cli.write("first.py", "print('first')\n")
    cli.write("second.py", "import sys\nprint('second', sys.argv[1:])\n")
    assert cli("run", "--tracer", "none", "first.py").status == 0
    assert cli("run", "--tracer", "none", "second.py", "--json", "a b").status == 0
    assert cli("cycles", "--passes", "1").stdout == "second ['--json', 'a b']\n"


def test_the_targets_end_is_the_end(cli: Cli) -> None:
    cli.write("fails.py", "import sys\nsys.exit(9)\n")
    ran = cli.reported("cycles", "--fail-on", "suspect", "fails.py")
    assert (ran.status, ran.report["target"]["exit_status"]) == (9, 9)


# --- pictures -------------------------------------------------------------------------------------------------


def test_a_picture_of_what_holds_them(cli: Cli) -> None:
    ran = delegation(cli, "--graph", "cycles.dot")
    assert ran.status == 0
    drawn = (cli.directory / "cycles.dot").read_text()
    assert drawn.startswith("digraph")
    assert "AgentContext" in drawn
    assert "cycles.dot" in ran.said
