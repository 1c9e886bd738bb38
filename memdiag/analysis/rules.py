"""The rules MEM-001 .. MEM-006 that a leak breaks: what each asks for, and which patterns break it.

Their ids are stable: reports, baselines and the alerts of a CI system refer to them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """``name`` is the rule in a few words, ``summary`` in a sentence; ``why`` and ``how`` are of a sentence or two."""

    id: str
    name: str
    summary: str
    why: str
    how: str
    patterns: tuple[str, ...] = ()


RULES = (
    Rule(
        "MEM-001",
        "release-resources",
        "What is allocated, registered or started is released when it is no longer needed.",
        "What a listener list, a closure, a thread, a task or a reference cycle still refers to stays in memory, or"
        " waits for the collector, however long ago the program was done with it.",
        "Unregister, cancel or join what was registered or started; hold it weakly (weakref) where its life is not"
        " yours; break a cycle by a weak reference, or by clearing one of its attributes.",
        (
            *("listener", "closure", "thread-local", "task", "generator", "logging", "finalizer", "atexit", "at-fork"),
            *("contextvar", "cycle"),
        ),
    ),
    Rule(
        "MEM-002",
        "monitor-memory",
        "Memory is watched, and something is done before it runs out.",
        "Memory that no Python object accounts for (a C library's, or an allocator's) is not seen by Python's own"
        " tools: only its growth tells.",
        "Find who allocates it with memdiag run --tracer memray --native; watch the resident memory of the process, and"
        " act at a limit that lies below the system's.",
        ("native",),
    ),
    Rule(
        "MEM-003",
        "clean-up-on-errors",
        "Cleanup happens when an error comes in between, too.",
        "What is removed at the end of a function stays when an exception leaves it earlier; and an exception that is"
        " kept keeps its traceback, all frames of it, and their variables.",
        "Clean up in finally, or by a context manager. Of an exception that is kept, keep the text, or drop its"
        " __traceback__.",
        (),
    ),
    Rule(
        "MEM-004",
        "use-context-managers",
        "Files, sockets, connections and pools are opened by a context manager.",
        "A handle that is closed by nobody stays open until its object dies, which may be never; the process runs out"
        " of descriptors before it runs out of memory.",
        "Open it in a with statement, or close() it in finally; hand it on through contextlib.ExitStack where it must"
        " outlive the function.",
        ("resource",),
    ),
    Rule(
        "MEM-005",
        "bound-what-is-kept",
        "What is kept for long has a limit: a number, a size or an age.",
        "A history, a cache or a registry that only ever gains entries grows as long as the program runs.",
        "Bound it: collections.deque(maxlen=...), functools.lru_cache(maxsize=...), or removing the oldest when adding;"
        " or hold entries weakly (weakref.WeakValueDictionary), so that they go with their objects.",
        (
            *("history", "cache", "registry", "queue", "buffer", "visited", "chain", "class", "global", "collection"),
            "default argument",
        ),
    ),
    Rule(
        "MEM-006",
        "archive-old-data",
        "Data that must be kept, and is seldom read, is kept outside the process.",
        "An archive, an audit log or a journal in memory grows by design, and makes every copy of the process"
        " as large.",
        "Write old entries to a file or a database, compressed, and drop them here; keep in memory what is needed to"
        " find them.",
        ("archive",),
    ),
)

_BY_ID = {rule.id: rule for rule in RULES}
_BY_PATTERN = {pattern: rule.id for rule in RULES for pattern in rule.patterns}
_OTHER = "MEM-005"  # what grows for another reason is kept without a limit, too
_ERROR_PATHS = "MEM-003"


def rule_of(pattern: str, *, skipped: bool = False) -> str:
    """The id of the rule that such a leak breaks; ``skipped``: it is removed, unless an error comes in between."""
    known = _BY_PATTERN.get(pattern, _OTHER)
    return _ERROR_PATHS if skipped and known == _OTHER else known


def find(rule_id: str) -> Rule | None:
    return _BY_ID.get(rule_id)


def rule_line(rule_id: str) -> str:
    """The rule as a report names it: ``MEM-005 bound-what-is-kept``."""
    known = find(rule_id)
    return f"{known.id} {known.name}" if known else rule_id
