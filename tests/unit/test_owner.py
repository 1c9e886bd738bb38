"""What the source says of a container: made, added to, removed from, bounded, and by what that is called."""

from __future__ import annotations

import textwrap

import pytest

from memdiag.analysis.owner import ELSEWHERE, RESULT, SKIPPED, UNCALLED, is_called, is_of_item, limit_of, read_owner
from memdiag.model import OwnerFacts, Touch


def read(text: str, owner: str = "Box", attribute: str = "items", **others: str) -> OwnerFacts:
    sources = {f"/app/{name}.py": textwrap.dedent(other) for name, other in others.items()}
    return read_owner(textwrap.dedent(text), "/app/app.py", owner, attribute, sources)


def box(*body: str, made: str = "self.items = []", more: str = "") -> OwnerFacts:
    """A class whose method ``work`` is called, with the given lines as its body."""
    lines = ["class Box:", "    def __init__(self):", f"        {made}", "    def work(self, new, key):"]
    lines += [f"        {line}" for line in body]
    return read("\n".join([*lines, more, "Box().work(1, 2)", ""]))


def hows(touches: tuple[Touch, ...]) -> list[str]:
    return [touch.how for touch in touches]


# --- adding ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("self.items.append(new)", "append"),
        ("self.items.appendleft(new)", "appendleft"),
        ("self.items.add(new)", "add"),
        ("self.items.extend([new])", "extend"),
        ("self.items.insert(0, new)", "insert"),
        ("self.items.setdefault(key, new)", "setdefault"),
        ("self.items.update({key: new})", "update"),
        ("self.items.put(new)", "put"),
        ("self.items[key] = new", "[key] ="),
        ("self.items[key] += new", "[key] +="),
        ("self.items += [new]", "+="),
        ("self.items |= {new}", "|="),
        ("self.items = self.items + [new]", "rebuilt with more"),
        ("self.items = [*self.items, new]", "rebuilt with more"),
        ("self.items = {**self.items, key: new}", "rebuilt with more"),
        ("self.items = f'{self.items}{new}'", "rebuilt with more"),
        ("self.items = Node(new, self.items)", "linked in front"),
        ("heapq.heappush(self.items, new)", "heappush"),
        ("heappush(self.items, new)", "heappush"),
        ("bisect.insort(self.items, new)", "insort"),
        ("self.items[key].append(new)", "append to an item"),
        ("self.items[key][new].append(new)", "append to an item"),
        ("self.items[key][new] = 1", "[key] = to an item"),
        ("type(self).items.append(new)", "append"),
        ("self.__class__.items.append(new)", "append"),
        ("Box.items.append(new)", "append"),
        ("new.items.append(key)", "append, outside"),
        ("new.box.items.append(key)", "append, outside"),
    ],
)
def test_additions(line: str, how: str) -> None:
    (add,) = box(line).adds
    assert add == Touch("/app/app.py", 5, "Box.work", line, how)


@pytest.mark.parametrize(
    ("lines", "how"),
    [
        (("if self.items.get(key) is None:", "    self.items[key] = new"), "[key] =, on a miss"),
        (("if key not in self.items:", "    self.items[key] = new"), "[key] =, on a miss"),
        (("try:", "    return self.items[key]", "except KeyError:", "    self.items[key] = new"), "[key] =, on a miss"),
        (("found = self.items[key]", "self.items[key] = new"), "[key] ="),
        (("if new not in self.items:", "    self.items[key] = new"), "[key] ="),
        (("if self.others.get(key) is None:", "    self.items[key] = new"), "[key] ="),
    ],
)
def test_what_is_added_when_it_was_looked_up_in_vain(lines: tuple[str, ...], how: str) -> None:
    assert hows(box(*lines).adds) == [how]


def test_setdefault_adds_to_the_dict_and_to_its_item() -> None:
    assert sorted(hows(box("self.items.setdefault(key, []).append(new)").adds)) == ["append to an item", "setdefault"]


@pytest.mark.parametrize(
    "lines",
    [
        ["other = new.things", "other.append(new)"],
        ["items = []", "items.append(new)"],
        ["self.item.append(new)"],
        ["self.items[-3:]", "len(self.items)", "self.items.copy()", "self.items.count(new)"],
        ["self.items[1:].append(new)"],
        ["print(self.items, new)"],
        ["recent = self.items", "recent = recent[-3:]", "recent.append(new)"],
    ],
)
def test_what_adds_nothing(lines: list[str]) -> None:
    assert box(*lines).adds == ()


@pytest.mark.parametrize(
    "lines",
    [
        ["items = self.items", "items.append(new)"],
        ["if new:", "    (kept := self.items).append(new)", "    kept.append(new)"],
        ["items = self.items", "def later():", "    items.append(new)", "later()"],
        ["self.items.append(", "    new)"],
        ["lock, items = new.lock, self.items", "items.append(new)"],
        ["[self.items.append(one) for one in new]"],
    ],
)
def test_additions_by_another_name(lines: list[str]) -> None:
    assert "append" in hows(box(*lines).adds)


def test_loops_over_its_items() -> None:
    facts = box(
        "for topic, those in self.items.items():",
        "    those.append(new)",
        "for one in list(self.items):",
        "    one.clear()",
    )
    assert hows(facts.adds) == ["append to an item"]
    assert hows(facts.removes) == ["clear from an item"]
    assert all(is_of_item(touch) for touch in (*facts.adds, *facts.removes))


def test_another_class_with_an_attribute_of_that_name() -> None:
    facts = read(
        """
        class Box:
            def __init__(self): self.items = []
        class Other:
            def __init__(self): self.items = []
            def add(self, one): self.items.append(one)
            def move(self, box): box.items.append(1)
        Other.items.append(2)
        """
    )
    assert [(add.function, add.how) for add in facts.adds] == [("Other.move", "append, outside")]
    assert len(facts.created) == 1


def test_bases_and_derived_classes_in_the_file() -> None:
    text = """
        class Base:
            items = []
            def add(self, one): self.items.append(one)
        class Box(Base): pass
        class Small(Box):
            def drop(self, one): self.items.remove(one)
        class Unrelated:
            def add(self, one): self.items.append(one)
        """
    facts = read(text)
    assert [add.function for add in facts.adds] == ["Base.add"]
    assert [gone.function for gone in facts.removes] == ["Small.drop"]
    assert [made.how for made in facts.created] == ["list"]


def test_private_names() -> None:
    text = """
        class _Box:
            def __init__(self): self.__items = []
            def add(self, one): self.__items.append(one)
        """
    assert len(read(text, "_Box", "_Box__items").adds) == 1
    assert read(text, "_Box", "__items").adds == ()


def test_an_owner_that_is_not_in_the_file() -> None:
    facts = read("class Box(Base):\n    def add(self, one): self.items.append(one)\n", "elsewhere.Base")
    assert hows(facts.adds) == ["append, outside"]


@pytest.mark.parametrize("owner", ["Box", "app.Box", "pkg.app.Box"])
def test_the_owner_may_be_named_with_its_module(owner: str) -> None:
    text = (
        "class Box:\n    def add(self, one): self.items.append(one)\nclass Other:\n    def a(self): self.items.pop()\n"
    )
    facts = read(text, owner)
    assert (hows(facts.adds), facts.removes) == (["append"], ())


# --- variables ------------------------------------------------------------------------------------------------


def test_a_variable_of_the_module() -> None:
    facts = read(
        """
        import collections
        _seen = {}
        def add(key):
            _seen[key] = 1
        def unrelated(_seen, key):
            _seen[key] = 1
        def shadowed(key):
            _seen = {}
            _seen[key] = 1
        def reset():
            global _seen
            _seen = {}
        class Box:
            def add(self, key):
                _seen[key] = 2
        add(1); reset()
        """,
        "",
        "_seen",
    )
    assert [add.function for add in facts.adds] == ["add", "Box.add"]
    assert [(gone.function, gone.how) for gone in facts.removes] == [("reset", "reassigned")]
    assert [made.function for made in facts.created] == ["<module>"]


def test_a_variable_of_a_function_and_of_those_within() -> None:
    facts = read(
        """
        def make():
            seen = []
            def inner(one):
                seen.append(one)
            def other(one):
                seen = []
                seen.append(one)
            return inner
        """,
        "make",
        "seen",
    )
    assert [add.function for add in facts.adds] == ["make.<locals>.inner"]
    assert [made.line for made in facts.created] == [3]


def test_a_default_argument() -> None:
    facts = read("def collect(one, into=[]):\n    into.append(one)\n    return into\n", "collect", "into")
    assert hows(facts.created) == ["default argument"]
    assert hows(facts.adds) == ["append"]


def test_an_attribute_of_a_function() -> None:
    facts = read("def work(one):\n    work.calls.append(one)\nwork.calls = []\n", "work", "calls")
    assert hows(facts.adds) == ["append"]


@pytest.mark.parametrize(
    ("use", "how"),
    [
        ("return rows", "returned"),
        ("write(rows, 1)", "given to write()"),
        ("total = sum(rows)", "given to sum()"),
        ("for row in rows: print(row)", "gone through"),
        ("print([row.name for row in rows])", "gone through"),
        ("print(rows[-1])", "used"),
    ],
)
def test_a_result(use: str, how: str) -> None:
    text = f"def main():\n    rows = []\n    for one in range(9):\n        rows.append(one)\n    {use}\n"
    assert f"{RESULT}{how}" in hows(read(text, "main", "rows").created)
    script = f"rows = []\nfor one in range(9):\n    rows.append(one)\n{use.replace('return', 'list')}\n"
    uses = [how for how in hows(read(script, "", "rows").created) if how.startswith(RESULT)]
    assert len(uses) == (use != "return rows")


def test_a_result_that_main_keeps_in_the_module() -> None:
    text = "rows = []\ndef main():\n    for one in range(9):\n        rows.append(one)\n    print(sum(rows))\nmain()\n"
    assert f"{RESULT}given to sum()" in hows(read(text, "", "rows").created)
    assert hows(read(text.replace("main", "handle"), "", "rows").created) == ["list"]


@pytest.mark.parametrize(
    "body",
    [
        "    for one in range(9):\n        rows.append(one)\n    print(len(rows))\n",
        "    while True:\n        rows.append(1)\n        show(rows)\n",
        "    rows.append(1)\n    return rows\n",
        "    for one in range(9):\n        add(rows, one)\n",
    ],
)
def test_what_is_no_result(body: str) -> None:
    facts = read(f"def main():\n    rows = []\n{body}", "main", "rows")
    assert not [how for how in hows(facts.created) if how.startswith(RESULT)]


# --- removing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("self.items.pop(key)", "pop"),
        ("self.items.get()", "get"),
        ("self.items.get(timeout=1)", "get"),
        ("self.items.popitem()", "popitem"),
        ("self.items.popleft()", "popleft"),
        ("self.items.remove(new)", "remove"),
        ("self.items.discard(new)", "discard"),
        ("self.items.clear()", "clear"),
        ("del self.items[key]", "del"),
        ("del self.items[:-9]", "del slice"),
        ("del self.items", "del"),
        ("self.items[:] = self.items[-9:]", "slice assignment"),
        ("self.items = self.items[1:]", "slice"),
        ("self.items = self.items[-9:]", "slice"),
        ("self.items = deque(self.items[-9:])", "slice"),
        ("self.items = []", "reassigned"),
        ("self.items = None", "reassigned"),
        ("kept, self.items = self.items, []", "reassigned"),
        ("self.items = [one for one in self.items if one.alive]", "filter"),
        ("self.items = {k: v for k, v in self.items.items() if v}", "filter"),
        ("self.items = list(filter(None, self.items))", "filter"),
        ("self.items = prune(self.items)", "replaced by prune()"),
        ("self.items -= {new}", "-="),
        ("self.items &= new", "&="),
        ("heapq.heappop(self.items)", "heappop"),
        ("self.items[key].remove(new)", "remove from an item"),
        ("del self.items[key][new]", "del from an item"),
        ("new.items.clear()", "clear, outside"),
    ],
)
def test_removals(line: str, how: str) -> None:
    facts = box(line)
    assert (hows(facts.removes), facts.adds) == ([how], ())
    assert is_called(facts.removes[0])


@pytest.mark.parametrize(
    "line", ["self.items = [f(one) for one in self.items]", "self.items = sorted(self.items)", "self.items.get(key)"]
)
def test_what_removes_nothing(line: str) -> None:
    assert box(line).removes == ()


def test_made_when_first_needed() -> None:
    facts = box("if self.items is None:", "    self.items = {}", "self.items[key] = new", made="self.items = None")
    assert facts.removes == ()
    assert hows(facts.created) == ["constant", "dict"]


def test_a_removal_that_nothing_calls() -> None:
    facts = box("self.items.append(new)", more="    def cleanup(self):\n        self.items.clear()\n")
    assert hows(facts.removes) == [f"clear, in cleanup(), {UNCALLED}this file calls"]
    assert not is_called(facts.removes[0])
    assert facts.bounds == ()


def test_a_removal_that_only_what_nothing_calls_would_call() -> None:
    more = "    def cleanup(self):\n        self._drop()\n    def _drop(self):\n        self.items.clear()\n"
    facts = box("self.items.append(new)", more=more)
    assert hows(facts.removes) == [f"clear, in _drop(), which only cleanup() calls, {UNCALLED}this file calls"]


@pytest.mark.parametrize(
    "call",
    [
        "Box().cleanup()",
        "Thread(target=Box().cleanup).start()",
        "def later(box):\n    box.cleanup()\nlater(Box())",
        "hooks = [Box.cleanup]",
    ],
)
def test_a_removal_that_something_calls(call: str) -> None:
    facts = box("self.items.append(new)", more="    def cleanup(self):\n        self.items.clear()\n" + call)
    assert hows(facts.removes) == ["clear"]


@pytest.mark.parametrize("name", ["__exit__", "__del__", "__delitem__"])
def test_a_removal_that_python_calls(name: str) -> None:
    facts = box("self.items.append(new)", more=f"    def {name}(self, *_):\n        self.items.clear()\n")
    assert hows(facts.removes) == ["clear"]


def test_decorated_functions_may_be_called() -> None:
    more = "    @app.get('/clear')\n    def cleanup(self):\n        self.items.clear()\n"
    assert hows(box("self.items.append(new)", more=more).removes) == ["clear"]


LIBRARY = """
    class Bus:
        def __init__(self): self.items = []
        def subscribe(self, one): self.items.append(one)
        def unsubscribe(self, one): self.items.remove(one)
"""


def test_where_nothing_calls_the_additions_either_others_may() -> None:
    facts = read(LIBRARY, "Bus")
    assert hows(facts.removes) == [f"remove, in unsubscribe(), {ELSEWHERE}"]
    assert is_called(facts.removes[0])


def test_the_programs_other_files_tell() -> None:
    only_subscribes = "from app import Bus\nbus = Bus()\nbus.subscribe(print)\n"
    facts = read(LIBRARY, "Bus", main=only_subscribes)
    assert hows(facts.removes) == [f"remove, in unsubscribe(), {UNCALLED}the program calls"]
    facts = read(LIBRARY, "Bus", main=only_subscribes + "bus.unsubscribe(print)\n")
    assert hows(facts.removes) == ["remove"]


def test_the_programs_other_files_touch_it() -> None:
    main = """
        from app import Bus
        class Loud(Bus):
            def drop(self): self.items.pop()
        class Other:
            def add(self): self.items.append(1)
        Bus().items.append(2)
        """
    facts = read(LIBRARY, "Bus", main=main)
    assert [(add.file, add.how) for add in facts.adds] == [
        ("/app/app.py", "append"),
        ("/app/main.py", "append, outside"),
    ]
    assert [gone.function for gone in facts.removes] == ["Bus.unsubscribe", "Loud.drop"]


def test_another_files_use_of_a_modules_variable() -> None:
    main = """
        import app
        from app import cache as store
        app.cache[1] = 2
        store[2] = 3
        cache = {}
        cache[3] = 4
        other.cache[4] = 5
        """
    facts = read("cache = {}\n", "", "cache", main=main)
    assert [(add.file, add.line) for add in facts.adds] == [("/app/main.py", 4), ("/app/main.py", 5)]


def test_what_an_exception_skips() -> None:
    facts = box("self.items[key] = new", "new.run()", "del self.items[key]", made="self.items = {}")
    assert hows(facts.removes) == [f"del, {SKIPPED}"]
    assert facts.bounds == ()


def test_what_finally_removes_is_not_skipped() -> None:
    lines = ["self.items[key] = new", "try:", "    new.run()", "finally:", "    del self.items[key]"]
    assert hows(box(*lines).removes) == ["del"]


def test_a_method_that_is_handed_over_is_called_by_others() -> None:
    facts = box(
        "task = start(new)",
        "self.items.add(task)",
        "task.add_done_callback(self.items.discard)",
        made="self.items = set()",
    )
    assert hows(facts.removes) == ["discard, as a callback"]
    facts = box("new.connect(self.items.append)", made="self.items = []")
    assert hows(facts.adds) == ["append, as a callback"]


# --- bounds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "how"),
    [
        ("self.items = deque(maxlen=50)", "maxlen=50"),
        ("self.items = collections.deque([], 50)", "maxlen=50"),
        ("self.items: deque[int] = deque(maxlen=limit)", "maxlen=limit"),
        ("self.items = Queue(10)", "maxsize=10"),
        ("self.items = queue.Queue(maxsize=10)", "maxsize=10"),
        ("self.items = TTLCache(maxsize=10, ttl=60)", "maxsize=10"),
        ("self.items = defaultdict(lambda: deque(maxlen=9))", "maxlen=9, for an item"),
    ],
)
def test_bounds_from_the_start(made: str, how: str) -> None:
    assert hows(box("self.items.append(new)", made=made).bounds) == [how]


@pytest.mark.parametrize("made", ["self.items = deque(maxlen=None)", "self.items = Queue(0)", "self.items = deque()"])
def test_no_bounds_from_the_start(made: str) -> None:
    assert box("self.items.append(new)", made=made).bounds == ()


def test_a_dataclass_field() -> None:
    text = """
        @dataclass
        class Box:
            items: list = field(default_factory=list)
            old: deque = field(default_factory=lambda: deque(maxlen=3))
        """
    assert hows(read(text).created) == ["list"]
    assert hows(read(text, attribute="old").bounds) == ["maxlen=3"]


@pytest.mark.parametrize(
    ("lines", "how"),
    [
        (["if len(self.items) > 100:", "    self.items.pop(0)"], "len check, limit=100"),
        (["while len(self.items) > 100:", "    self.items.popitem(last=False)"], "len check, limit=100"),
        (["if 100 < len(self.items):", "    self.items.clear()"], "len check, limit=100"),
        (["if len(self.items) >= self.most:", "    self.drop()"], "len check, by the attribute most"),
        (["if len(self.items) < 100:", "    self.items.append(new)"], "len check, limit=100"),
        (["if len(self.items) >= 100:", "    return", "self.items.append(new)"], "len check, limit=100"),
        (["if len(self.items) >= 100:", "    raise Full", "self.items.append(new)"], "len check, limit=100"),
        (["size = len(self.items)", "if size > 100:", "    del self.items[:9]"], "len check, limit=100"),
        (["if len(self.items) + 1 > 100 and new:", "    del self.items[0]"], "len check, limit=100"),
        (["if self.items.full():", "    self.items.get_nowait()"], "len check"),
        (["if len(self.items[key]) > 9:", "    self.items[key].pop(0)"], "len check of an item, limit=9"),
        (["self.items = self.items[-100:]"], "slice=100"),
        (["self.items = self.items[:100]"], "slice=100"),
        (["self.items = self.items[-self.most:]"], "slice"),
        (["self.items[:] = self.items[-100:]"], "slice=100"),
        (["del self.items[:-100]"], "slice=100"),
    ],
)
def test_bounds_by_length(lines: list[str], how: str) -> None:
    more = "    def drop(self):\n        self.items.popleft()\n"
    facts = box("self.items.append(key)", *lines, more=more)
    assert how in hows(facts.bounds)


@pytest.mark.parametrize(
    "lines",
    [
        ["if len(self.items) > 100:", "    print('many')"],
        ["self.at += 1", "if self.at >= len(self.items):", "    self.items.pop(key)"],
        ["self.at = new", "if len(self.items) == self.at:", "    self.items.pop(key)"],
        ["if len(self.items) > 100:", "    self.warn()"],
        ["if len(self.items) > 0:", "    self.items.pop(key)"],
        ["if len(new) > 100:", "    self.items.remove(new)"],
        ["if key in self.items:", "    return"],
        ["try:", "    new()", "except KeyError:", "    self.items.pop()"],
    ],
)
def test_what_is_no_bound(lines: list[str]) -> None:
    assert box("self.items.append(new)", *lines, more="    def warn(self): pass\n").bounds == ()


def test_a_limit_that_is_named() -> None:
    facts = read(
        """
        LIMIT = 50
        class Box:
            most = 20
            items = []
            def add(self, one, given=7):
                self.items.append(one)
                if len(self.items) > LIMIT: self.items.pop(0)
                if len(self.items) > self.most: self.items.pop(0)
                if len(self.items) > given: self.items.pop(0)
        """
    )
    assert [limit_of(bound) for bound in facts.bounds if bound.how.startswith("len")] == [50, 20, None]


def test_a_bound_that_nothing_calls() -> None:
    more = "    def trim(self):\n        if len(self.items) > 9:\n            self.items.pop(0)\n"
    (bound,) = box("self.items.append(new)", more=more).bounds
    assert not is_called(bound)
    (bound,) = [one for one in box("self.items.append(new)", "self.trim()", more=more).bounds if "len" in one.how]
    assert is_called(bound)


@pytest.mark.parametrize(
    "lines",
    [
        ["while self.items[0].until < now():", "    self.items.popleft()"],
        ["for k in [k for k, v in self.items.items() if v.old]:", "    del self.items[k]"],
        ["if memory() > 80:", "    self.items.clear()"],
        ["self.expire()"],
    ],
)
def test_eviction_where_it_is_added_to(lines: list[str]) -> None:
    more = "    def expire(self):\n        self.items = [one for one in self.items if one.fresh]\n"
    facts = box("self.items.append(new)", *lines, more=more)
    assert [how for how in hows(facts.bounds) if how.startswith("evicts")]


def test_a_frontier_is_no_eviction() -> None:
    """One is taken and many are put in its place: that it is emptied somewhere bounds nothing."""
    facts = box(
        "while self.items:",
        "    one = self.items.pop()",
        "    for link in one.links:",
        "        self.items.append(link)",
    )
    assert facts.bounds == ()
    assert hows(facts.removes) == ["pop"]


# --- caches of functions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decorator", "created", "bounds"),
    [
        ("@lru_cache(maxsize=None)", ["lru_cache(maxsize=None)"], []),
        ("@functools.lru_cache(None)", ["lru_cache(maxsize=None)"], []),
        ("@functools.cache", ["cache(maxsize=None)"], []),
        ("@lru_cache", ["lru_cache(maxsize=128)"], ["maxsize=128"]),
        ("@lru_cache()", ["lru_cache(maxsize=128)"], ["maxsize=128"]),
        ("@lru_cache(maxsize=64)", ["lru_cache(maxsize=64)"], ["maxsize=64"]),
    ],
)
def test_caches(decorator: str, created: list[str], bounds: list[str]) -> None:
    facts = read(f"{decorator}\ndef load(key):\n    return key\n", "", "load")
    assert (hows(facts.created), hows(facts.bounds)) == (created, bounds)
    method = f"class Box:\n    {decorator}\n    def load(self, key):\n        return key\n"
    assert hows(read(method, "Box", "load").created) == [f"{created[0]} on a method"]


def test_a_cached_property() -> None:
    text = "class Box:\n    @functools.cached_property\n    def size(self):\n        return 1\n"
    assert hows(read(text, "Box", "size").created) == ["cached_property"]


# --- whatever the text is -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["def f(:\n", "print 'two'\n", "\0", "class A:\n  x\n y\n", "(" * 9999])
def test_text_that_is_no_python(text: str) -> None:
    assert read_owner(text, "app.py", "A", "x") == OwnerFacts(read=False)


def test_nothing_is_found_in_an_empty_file() -> None:
    assert read_owner("", "app.py", "Box", "items") == OwnerFacts(read=True)


def test_nothing_is_executed() -> None:
    assert read("raise SystemExit\nitems = []\nitems.append(exit())\n", "", "items").adds


def test_long_sums_do_not_nest_too_deep() -> None:
    text = f"items = []\ntotal = {' + '.join(['1'] * 900)}\nitems.append(total)\n"
    assert len(read_owner(text, "app.py", "", "items").adds) == 1


def test_deep_nesting() -> None:
    lines = [f"{' ' * depth}def f{depth}():" for depth in range(90)]
    text = "\n".join([*lines, f"{' ' * 90}items.append(1)", "items = []", ""])
    assert len(read_owner(text, "app.py", "", "items").adds) == 1
