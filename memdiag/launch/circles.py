"""Reads, while the source is there to be read, which lines make the members of cycles and the references to cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from memdiag.analysis.cycles.lines import GIVEN, assigned_at
from memdiag.analysis.cycles.telling import Stage, Told
from memdiag.analysis.origin import is_standard
from memdiag.analysis.owner import made_at, read_owner
from memdiag.analysis.wording import Way
from memdiag.capture.sources import read_sources, read_text
from memdiag.model import Cut, CycleCluster, OwnerFacts, Site, Touch

_MOST_FILES = 40
_MOST_SITES = 3
_LARGEST = 400_000  # characters of a file that is gone through


def with_lines(stage: Stage, files: Sequence[str]) -> Stage:
    """The look with the lines that make what it tells of; ``files`` are the program's own."""
    texts: dict[str, str] = {}
    clusters = tuple(_with_lines(told, files, texts) for told in stage.clusters)
    return dataclasses.replace(stage, clusters=clusters)


def _with_lines(told: Told, files: Sequence[str], texts: dict[str, str]) -> Told:
    cluster = told.cluster
    homes = dict(told.files)
    searched = list(dict.fromkeys([*homes.values(), *files]))[:_MOST_FILES]
    read = {file: text for file in searched if (text := _text(file, texts))}
    cuts = _preferred([_referring(cut, homes, read) for cut in cluster.cuts])
    sites, inferred = _sourced(cluster.sites), False
    if not sites:
        sites, inferred = tuple(_made(cluster, homes, read)), True
    return dataclasses.replace(
        told,
        cluster=dataclasses.replace(
            cluster,
            cuts=cuts,
            sites=sites,
            sites_inferred=inferred and bool(sites),
            holder_source=_of_holder(told.way, texts),
        ),
    )


def _of_holder(way: Way, texts: dict[str, str]) -> OwnerFacts:
    """What the source says of the container that holds them."""
    text = _text(way.file, texts) if way.file and way.attribute else ""
    if not text:
        return OwnerFacts()
    owner = way.owner.removesuffix(way.attribute).removesuffix(".")
    inside = "" if owner == way.module else owner.removeprefix(way.module + ".")
    return read_owner(text, way.file, inside, way.attribute)


def _text(file: str, texts: dict[str, str]) -> str:
    if file not in texts:
        try:
            text = "" if is_standard(file) else read_text(file)
        except (OSError, SyntaxError, ValueError, LookupError):
            text = ""
        texts[file] = text if len(text) <= _LARGEST else ""
    return texts[file]


def _made(cluster: CycleCluster, homes: Mapping[str, str], read: Mapping[str, str]) -> list[Site]:
    """Where the source calls the classes of the cycle, in the order of the cycle."""
    found = []
    for name in dict.fromkeys(kind for kind in cluster.shape if kind in homes):
        found += [_site(touch) for file, text in read.items() for touch in made_at(text, file, name)]
    return list(dict.fromkeys(found))[:_MOST_SITES]


def _referring(cut: Cut, homes: Mapping[str, str], read: Mapping[str, str]) -> tuple[Cut, bool]:
    """The cut with the lines that assign to ``Class.attribute``; and whether all assign what they were given.

    Where several references are to be cut together, the lines of all.
    """
    found: list[Touch] = []
    for one in () if cut.outside else cut.reference.split(" and "):
        cls, _, attribute = one.rpartition(".")
        if cls in homes and attribute.isidentifier():
            found += [touch for file, text in read.items() for touch in assigned_at(text, file, cls, attribute)]
    sites = tuple(dict.fromkeys(map(_site, found)))[:_MOST_SITES]
    return dataclasses.replace(cut, sites=sites), bool(found) and all(touch.how == GIVEN for touch in found)


def _preferred(cuts: Sequence[tuple[Cut, bool]]) -> tuple[Cut, ...]:
    """Where the one to cut has nothing to say for it, another that frees all and is given from outside is better."""
    chosen = next((cut for cut, _ in cuts if cut.recommended), None)
    if chosen is None or chosen.reason:
        return tuple(cut for cut, _ in cuts)
    given = [cut for cut, is_given in cuts if is_given and not cut.reason and cut.freed_objects == cut.of_objects]
    if not given or chosen in given:
        return tuple(cut for cut, _ in cuts)
    better = dataclasses.replace(given[0], recommended=True, reason="it is given from outside, so it points back")
    rest = [dataclasses.replace(cut, recommended=False) for cut, _ in cuts if cut is not given[0]]
    return (better, *rest)


def _site(touch: Touch) -> Site:
    return Site(touch.file, touch.line, touch.function, source=touch.text)


def _sourced(sites: Iterable[Site]) -> tuple[Site, ...]:
    listed = tuple(sites)
    lines = read_sources((site.file, site.line) for site in listed)
    return tuple(
        site
        if (line := lines.get((site.file, site.line))) is None
        else dataclasses.replace(site, function=site.function or line.function, source=line.text)
        for site in listed
    )
