"""The idiom that ends a leak, for each pattern: what a person who knows Python would change."""

from __future__ import annotations

import os

from memdiag.analysis.case import Case
from memdiag.analysis.roles import ATOMS, CONTAINERS
from memdiag.analysis.touches import CALLBACK


def remedy(one: Case, pattern: str, where: str) -> str:
    """One or two sentences that name the owner and, if it is known, the line ``where`` it is added to."""
    name = one.population.owner or one.population.path
    cached = _cache_decorator(one)
    if cached:
        return cached
    if one.by_bytes and one.gained == 0:
        return _swelling(name, where)
    text = _by_use(one, pattern) or _BY_PATTERN.get(pattern) or _BY_CONTAINER.get(_container(one), _ANY)
    return text.format(name=name, where=f" ({where})" if where else "", at=f" at {where}" if where else "")


def _by_use(one: Case, pattern: str) -> str:
    """What the way it is used calls for, where the usual remedy would not do; empty where nothing special does."""
    container, adds = _container(one), " ".join(touch.how for touch in one.adds)
    if one.population.item_type.rpartition(".")[2] == "TimerHandle":
        return "Tasks that sleep, and call_later(), wait in {name}: end or cancel() those that nobody needs any more."
    if pattern == "task" and any(CALLBACK in touch.how for touch in one.reached_removes):
        return "See what those that are left in {name} wait for: let it end (a timeout), or cancel() them."
    if pattern == "task" and container == "dict":
        return "Delete a key of {name} when its task or future is done{where}, and when nobody waits any more."
    if one.population.item_type.rpartition(".")[2] == "LogRecord":
        return "Keep the formatted text in {name}{where}, not records: record.exc_info holds the frames' locals."
    if "heappush" in adds:
        return "Take out of {name} what is cancelled or done with, or make it anew without (heapq.heapify){where}."
    if "[key] +=" in adds:
        return "Bound the keys of {name}{where}: count by a few kinds, not by values that never end."
    if container == "set" and one.population.item_type in ATOMS and pattern not in ("visited", "thread-local"):
        return "Discard from {name} what is done with{where}, or forget the oldest."
    if container == "dict" and pattern == "registry" and one.population.item_type in CONTAINERS | ATOMS:
        return _BY_CONTAINER["dict"]
    if "WeakKeyDictionary" in one.population.holder_type:
        return "An entry of {name} goes when nothing else refers to its key: its own value must not{where}."
    return ""


def _cache_decorator(one: Case) -> str:
    """For a cache in front of a function, which keeps its arguments: those of a method are instances."""
    for made in one.population.source.created:
        place = f"{os.path.basename(made.file)}:{made.line}"
        if "cache(" in made.how and "on a method" in made.how:
            return (
                f"{place} keeps every self that it was called with: use functools.cached_property, or a cache on the"
                " module's level whose keys are plain values."
            )
        if made.how.startswith(("cache(", "lru_cache(")):
            return f"Give the cache a bound at {place}: @functools.lru_cache(maxsize=...)."
        if made.how == "default argument":
            return (
                f"{place} makes one default value for all calls: default to None, and make a new one in the function."
            )
    return ""


def _swelling(name: str, where: str) -> str:
    of = f" ({where})" if where else ""
    return f"Let go of what {name} has written or used up{of}: start a new one, or keep a window of it."


def _container(one: Case) -> str:
    kind = one.population.holder_type.rpartition(".")[2]
    return {"defaultdict": "dict", "OrderedDict": "dict", "Counter": "dict"}.get(kind, kind)


_BY_PATTERN = {
    "exception": "Store str(error) or its formatted traceback in {name}{where}, or clear it with"
    " error.with_traceback(None); and bound how many are kept.",
    "listener": "Unsubscribe what was subscribed{at} when its owner is done (close(), a with block), or keep it weakly:"
    " weakref.WeakSet, weakref.WeakMethod for bound methods.",
    "closure": "{name} keeps what the function closed over: pass the values it needs instead{at}, or drop the function"
    " when it is done with.",
    "default argument": "Default to None in {name}, and make a new one in the body{at}: a default value is made once,"
    " and all calls share it.",
    "thread-local": "Clear {name} at the end of each piece of work{where}: a thread of a pool lives on, and so does"
    " what is local to it.",
    "contextvar": "Reset the variable with the token that set() returned, in a finally block{at}.",
    "task": "Keep a task only while it runs: task.add_done_callback({name}.discard){where}, or await it and drop it.",
    "finalizer": "What weakref.finalize was given must not refer to the object itself, nor may a registry hold it:"
    " keep weak references, and let the callback take plain values{at}.",
    "registry": "Take entries out of {name} when their objects are done with{where}; or, if those who use them hold"
    " them meanwhile, let it be a weakref.WeakValueDictionary or WeakSet; and mind data kept beside it by their keys.",
    "resource": "Close what is put into {name}{where}: with, or close() in a finally block; do not keep it.",
    "chain": "Cut the chain where it is lengthened{at}: drop the reference to what is done with, or keep the last few.",
    "class": "Make the class once, at the module's level or behind a bounded cache, and not in each call{at}.",
    "cache": "Bound {name}{where}: evict the oldest when it is full, or use functools.lru_cache(maxsize=...).",
    "archive": "Move what is old out of {name}{where} to a file or database, and keep the newest.",
    "atexit": "atexit.unregister() what is done with{at}, or register one function that goes over weak references.",
    "at-fork": "What os.register_at_fork() was given stays{at}: register one function, once, that goes over weak"
    " references.",
    "logging": "Take each handler off again with removeHandler() when its work is done{at}, and loggers by a fixed"
    " name, not by one for each object: logging keeps them.",
    "generator": "Run each generator to its end, or close() it in a finally block{at}; do not keep suspended ones in"
    " {name}: each holds its frame, with all its variables.",
    "visited": "Bound {name}{where}: forget what cannot come again, or keep it in a database or a Bloom filter.",
}
_BY_CONTAINER = {
    "list": "Bound {name}{where}: collections.deque(maxlen=...), or del {name}[:-n] after adding; or remove what is"
    " done with.",
    "deque": "Give {name} a maxlen where it is made, or popleft() what is done with{where}.",
    "set": "Discard from {name} what is done with{where}, or let it be a weakref.WeakSet.",
    "dict": "Bound {name}{where}: evict the oldest key when it is full, or delete keys that are done with.",
}
_ANY = "Let go of what {name} holds once it is done with{where}, or bound how much it may hold."
