"""What a source says of the things it opens: which are closed whatever happens, and which are not."""

from __future__ import annotations

import textwrap

import pytest

from memdiag.analysis.openings import openings
from memdiag.model import Opening


def found(body: str) -> list[Opening]:
    return list(openings(textwrap.dedent(body), "/app/app.py"))


@pytest.mark.parametrize(
    "body",
    [
        "def f(p):\n    with open(p) as file:\n        return file.read()",
        "def f(p):\n    file = open(p)\n    with file:\n        return file.read()",
        "def f(p):\n    file = open(p)\n    try:\n        return file.read()\n    finally:\n        file.close()",
        "def f(p):\n    fd = os.open(p, 0)\n    try:\n        g(fd)\n    finally:\n        os.close(fd)",
        "def f(p):\n    with closing(sqlite3.connect(p)) as db:\n        return db",
        "def f(stack, p):\n    return stack.enter_context(open(p))",
        "def f(stack, p):\n    s = socket.socket()\n    stack.push(s)\n    return s",
        "async def f(p):\n    async with aiofiles.open(p) as file:\n        return file",
        "def f():\n    with ThreadPoolExecutor() as pool:\n        pool.map(g, [])",
        "def f():\n    return opening(1)",
        "not python at all (",
        "",
    ],
)
def test_what_is_closed_whatever_happens_is_no_opening(body: str) -> None:
    assert found(body) == []


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("open(p)", ("file",)),
        ("os.open(p, 0)", ("file",)),
        ("socket.socket()", ("socket",)),
        ("sqlite3.connect(p)", ("connection", "file")),
        ("subprocess.Popen(p, stdout=PIPE)", ("pipe", "process")),
        ("subprocess.Popen(p)", ("process",)),
        ("threading.Thread(target=p)", ("thread",)),
        ("tempfile.mkdtemp()", ("temporary",)),
        ("mmap.mmap(-1, 10)", ("map",)),
        ("libc.malloc(10)", ("native",)),
    ],
)
def test_what_a_line_opens(line: str, kinds: tuple[str, ...]) -> None:
    (one,) = found(f"def f(p):\n    x = {line}\n    return x")
    assert (one.kinds, one.fate, one.line, one.function) == (kinds, "kept", 2, "f")
    assert one.text == f"x = {line}"


@pytest.mark.parametrize(
    "body",
    [
        "def f(p):\n    file = open(p)\n    data = parse(file)\n    file.close()\n    return data",
        "def f(p):\n    fd = os.open(p, 0)\n    data = parse(fd)\n    os.close(fd)\n    return data",
        "def f(p):\n    b = libc.malloc(p)\n    if p > 3: return\n    libc.free(b)\n",
        "def f(p):\n    child = Popen(p, stdout=PIPE)\n    child.stdout.read()\n    child.communicate()",
        "def f(p):\n    child = Popen(p)\n    g()\n    child.wait()",
    ],
)
def test_what_is_closed_only_if_nothing_goes_wrong(body: str) -> None:
    (one,) = found(body)
    assert one.fate == "closed"
    assert one.line == 2
    assert one.closed_line == 4


@pytest.mark.parametrize(
    "body",
    [
        "def f(p):\n    return open(p).read()",
        "def f(p):\n    file = open(p)\n    for line in file: pass",
        "def f(p):\n    ThreadPoolExecutor(4)",
        "def f(p):\n    pool = ThreadPoolExecutor(4)\n    return list(pool.map(g, p))",
    ],
)
def test_what_is_never_closed(body: str) -> None:
    (one,) = found(body)
    assert one.fate == "never"


@pytest.mark.parametrize(
    "body",
    [
        "class A:\n    def f(self, p):\n        self.open.append(open(p))",
        "class A:\n    def f(self, p):\n        self.file = open(p)",
        "class A:\n    def f(self, p):\n        file = open(p)\n        self.files[p] = file",
        "class A:\n    def f(self, p):\n        file = open(p)\n        self.later.append(file)\n        file.close()",
        "def f(p):\n    child = Popen(p, stdin=PIPE)\n    child.wait()\n    kept.append(child)",
        "def f(p):\n    return open(p)",
    ],
)
def test_what_is_kept_for_somebody_else_to_close(body: str) -> None:
    (one,) = found(body)
    assert one.fate == "kept"


def test_an_attribute_may_be_closed_by_another_method() -> None:
    (one,) = found(
        """\
        class A:
            def __init__(self):
                self.near, self.far = socket.socketpair()

            def close(self):
                self.near.close()
                self.far.close()
        """
    )
    assert (one.function, one.fate, one.closed_line) == ("A.__init__", "closed", 6)


@pytest.mark.parametrize(
    ("bound", "closed", "fate"),
    [
        ("r, w = os.pipe()", "os.close(r)", "never"),
        ("near, far = socket.socketpair()", "near.close(); far.close()", "closed"),
        ("reader, writer = asyncio.open_connection(port)", "writer.close()", "closed"),
        ("descriptor, path = tempfile.mkstemp()", "os.close(descriptor)", "closed"),
    ],
)
def test_of_several_that_one_call_opens_all_must_be_closed(bound: str, closed: str, fate: str) -> None:
    (one,) = found(f"def f():\n    {bound}\n    g()\n    {closed}\n")
    assert one.fate == fate


def test_openings_come_in_order_of_lines() -> None:
    body = "def g():\n    x = open(1)\n\nclass B:\n    def h(self):\n        y = open(2)\n\nz = open(3)\n"
    assert [(one.line, one.function) for one in found(body)] == [(2, "g"), (6, "B.h"), (8, "<module>")]
