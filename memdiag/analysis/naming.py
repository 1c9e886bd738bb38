"""What kind of leak it is, in the words of those who write about leaks.

The heap tells most kinds itself; names tell the others, as a person who reads the code would take them.
"""

from __future__ import annotations

import re

from memdiag.analysis.touches import ON_A_MISS
from memdiag.model import FindingKind, Population

_NAMES = (
    ("cache", r"cache|memo|lru|cached|interned|pool"),
    ("listener", r"listener|handler|callback|subscriber|subscription|observer|hook|watcher|receiver|slot|signal"),
    ("archive", r"archive|archived|audit|journal"),
    ("history", r"history|histories|message|log|event|summary|summaries|turn|conversation|transcript|record"),
    ("history", r"error|failure|attempt|metric|measurement|stats|past|previous|undo|snapshot|result"),
    ("visited", r"visited|seen|crawled|frontier|done|processed|known"),
    ("registry", r"registry|registered|instance|agent|session|client|connection|active|by_id|metadata|index|tracked"),
    ("queue", r"queue|pending|backlog|inbox|outbox|job|todo|waiting|buffered"),
    ("buffer", r"buffer|chunk|data|blob|body|payload"),
)
_WORDS = [(pattern, re.compile(rf"(?:^|_)(?:{words})(?:e?s)?(?:$|_)")) for pattern, words in _NAMES]
_GENERAL = {"history", "registry"}  # what the heap calls a sequence or a mapping of which it knows no more
_NAMELESS = {"global", "collection"}
_KINDS = {"chain": "chain", "class": "class", "object": "buffer"}
_RESOURCES = re.compile(
    r"(?:^|\.)(?:TextIOWrapper|BufferedReader|BufferedWriter|BufferedRandom|FileIO|socket|SSLSocket|Connection|Cursor"
    r"|TemporaryDirectory|_TemporaryFileWrapper|Popen|mmap|StreamWriter|ClientSession|ThreadPoolExecutor|ZipFile)$"
)
_TASKS = re.compile(r"(?:^|\.)(?:_?Task|_?Future|coroutine|TimerHandle)$")
_FINALIZERS = re.compile(r"(?:^|\.)finalize(?:\._Info)?$")
_ERRORS = re.compile(r"(?:Error|Exception|Warning|Interrupt|traceback|ExceptionGroup)$")

_BY_TYPE = (("resource", _RESOURCES), ("task", _TASKS), ("finalizer", _FINALIZERS), ("exception", _ERRORS))


def pattern_of(population: Population) -> str:
    """``history``, ``cache``, ``listener``, ...: from the heap where that tells, from the source, then from names."""
    if population.pattern and population.pattern not in _GENERAL:
        return population.pattern
    if population.kind in _KINDS:
        return _KINDS[population.kind]
    for pattern, types in _BY_TYPE:
        if types.search(population.item_type):
            return pattern
    if "lru_cache" in population.holder_type or any("cache(" in made.how for made in population.source.created):
        return "cache"
    named = _by_name(population)
    if named in _NAMELESS and any(ON_A_MISS in touch.how for touch in population.source.adds):
        return "cache"
    return population.pattern or named


def _by_name(population: Population) -> str:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", population.attribute or population.owner.rpartition(".")[2]).lower()
    for pattern, words in _WORDS:
        if words.search(name):
            return pattern
    of_module = population.owner_module and population.owner.rpartition(".")[0] == population.owner_module
    return "global" if of_module else "collection"


def kind_of(pattern: str) -> FindingKind:
    return "resource" if pattern == "resource" else "growth"
