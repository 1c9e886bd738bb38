"""From what the heap and the source show to a verdict on each population.

A false alarm costs more than a miss: what cannot be told from a leak, and cannot be told from a program at its work
either, is no leak here but a suspect, or less.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from memdiag.analysis import advice, between
from memdiag.analysis.case import LARGE_BYTES, Case, case, life, weighed
from memdiag.analysis.fingerprint import fingerprint, place
from memdiag.analysis.naming import kind_of, pattern_of
from memdiag.analysis.origin import is_library
from memdiag.analysis.rules import rule_of
from memdiag.analysis.wording import BY_NATIVE_CODE
from memdiag.model import Finding, Growing, HeapEvidence, Holder, Population, Sample, Site, Verdict

_MOST_OF_THE_RUN = 0.75  # that steady growth covers, where nothing else is sure
_HALF = 0.5
SOME_LIFE = 0.4  # of the run that something must have been there for to be called a leak
_SHORT_LIFE = 0.25
_UNSEEN = 0.25  # of the run, at its end: what came meanwhile may have come at once, where no source says otherwise
_INTERVALS = 5  # that grew one after the other
_LITTLE_FALLS = 20  # of these its falls would make what it grew: what leaves hardly matters
_MANY_FALLS = 8  # that is a working set, which goes up and down
_FEW_TRACED = 4  # objects
_LEAST_OBJECT = 16  # bytes
ONE_OFF_BYTES = 1_000_000  # a load that is worth a line
_TELLING = {"exception", "class", "chain"}  # what the heap itself shows to be no program's product
_FOR_LIFE = {"logging", "atexit", "at-fork"}  # what is put there stays there, whatever the source says
_ENDED_AT_LAST = {"task", "resource", "listener", "exception"}  # awaited, closed, called or shown: that is no use of it
_RESULT_NAMES = re.compile(r"(?:^|_)(?:results?|rows|outputs?|report|answers?|collected|found|totals?)$")
_REFERENCES = {"ReferenceType", "weakref", "KeyedRef", "WeakMethod", "ref"}  # which hold nothing
_UNNAMED = re.compile(r" -> [\w.]+$")  # ends the path of what an object holds, and no name of it
_WEAK_CONTAINERS = {"WeakSet", "WeakKeyDictionary", "WeakValueDictionary"}
_AS_MANY = 8  # items by which two containers that gain the same may differ
_ORDER: dict[Verdict, int] = {"leak": 0, "suspect": 1, "bounded": 2, "info": 3}


@dataclass(frozen=True)
class Judgement:
    """A verdict, how sure it is (0 to 1), and the reason that decided: a key of ``advice.REASONS``."""

    verdict: Verdict
    confidence: float
    reason: str


def findings(evidence: HeapEvidence, *, duration_s: float, samples: Sequence[Sample] = ()) -> list[Finding]:
    """One finding for each population that deserves one; first what fixing gives the most back.

    ``duration_s`` is how long the program ran, which tells whether a rate by the hour means anything; ``samples`` tell
    what went on between snapshots that lie far apart.
    """
    wide = between.gaps(evidence, samples)
    judged = [pair for one in evidence.populations if (pair := _judged(one, evidence, samples, wide)) is not None]
    return [finding(one, verdict, evidence, duration_s) for one, verdict in told_apart(judged)]


def _judged(
    population: Population, evidence: HeapEvidence, samples: Sequence[Sample], wide: Sequence[between.Between]
) -> tuple[Case, Judgement] | None:
    """The verdict on one population; what lies between the snapshots is for the judgement only, and is not shown."""
    filled = between.filled(population, evidence, samples, wide)
    one = case(*filled)
    verdict = None if one is None else judge_case(one)
    if one is None or verdict is None:
        return None
    if filled[0] is not population:
        one = weighed(population, evidence, life(population.counts), one.trend, one.by_bytes)
    return one, verdict


def told_apart(judged: Sequence[tuple[Case, Judgement]]) -> list[tuple[Case, Judgement]]:
    """Of several that are one thing only one, and first what fixing gives the most back."""
    return sorted(_outermost(judged), key=lambda pair: _rank(*pair))


def _rank(one: Case, judgement: Judgement) -> tuple[int, int, float, str]:
    gives_back = one.population.retained_bytes or one.grown_bytes
    return _ORDER[judgement.verdict], -gives_back, -one.per_second, one.population.path


def judge_case(one: Case) -> Judgement | None:
    """The verdict on one population; None where it is nothing to speak of."""
    shape = one.trend.shape
    if one.population.limit is not None:
        return _bounded(one, "limit", 0.95)
    if one.climbs and shape in ("unsteady", "levelled") and not one.bounds and not one.removes:
        return _climbing(one)
    if shape == "levelled":
        return _bounded(one, "levelled", 0.8)
    if shape == "step":
        large = one.grown_bytes >= ONE_OFF_BYTES
        return Judgement("info", 0.7, "step") if large and not one.population.library else None
    if shape != "steady":
        return None
    if one.broken_bound is not None:
        return _capped(one, Judgement("suspect", 0.6, "broken bound"))
    if one.bounds and not one.evicts_in_vain:
        sure = any(not bound.how.startswith("evicts") for bound in one.bounds)
        return _bounded(one, "bound" if sure else "eviction", 0.75 if sure else 0.55)
    return _steady(one)


def _climbing(one: Case) -> Judgement | None:
    """On growth that slows, or is uneven, of something that the source only ever adds to."""
    steady = _steady(one)
    return (
        Judgement("suspect", 0.4, "slowing" if one.slowing else "uneven")
        if steady and steady.verdict in ("leak", "suspect")
        else steady
    )


def _bounded(one: Case, reason: str, confidence: float) -> Judgement | None:
    """A word about something that will not grow for ever, if it is large enough to be asked about."""
    large = one.grown_bytes >= LARGE_BYTES and not one.population.library
    return Judgement("bounded", confidence, reason) if large or (one.is_steady and reason != "levelled") else None


def _steady(one: Case) -> Judgement | None:
    if _is_bookkeeping(one.population):
        return Judgement("info", 0.5, "library")
    if one.under_way and one.population.path.endswith(BY_NATIVE_CODE):
        return Judgement("info", 0.3, "in passing")
    return _of_the_programs_own(one) if _is_ours(one) else _of_a_library(one)


def _of_a_library(one: Case) -> Judgement:
    told = one.is_read or one.population.pattern in _FOR_LIFE
    large = one.grown_bytes >= (LARGE_BYTES if _strong(one) and told else ONE_OFF_BYTES)
    cleaned = bool(one.reached_removes) or one.slowing
    return Judgement("suspect", 0.45, "library") if large and not cleaned else Judgement("info", 0.5, "library")


def _of_the_programs_own(one: Case) -> Judgement | None:
    if one.life < _SHORT_LIFE:
        return Judgement("info", 0.4, "short life")
    if _is_product(one):
        return Judgement("info", 0.5, "result")
    if _is_module(one.population) and one.population.retained_bytes < _LEAST_OBJECT * one.gained:
        return None  # definitions, which are in use elsewhere: a module is still being filled
    if one.fall and one.trend.growth < _MANY_FALLS * one.fall:
        return None
    if one.population.branching and not one.is_read:
        return Judgement("info", 0.4, "structure")
    if _is_running_local(one.population) and not one.is_read:
        told = one.unseen <= _UNSEEN and one.grown_bytes >= LARGE_BYTES
        return Judgement("suspect", 0.35, "local") if told else Judgement("info", 0.3, "unseen")
    if one.slowing:
        return Judgement("suspect", 0.4, "slowing")
    if one.life < SOME_LIFE:
        return Judgement("suspect", 0.4, "short life")
    return _capped(one, Judgement("suspect", 0.7, "in vain") if one.evicts_in_vain else _lasting(one))


def _lasting(one: Case) -> Judgement:
    """On growth that goes on to the end, of something that was there for long and that nothing bounds."""
    if one.unset_bound is not None:
        return Judgement("suspect", 0.65, "unset")
    if one.reached_removes:
        return Judgement("suspect", 0.65, "error path") if one.skipped else Judgement("suspect", 0.6, "removes")
    if one.trend.growth < _LITTLE_FALLS * one.fall:
        return Judgement("suspect", 0.5, "falls")
    strong = _strong(one)
    if one.adds and _RESULT_NAMES.search(one.population.attribute):
        return Judgement("suspect", 0.5, "result name")
    if one.is_read:
        if one.trend.share < _HALF:
            return Judgement("suspect", 0.5, "late")
        if _enough(one):
            return Judgement("leak", 0.9 if strong else 0.75, "uncalled" if one.removes else "never removed")
        return Judgement("suspect", 0.6, "few intervals")
    if one.population.attribute and not one.population.source.read and one.population.pattern not in _TELLING:
        return Judgement("suspect", 0.6, "unread")
    if strong and not one.fall:
        return Judgement("leak", 0.7, "heap")
    return Judgement("suspect", 0.5, "heap")


def _enough(one: Case) -> bool:
    return one.trend.intervals >= _INTERVALS or one.watched > _INTERVALS


def _strong(one: Case) -> bool:
    return _enough(one) and one.trend.share >= _MOST_OF_THE_RUN


def _capped(one: Case, judgement: Judgement) -> Judgement:
    """Surer the longer it was watched."""
    watched = min(1.0, (one.trend.intervals + 2) / 8) * min(1.0, one.trend.share / _MOST_OF_THE_RUN)
    return Judgement(judgement.verdict, judgement.confidence * (0.7 + 0.3 * watched), judgement.reason)


def _is_ours(one: Case) -> bool:
    """Whether the program has a hand in it: by holding it, or by making what a library's registry holds."""
    traced = one.population.sites
    return not one.population.library or (_is_made_here(one) and not any(is_library(site.file) for site in traced[:1]))


def _is_made_here(one: Case) -> bool:
    """Whether a tracer saw the program make the items, and so many of them that it was not by chance.

    An object may lie where another, which was traced, lay before.
    """
    seen = sum(site.count for site in one.population.sites if not is_library(site.file))
    return seen >= max(1, min(_FEW_TRACED, one.gained))


def _is_bookkeeping(population: Population) -> bool:
    """Whether it is but weak references that go when their objects do: what holds these grows, not this."""
    of_native_code = _UNNAMED.search(population.path) is not None  # as a connection of sqlite3 lists its cursors
    by_itself = population.holder_type in _WEAK_CONTAINERS or population.library or of_native_code
    return by_itself and _bare_type(population) in _REFERENCES


def _is_module(population: Population) -> bool:
    """Whether it is a module's namespace itself that gains names."""
    return population.path == population.owner_module and not population.attribute


def _is_product(one: Case) -> bool:
    """Whether the source uses the whole of it once it is full; what an object keeps may only be ended all at once."""
    ended = pattern_of(one.population) in _ENDED_AT_LAST and not _is_running_local(one.population)
    return one.result is not None and not ended


def _is_running_local(population: Population) -> bool:
    """A variable of a function that still runs: ``__main__.main() local rows``."""
    return re.search(r"\)(?: local |\.)\w+$", population.path) is not None


# --- one thing, one finding -----------------------------------------------------------------------------------


def _outermost(judged: Sequence[tuple[Case, Judgement]]) -> list[tuple[Case, Judgement]]:
    """Without those that are within an item of another one that grows, or are the same seen by its items' type."""
    growing = [one for one, verdict in judged if verdict.verdict in ("leak", "suspect")]
    return [
        (one, verdict)
        for one, verdict in judged
        if not any(_covers(other, one) for other in growing)
        and not (one not in growing and any(_is_inside(other, one) for other in growing))
    ]


def _covers(outer: Case, inner: Case) -> bool:
    if outer is inner:
        return False
    if _is_weak(inner.population) and not _is_weak(outer.population) and abs(outer.gained - inner.gained) <= _AS_MANY:
        return True  # weak references, or finalizers, of what something else keeps alive
    path, within = outer.population.path, inner.population.path
    if inner.population.library and not outer.population.library and _is_also_held(inner, path):
        return True  # a library's list of what the program keeps alive
    if within == path or _normal(within) == _normal(path) + "[*]":
        kinds = (outer.population.kind, inner.population.kind)
        return kinds in (("container", "type"), ("container", "chain"), ("chain", "type"))
    return within.startswith(path + "[") or (outer.population.kind == "chain" and within.startswith(path + "."))


def _is_also_held(one: Case, path: str) -> bool:
    return any(other == path or other.startswith(path + "[") for other in one.population.others)


def _is_weak(population: Population) -> bool:
    return _bare_type(population) in _REFERENCES | {"finalize"}


def _bare_type(population: Population) -> str:
    return population.item_type.removesuffix("._Info").rpartition(".")[2]  # what a finalize keeps is its own record


def _is_inside(inner: Case, outer: Case) -> bool:
    """What is bounded itself, and large by what leaks within it, is nothing to speak of beside the leak."""
    path, within = outer.population.path, inner.population.path
    return within != path and within.startswith((path + "[", path + "."))


def _normal(path: str) -> str:
    """The path without what differs from run to run: keys, indices, addresses, numbers in names."""
    path = re.sub(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]", "[*]", path)
    path = re.sub(r"0x[0-9a-fA-F]+", "0x", path)
    return re.sub(r"\d+", "0", path)


def identity(population: Population) -> str:
    """Kind, owner and what there is more of, as any run of the program would say it."""
    named = population.owner or _normal(population.path)
    where = place(population.owner_file) if population.owner_file else population.owner_module
    item = "[*]" if population.path.endswith("]") else ""
    return fingerprint("heap", population.kind, where, named, item, population.item_type)


# --- the finding ----------------------------------------------------------------------------------------------


def finding(one: Case, judgement: Judgement, evidence: HeapEvidence, duration_s: float) -> Finding:
    """What a report says of one population."""
    population = one.population
    pattern = pattern_of(population)
    told = advice.Told(one, judgement.verdict, judgement.reason, pattern, evidence.traced, duration_s)
    return Finding(
        id=identity(population),
        kind=kind_of(pattern),
        pattern=pattern,
        rule=rule_of(pattern, skipped=judgement.reason == "error path"),
        verdict=judgement.verdict,
        confidence=round(judgement.confidence, 2),
        title=advice.title(told),
        why=advice.why(told),
        fix=advice.fix(told),
        holder=Holder(population.path, population.holder_type, population.owner, population.owner_module),
        growing=Growing(population.item_type, one.counts, one.bytes, one.per_second),
        retained_bytes=population.retained_bytes,
        sites=_sites(one),
    )


def _sites(one: Case) -> tuple[Site, ...]:
    """Where the items were made: as a tracer saw it, unless that was so few that chance may have had a hand in it."""
    traced = one.population.sites
    if _is_made_here(one):
        return traced
    few = sum(site.count for site in traced) < min(_FEW_TRACED, one.gained)
    return _inferred(one) or (() if few and all(is_library(site.file) for site in traced) else traced)


def _inferred(one: Case) -> tuple[Site, ...]:
    """When no tracer saw the items being made: where the source does so, if at one place, else where it adds them."""
    made = one.population.source.made
    places = made if len(made) == 1 else one.adds[:3]
    return tuple(Site(place.file, place.line, place.function, source=place.text) for place in places)
