"""``memdiag check`` on real functions: what it calls a leak, what it leaves alone, and with which status it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli import Cli, Report, Result, another_python, assert_refused, line_of
from tests.integration.programs import Setting

SHOP = """
import asyncio
import functools
import logging
import re
import sys

CALLS = 0
print("loaded as", __name__)

def number():
    global CALLS
    CALLS += 1
    return CALLS

class Quote:
    def __init__(self):
        self.text = "x" * 400 + str(number())

class Service:
    def __init__(self):
        self.history = []

    def handle(self):
        self.history.append(Quote())

    async def reply(self):
        await asyncio.sleep(0)
        self.history.append(Quote())

service = None

def begin():
    global service
    service = Service()

def make():
    return Service()

async def make_soon():
    await asyncio.sleep(0)
    return Service()

def use():
    service.handle()

def nothing():
    return sorted(str(Quote()) for _ in range(20))

cache = {}

def keep():
    cache[number()] = Quote()  # leaks

pairs = []

def keep_two():
    pairs.append(Quote())
    pairs.append(Quote())

def keep_seldom():
    if number() % 50 == 0:
        pairs.append(Quote())

def cycles():
    one, other = Quote(), Quote()
    one.other, other.other = other, one

@functools.lru_cache(maxsize=None)
def remembered(key):
    return Quote()

@functools.lru_cache(maxsize=4096)
def remembered_few(key):
    return Quote()

def remember():
    remembered(number())

def remember_few():
    remembered_few(number())

warm = {}

def warm_up():
    warm[number() % 300] = Quote()

filled = {}

def fill():
    filled[number() % 600] = Quote()

def match():
    re.match(f"number {number()}", "")

trimmed = {}

def trim():
    trimmed[number()] = Quote()
    if len(trimmed) > 5000:
        trimmed.popitem()

windows = []

def saw():
    windows.append(Quote())
    if len(windows) > 250:
        windows.clear()

errors = []

def fail(payload):
    raise ValueError(len(payload))

def store_errors():
    try:
        fail([0] * 100)
    except ValueError as error:
        errors.append(error)

def failures():
    for payload in ("a", "b"):
        try:
            fail(payload)
        except ValueError as error:
            yield error

def store_generated_errors():
    errors.extend(failures())

text = ""

def swell():
    global text
    text += "x" * 200

chain = None

def lengthen():
    global chain
    chain = (Quote(), chain)

def name_loggers():
    logging.getLogger(f"request.{number()}")

tasks = set()

async def wait_for_ever():
    await asyncio.Event().wait()

def spawn(coroutine):
    task = asyncio.get_running_loop().create_task(coroutine)
    tasks.add(task)
    task.add_done_callback(tasks.discard)

async def leak_tasks():
    spawn(wait_for_ever())

async def end_tasks():
    spawn(asyncio.sleep(0))

def returns_coroutine():
    return leak_tasks()

def takes(something):
    pass

constant = 3

if __name__ == "__main__":
    raise SystemExit("this must not be run")
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    cli = Cli(tmp_path_factory.mktemp("check"))
    cli.write("shop.py", SHOP)
    return cli


def worst(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = report["findings"][0]
    return found


# --- leaks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "path", "kind", "per_call"),
    [
        ("keep", "shop.cache", "Quote", 1.0),
        ("keep_two", "shop.pairs", "Quote", 2.0),
        ("keep_seldom", "shop.pairs", "Quote", 0.02),
        ("remember", "shop.remembered (functools cache)", "Quote", 1.0),
        ("store_errors", "shop.errors", "ValueError", 1.0),
        ("store_generated_errors", "shop.errors", "ValueError", 2.0),
        ("lengthen", "shop.chain", "Quote", 1.0),
        ("leak_tasks", "shop.tasks", "Task", 1.0),
        ("returns_coroutine", "shop.tasks", "Task", 1.0),
    ],
)
def test_what_grows_in_every_round_is_a_leak(shop: Cli, function: str, path: str, kind: str, per_call: float) -> None:
    done = shop.reported("check", f"shop:{function}")
    found = worst(done.report)
    assert done.status == 1, done.stderr
    assert done.report["verdict"] == found["verdict"] == "leak"
    assert found["holder"]["path"] == path
    assert found["growing"]["type"].rpartition(".")[2] == kind
    assert found["growing"]["per_operation"] == pytest.approx(per_call, rel=0.1 if per_call < 1 else 1e-9)
    assert len(done.report["findings"]) == 1


def test_exact_growth(shop: Cli) -> None:
    """Items, rounds and calls are counted, not sampled."""
    done = shop.reported("check", "shop:keep_two", "--iterations", "1000", "--rounds", "6")
    calls = [one["calls"] for one in done.report["rounds"]]
    assert calls == [0, 167, 334, 501, 668, 834, 1000]
    assert worst(done.report)["growing"]["counts"] == [2 * (2 * 167 + count) for count in calls]
    objects = [one["heap_objects"] for one in done.report["rounds"]]
    each = (objects[-1] - objects[0]) // 1000  # two quotes, with their texts and, in some versions, dictionaries
    assert [count - objects[0] for count in objects] == [each * count for count in calls]


def test_the_line_is_known(shop: Cli) -> None:
    done = shop.reported("check", "shop:keep")
    line = line_of(shop.directory / "shop.py", "# leaks")
    assert [(Path(site["file"]).name, site["line"]) for site in worst(done.report)["sites"]] == [("shop.py", line)]
    assert f"shop.py:{line}" in worst(done.report)["fix"]


def test_a_text_that_swells(shop: Cli) -> None:
    done = shop.reported("check", "shop:swell")
    assert done.status == 1
    assert worst(done.report)["holder"]["path"] == "shop.text"
    assert worst(done.report)["growing"]["per_operation"] == pytest.approx(200, rel=0.05)


def test_what_a_library_is_made_to_keep(shop: Cli) -> None:
    done = shop.reported("check", "shop:name_loggers")
    assert done.status == 1
    assert worst(done.report)["holder"]["path"].endswith("manager.loggerDict")
    assert worst(done.report)["growing"]["per_operation"] == 1.0


@pytest.mark.parametrize(
    ("function", "setup", "path"),
    [
        ("shop:use", "shop:begin", "shop.service.history"),
        ("shop:Service.handle", "shop:make", "__main__.made.history"),
        ("shop:Service.reply", "shop:make", "__main__.made.history"),
        ("shop:Service.handle", "shop:make_soon", "__main__.made.history"),
        ("shop.py:use", "shop.py:begin", "shop.service.history"),
    ],
)
def test_a_method_through_setup(shop: Cli, function: str, setup: str, path: str) -> None:
    done = shop.reported("check", function, "--setup", setup)
    found = worst(done.report)
    assert done.status == 1, done.stderr
    assert (found["holder"]["path"], found["holder"]["owner"]) == (path, "Service.history")
    assert found["growing"]["per_operation"] == 1.0


# --- what is none -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["nothing", "cycles", "warm_up", "fill", "saw", "end_tasks"])
def test_what_comes_back_to_where_it_was(shop: Cli, function: str) -> None:
    done = shop.reported("check", f"shop:{function}")
    assert done.status == 0, done.stderr
    assert done.report["verdict"] == "clean"
    assert done.report["findings"] == []
    assert (done.report["gate"]["passed"], done.report["gate"]["breaches"]) == (True, [])


def test_nothing_of_ours_is_in_the_heap(shop: Cli) -> None:
    done = shop.reported("check", "shop:nothing")
    assert len({one["heap_objects"] for one in done.report["rounds"]}) == 1


@pytest.mark.parametrize(("function", "limit"), [("remember_few", "4,096"), ("trim", "5,000")])
def test_what_is_bounded_and_still_fills(shop: Cli, function: str, limit: str) -> None:
    done = shop.reported("check", f"shop:{function}")
    found = worst(done.report)
    assert done.status == 0, done.stderr
    assert (done.report["verdict"], found["verdict"]) == ("clean", "bounded")
    assert limit in found["title"]
    assert found["growing"]["per_operation"] == 1.0


def test_a_cache_of_the_standard_librarys_that_still_fills(shop: Cli) -> None:
    """Its own source says where it ends."""
    done = shop.reported("check", "--iterations", "200", "shop:match")
    found = worst(done.report)
    assert done.status == 0, done.stderr
    assert (found["verdict"], found["title"].partition(":")[0]) == ("bounded", "re._cache is bounded by 512")


def test_the_same_result_twice(shop: Cli) -> None:
    first, second = (shop.reported("check", "shop:keep_two").report for _ in range(2))
    for key in ("verdict", "headline", "findings", "rounds", "rows", "gate"):
        assert json.dumps(first[key]) == json.dumps(second[key]), key


def test_as_few_calls_as_are_allowed(shop: Cli) -> None:
    few = ("--iterations", "12", "--rounds", "4")
    assert shop("check", "shop:nothing", *few).status == 0
    assert shop("check", "shop:keep_two", *few).status == 1


# --- other ways -------------------------------------------------------------------------------------------------


def test_a_script_is_loaded_as_a_module(shop: Cli) -> None:
    """Its directory is where its imports are found, wherever we are; its main part is not run."""
    shop.write("deep/helper.py", "kept = []\n")
    shop.write("deep/script.py", "import helper, sys\nprint(sys.argv)\ndef f(): helper.kept.append(object())\n")
    done = shop.reported("check", "deep/script.py:f")
    assert (done.status, worst(done.report)["holder"]["path"]) == (1, "helper.kept")
    assert done.stdout == "['deep/script.py']\n"
    assert shop("check", "shop.py:nothing").stdout == "loaded as shop\n"


@pytest.mark.parametrize("function", ["nothing", "keep_two", "leak_tasks"])
def test_without_images(shop: Cli, function: str) -> None:
    done = shop.reported("check", f"shop:{function}", "--snapshots", "paused")
    assert done.status == (function != "nothing"), done.stderr
    assert [one["growing"]["per_operation"] for one in done.report["findings"]] in ([], [1.0], [2.0])


@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13"])
def test_another_python(shop: Cli, version: str) -> None:
    python = another_python(version)
    assert shop.reported("check", "shop:nothing", "--python", python).status == 0
    done = shop.reported("check", "shop:leak_tasks", "--python", python)
    assert (done.status, worst(done.report)["growing"]["per_operation"]) == (1, 1.0)
    assert done.report["target"]["python"].startswith(version)


def test_the_capture_tells_the_same_again(shop: Cli) -> None:
    done = shop.reported("check", "-o", "kept.memdiag", "shop:keep")
    again = shop.reported("report", "kept.memdiag")
    assert again.status == 0
    for key in ("command", "verdict", "headline", "findings", "rounds"):
        assert again.report[key] == done.report[key]


def test_the_report_fits_a_terminal(shop: Cli) -> None:
    done = shop("check", "shop:keep_two")
    lines = done.stderr.splitlines()
    assert lines[0].startswith("LEAK  shop:keep_two leaks 2.00 Quote (")
    assert "shop.pairs holds them" in done.said
    assert "breached: --fail-on leak" in done.said
    assert max(len(line) for line in lines if not line.startswith("saved: ")) <= 80


# --- when it cannot be said -------------------------------------------------------------------------------------

BROKEN = """
import os, sys
CALLS = 0

def inner():
    global CALLS
    CALLS += 1
    if CALLS == 37:
        raise ValueError("no more")

def raises():
    inner()

async def raises_later():
    inner()

def leaves(): sys.exit(0)
def vanishes(): os._exit(0)
def dies(): os.kill(os.getpid(), 9)
def generates(): yield 1
"""


@pytest.fixture
def broken(tmp_path: Path) -> Cli:
    cli = Cli(tmp_path)
    cli.write("broken.py", BROKEN)
    return cli


def ours(result: Result) -> list[str]:
    lines = result.stderr.splitlines()
    return lines[next(at for at, line in enumerate(lines) if line.startswith("memdiag: ")) :]


@pytest.mark.parametrize("function", ["raises", "raises_later"])
def test_its_own_exception(broken: Cli, function: str) -> None:
    """As Python shows it, and neither a leak nor clean."""
    done = broken.reported("check", f"broken:{function}")
    assert done.status == 3
    theirs = done.stderr.partition("memdiag: ")[0]
    assert theirs.startswith("Traceback (most recent call last):\n")
    assert theirs.endswith("ValueError: no more\n")
    assert theirs.count('File "') == theirs.count("broken.py") == 2
    assert ours(done)[0] == f"memdiag: broken:{function} raised ValueError in call 37, so it was not checked"
    assert len(ours(done)) == 2
    assert done.report == {}
    assert broken.captures() == []


def test_an_exception_on_import(broken: Cli) -> None:
    broken.write("worse.py", "import absent_helper\n")
    done = broken("check", "worse:f")
    assert done.status == 3
    assert done.stderr.count('File "') == 1
    assert "ModuleNotFoundError: No module named 'absent_helper'" in done.stderr
    assert "before the first call" in ours(done)[0]


@pytest.mark.parametrize(
    ("function", "words"), [("leaves", "sys.exit()"), ("vanishes", "status 0"), ("dies", "signal 9")]
)
def test_an_end_before_the_end(broken: Cli, function: str, words: str) -> None:
    assert_refused(broken("check", f"broken:{function}"), words, status=3)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("absent:f", "no module named absent"),
        ("broken.absent:f", "no module named broken.absent"),
        ("absent.py:f", "absent.py"),
        ("broken:absent", "broken has no absent"),
        ("broken:inner.absent", "broken has no inner.absent"),
        ("broken:CALLS", "cannot be called"),
        ("broken:generates", "generator"),
        ("broken", "names no function"),
        ("broken:", "names no function"),
        ("broken::raises", "names no function"),
        ("a b:c", "names no function"),
    ],
)
def test_bad_names(broken: Cli, named: str, words: str) -> None:
    assert_refused(broken("check", named), words)
    assert broken.captures() == []


def test_what_needs_arguments(shop: Cli) -> None:
    named = shop("check", "shop:takes")
    assert (named.status, "takes needs arguments" in named.stderr) == (2, True)
    assert shop("check", "shop:takes", "--setup", "shop:takes").status == 2
    assert shop("check", "shop:takes", "--setup", "shop:make").status == 0


@pytest.mark.parametrize(
    "options",
    [("--iterations", "0"), ("--rounds", "1"), ("--iterations", "12", "--rounds", "20"), ("--snapshots", "none")],
)
def test_bad_figures(broken: Cli, options: tuple[str, ...]) -> None:
    assert_refused(broken("check", "broken:raises", *options))


def test_a_bad_setup(broken: Cli) -> None:
    assert_refused(broken("check", "broken:raises", "--setup", "broken:absent"), "broken has no absent")


def test_without_the_probe_nothing_is_said(broken: Cli, tmp_path: Path) -> None:
    """An interpreter that leaves sitecustomize out must not pass for clean."""
    isolated = tmp_path / "isolated"
    isolated.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    isolated.chmod(0o755)
    done = broken("check", "broken:raises", "--python", str(isolated))
    assert done.status == 3
    assert "without memdiag's probe" in done.said


def test_the_environment_is_the_users(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.write("lib/elsewhere.py", "def f(): pass\n")
    cli.write(
        "looks.py",
        """
        import os, sys, elsewhere
        print(os.environ["PYTHONPATH"], "MEMDIAG_PROBE" in os.environ, [n for n in sys.modules if "memdiag" in n])
        f = elsewhere.f
        """,
    )
    done = cli("check", "looks:f", setting=Setting(env={"PYTHONPATH": "lib"}))
    assert done.status == 0, done.stderr
    assert done.stdout == "lib False []\n"
