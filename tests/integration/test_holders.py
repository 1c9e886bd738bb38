"""What holds a leak is named, and what is no leak is not: by heap snapshots, in programs of every kind."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.integration.cli import Cli, Result, held

WORK = """
zeros = [0] * 45_000

def work():
    zeros.count(1)
"""


A_LOCAL = """
def main():
    kept = []
    for number in range(2000):
        kept.append({"number": number})  # here
        work()
    print(len(kept))

main()
"""

# name: (the program, its holder's owner, the type that there is more and more of); "here" it is made, or added
LEAKS = {
    "a local of main()": (A_LOCAL, "main.kept", "dict"),
    "beside a type of C that nobody has used yet": ("import _socket\n" + A_LOCAL, "main.kept", "dict"),
    "a local, and no function": (
        """
        kept = []
        for number in range(2000):
            kept.append((number, str(number)))  # here
            work()
        """,
        "__main__.kept",
        "tuple",
    ),
    "a module's variable": (
        """
        class Item:
            pass

        seen = {}

        def handle(number):
            seen[number] = Item()  # here

        def main():
            for number in range(2000):
                handle(number)
                work()

        main()
        """,
        "__main__.seen",
        "Item",
    ),
    "lists in a dictionary": (
        """
        class Ledger:
            def __init__(self):
                self.by_kind = {kind: [] for kind in ("read", "write", "drop")}

            def note(self, number):
                self.by_kind[("read", "write", "drop")[number % 3]].append(str(number))  # here

        def main():
            ledger = Ledger()
            for number in range(3000):
                ledger.note(number)
                work()

        main()
        """,
        "Ledger.by_kind",
        "str",
    ),
    "a cache of a method's results": (
        """
        import functools

        class Service:
            def __init__(self, number):
                self.body = bytearray(500)

            @functools.lru_cache(maxsize=None)  # here
            def answer(self):
                return 42

        def main():
            for number in range(2000):
                Service(number).answer()  # here
                work()

        main()
        """,
        "Service.answer",
        "Service",
    ),
    "stored exceptions": (
        """
        class Runner:
            def __init__(self):
                self.failures = []

            def run(self, number):
                payload = bytearray(1000)
                try:
                    raise ValueError(number)  # here
                except ValueError as error:
                    self.failures.append(error)  # here

        def main():
            runner = Runner()
            for number in range(2000):
                runner.run(number)
                work()

        main()
        """,
        "Runner.failures",
        "ValueError",
    ),
    "closures": (
        """
        callbacks = []

        def subscribe(number):
            payload = bytearray(500)

            def react():  # here
                return len(payload)

            callbacks.append(react)  # here

        def main():
            for number in range(2000):
                subscribe(number)
                work()

        main()
        """,
        "__main__.callbacks",
        "function",
    ),
    "a late start": (
        """
        class Index:
            def __init__(self):
                self.entries = {}

            def add(self, number):
                self.entries[str(number)] = bytes(200)  # here

        def main():
            index = Index()
            for number in range(3000):
                if number > 300:
                    index.add(number)
                work()

        main()
        """,
        "Index.entries",
        "bytes",
    ),
    "a slow drip": (
        """
        class Item:
            pass

        class Pool:
            def __init__(self):
                self.lost = []

            def use(self, number):
                busy = [Item() for _ in range(50)]  # here
                if number % 25 == 0:
                    self.lost.append(busy[0])  # here

        def main():
            pool = Pool()
            for number in range(2500):
                pool.use(number)
                work()

        main()
        """,
        "Pool.lost",
        "Item",
    ),
}

THREADS_OWN = """
import threading

class Item:
    pass

local, served = threading.local(), threading.Event()

def serve():
    local.items = []
    for number in range(2000):
        local.items.append(Item())  # here
        work()
    served.set()
    threading.Event().wait()

def main():
    threading.Thread(target=serve, daemon=True).start()
    served.wait()

main()
"""

THREAD_JOINED = """
import queue, threading

class Item:
    pass

class Worker:
    def __init__(self):
        self.seen = []

    def serve(self, jobs):
        for number in iter(jobs.get, None):
            self.seen.append(Item())  # here
            work()

def main():
    jobs = queue.Queue(maxsize=20)
    thread = threading.Thread(target=lambda: Worker().serve(jobs))
    thread.start()
    for number in range(2000):
        jobs.put(number)
    jobs.put(None)
    thread.join()

main()
"""

# name: a program that is at its work, and holds what it needs
# What the interpreter or the standard library keeps: the program, the holder's owner, the pattern, what grows.
REGISTRIES = {
    "atexit": (
        """
        import atexit

        class Scratch:
            def __init__(self):
                atexit.register(self.remove)

            def remove(self):
                pass

        def main():
            for number in range(2000):
                Scratch()
                work()

        main()
        """,
        "atexit",
        "atexit",
        "Scratch",
    ),
    "a context variable": (
        """
        import contextvars

        class Step:
            pass

        trail = contextvars.ContextVar("trail")

        def main():
            trail.set([])
            for number in range(2000):
                trail.get().append(Step())
                work()

        main()
        """,
        "context variable trail",
        "contextvar",
        "Step",
    ),
    "a signal's handlers": (
        """
        import signal

        class Handler:
            def __init__(self, before):
                self.before = before

            def __call__(self, number, frame):
                self.before(number, frame)

        def main():
            for number in range(2000):
                signal.signal(signal.SIGUSR2, Handler(signal.getsignal(signal.SIGUSR2)))
                work()

        main()
        """,
        "the handler of SIGUSR2",
        "chain",
        "Handler",
    ),
    "logging": (
        """
        import logging

        class Service:
            def __init__(self):
                self.log = logging.getLogger("service")

        def main():
            service = Service()
            for number in range(2000):
                service.log.getChild(f"request {number}").debug("it came")
                work()

        main()
        """,
        "Manager.loggerDict",
        "logging",
        "Logger",
    ),
    "tasks that wait for ever": (
        """
        import asyncio

        class Client:
            def __init__(self):
                self.waiting = set()

            async def answer(self, future):
                return await future

            def ask(self, number):
                future = asyncio.get_running_loop().create_future()
                task = asyncio.create_task(self.answer(future))
                self.waiting.add(task)
                task.add_done_callback(self.waiting.discard)
                if number % 3:
                    future.set_result(number)

        async def main():
            client = Client()
            for number in range(2000):
                client.ask(number)
                work()
                await asyncio.sleep(0)

        asyncio.run(main())
        """,
        "Client.waiting",
        "task",
        "Task",
    ),
    "tasks that sleep, which asyncio.run() cancels": (
        """
        import asyncio

        class Watchdog:
            def __init__(self):
                self.beats = [0] * 50

            async def run(self):
                while True:
                    await asyncio.sleep(3600)
                    self.beats.append(1)

        async def main():
            for number in range(3000):
                task = asyncio.create_task(Watchdog().run())
                await asyncio.sleep(0)
                work()

        asyncio.run(main())
        """,
        "_UnixSelectorEventLoop._scheduled",
        "task",
        "TimerHandle",
    ),
    "what is garbage when asyncio.run() ends": (
        """
        import asyncio

        class Session:
            def __init__(self, bus):
                self.bus = bus
                bus.handlers.append(self.on_message)

            def on_message(self, message):
                pass

        class Bus:
            def __init__(self):
                self.handlers = []

        async def reconnect(bus, until):
            while asyncio.get_running_loop().time() < until:
                Session(bus)
                await asyncio.sleep(0.0005)

        async def main():
            bus = Bus()
            await asyncio.gather(*(reconnect(bus, asyncio.get_running_loop().time() + 2) for _ in range(2)))

        asyncio.run(main())
        """,
        "Bus.handlers",
        "listener",
        "Session",
    ),
    "a branch of itertools.tee() that nobody reads": (
        """
        import itertools

        class Reading:
            pass

        def main():
            live, audit = itertools.tee(Reading() for _ in range(20_000))
            for at, reading in enumerate(live):
                if at % 10 == 0:
                    work()

        main()
        """,
        "main.audit",
        "chain",
        "_tee_dataobject",
    ),
    "values that refer to their weak keys": (
        """
        import weakref

        class Parcel:
            pass

        class Plan:
            def __init__(self, parcel):
                self.parcel = parcel

        plans = weakref.WeakKeyDictionary()

        def main():
            for number in range(2000):
                parcel = Parcel()
                plans[parcel] = Plan(parcel)
                work()

        main()
        """,
        "__main__.plans",
        "registry",
        "Plan",
    ),
}


INNOCENT = {
    "a deque that fills": """
        import collections

        class Log:
            def __init__(self):
                self.lines = collections.deque(maxlen=1500)

            def write(self, number):
                self.lines.append(f"line {number}")

        def main():
            log = Log()
            for number in range(3000):
                log.write(number)
                work()

        main()
        """,
    "a working set": """
        import random

        class Sessions:
            def __init__(self):
                self.open = {}

            def step(self, number, chance):
                self.open[number] = bytearray(500)
                while self.open and (chance.random() < 0.5 or len(self.open) > 300):
                    self.open.pop(chance.choice(list(self.open)))

        def main():
            sessions, chance = Sessions(), random.Random(7)
            for number in range(2500):
                sessions.step(number, chance)
                work()

        main()
        """,
    "a cache with a bound": """
        import functools

        @functools.lru_cache(maxsize=800)
        def answer(number):
            return [number]

        def main():
            for number in range(2500):
                answer(number)
                work()

        main()
        """,
    "a table that is loaded once": """
        def main():
            table = {number: [number] for number in range(5000)}
            total = 0
            for number in range(2500):
                total += len(table[number])
                work()
            print(total)

        main()
        """,
    "results that are used at the end": """
        def main():
            results = []
            for number in range(2500):
                results.append(number * 1.5)
                work()
            print(sum(results))

        main()
        """,
}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def ran(cli: Cli, program: str, *options: str) -> Result:
    cli.write("program.py", WORK + dedent(program))
    return cli.reported("run", *options, "program.py")


# --- leaks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEAKS)
def test_what_holds_a_leak_is_named(cli: Cli, name: str) -> None:
    program, owner, kind = LEAKS[name]
    done = ran(cli, program)
    assert done.report["verdict"] == "leak", done.stderr
    assert held(done.report)[0] == ("leak", owner, kind), done.stderr
    finding = done.report["findings"][0]
    counts = finding["growing"]["counts"]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    program_lines = (cli.directory / "program.py").read_text().splitlines()
    assert "# here" in program_lines[finding["sites"][0]["line"] - 1]
    assert finding["sites"][0]["source"] == program_lines[finding["sites"][0]["line"] - 1].strip()
    assert f"held by {finding['holder']['path']}" in done.said
    assert [one for one in held(done.report) if one[0] in ("leak", "suspect")] == held(done.report)[:1], done.stderr


@pytest.mark.parametrize("name", REGISTRIES)
def test_what_others_keep_for_the_program(cli: Cli, name: str) -> None:
    program, owner, pattern, kind = REGISTRIES[name]
    done = ran(cli, program)
    found = [one for one in done.report["findings"] if one["verdict"] in ("leak", "suspect")]
    told = [(one["holder"]["owner"], one["pattern"], one["growing"]["type"]) for one in found]
    assert told == [(owner, pattern, kind)], done.stderr


def test_what_a_thread_of_its_own_holds(cli: Cli) -> None:
    """That a thread lives on is seen, but not what its pieces of work are: the verdict may stop short of a leak."""
    done = ran(cli, THREADS_OWN)
    assert held(done.report)[0] in [(verdict, "__main__.local.items", "Item") for verdict in ("leak", "suspect")], (
        done.stderr
    )
    finding = done.report["findings"][0]
    assert (finding["pattern"], finding["growing"]["counts"][-1]) == ("thread-local", 2000)
    assert finding["sites"][0]["source"] == "local.items.append(Item())  # here"


def test_what_a_thread_held_until_it_was_joined(cli: Cli) -> None:
    """At the end of main() nothing of it is left; what counts is the last sample before."""
    done = ran(cli, THREAD_JOINED)
    assert [(owner, kind) for _, owner, kind in held(done.report)[:1]] == [("Worker.seen", "Item")], done.stderr


@pytest.mark.parametrize("name", INNOCENT)
def test_a_program_at_its_work_is_not_accused(cli: Cli, name: str) -> None:
    done = ran(cli, INNOCENT[name])
    assert done.report["verdict"] in ("clean", "inconclusive"), done.stderr  # on a busy machine, too few snapshots
    assert {one[0] for one in held(done.report)} <= {"bounded", "info"}


# --- with fewer snapshots, or none ----------------------------------------------------------------------------


LEAKY = LEAKS["a module's variable"][0]


@pytest.mark.parametrize("tracer", ["auto", "none"])
def test_a_snapshot_at_the_end_alone_is_too_little(cli: Cli, tracer: str) -> None:
    done = ran(cli, LEAKY, "--tracer", tracer, "--snapshots", "paused")
    assert (done.report["verdict"], done.report["findings"]) == ("inconclusive", [])
    assert "too little to judge by (1 heap snapshot)" in done.said


def test_a_snapshot_that_failed_is_told_of(cli: Cli) -> None:
    """As it would be by a fault of memdiag's own, here put into its probe: its copies then end without a word."""
    fault = """
        import gc
        import types
        for one in gc.get_objects():
            if type(one) is types.FunctionType and "unheard" in one.__globals__:
                one.__globals__["unheard"] = lambda: [][1]
    """
    done = ran(cli, dedent(fault) + dedent(LEAKY))
    assert done.report["verdict"] == "inconclusive"
    assert "a heap snapshot failed (IndexError, line " in done.said
    assert "please report it" in done.said


@pytest.mark.parametrize("tracer", ["auto", "none"])
def test_without_snapshots_there_is_nothing_to_judge_by(cli: Cli, tracer: str) -> None:
    done = ran(cli, LEAKY, "--tracer", tracer, "--snapshots", "none")
    assert (done.report["verdict"], done.report["findings"], done.report["rows"]) == ("inconclusive", [], [])
    assert "try --tracer tracemalloc" in done.said


@pytest.mark.parametrize("snapshots", ["paused", "none"])
def test_lines_tell_of_a_leak_whose_holder_was_not_seen(cli: Cli, snapshots: str) -> None:
    done = ran(cli, LEAKY, "--tracer", "tracemalloc", "--snapshots", snapshots)
    assert done.report["verdict"] in ("leak", "suspect")
    finding = done.report["findings"][0]
    assert finding["holder"] is None
    assert finding["sites"][0]["source"] == "seen[number] = Item()  # here"
