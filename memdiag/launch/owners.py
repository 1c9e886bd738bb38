"""Reads the source of what holds a population, and of where its items are made, while it is there to be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from memdiag.analysis.origin import is_standard
from memdiag.analysis.owner import made_at, read_owner
from memdiag.capture.sources import read_sources, read_text
from memdiag.model import HeapEvidence, Named, OwnerFacts, Population, Site, Source

_FROM_OUTSIDE = "<memdiag>"


def with_owners(evidence: HeapEvidence, entries: Mapping[str, str] | None = None) -> HeapEvidence:
    """The evidence with what the source of each owner and site says; unchanged where it cannot be read.

    ``entries`` are, by module, source that calls those of its functions that are known to be called from outside.
    """
    texts: dict[str, str] = {}
    lines = read_sources((site.file, site.line) for population in evidence.populations for site in population.sites)
    read = (_by_its_name(population, texts, entries or {}) for population in evidence.populations)
    return dataclasses.replace(evidence, populations=tuple(_with_sites(population, lines) for population in read))


def _with_sites(population: Population, lines: Mapping[tuple[str, int], Source]) -> Population:
    return dataclasses.replace(population, sites=tuple(_with_source(site, lines) for site in population.sites))


def _with_source(site: Site, lines: Mapping[tuple[str, int], Source]) -> Site:
    line = lines.get((site.file, site.line))
    return (
        site if line is None else dataclasses.replace(site, function=site.function or line.function, source=line.text)
    )


def _by_its_name(population: Population, texts: dict[str, str], entries: Mapping[str, str]) -> Population:
    """By the variable that holds it, unless only an attribute that means the same is seen to be added to."""
    found = _with_owner(population, texts, entries)
    if not found.source.adds:
        named = (_with_owner(_renamed(population, alias), texts, entries) for alias in population.aliases)
        found = next((one for one in named if one.source.adds), found)
    return dataclasses.replace(found, aliases=())


def _renamed(population: Population, alias: Named) -> Population:
    return dataclasses.replace(
        population,
        path=alias.path,
        owner=alias.owner,
        owner_module=alias.module,
        owner_file=alias.file,
        attribute=alias.attribute,
    )


def _with_owner(population: Population, texts: dict[str, str], entries: Mapping[str, str]) -> Population:
    """Of the standard library's, only what bounds a module's variable: nobody else has a hand in that.

    What its classes can do tells nothing of what a program does with an instance.
    """
    file = population.owner_file
    if file and file not in texts:
        try:
            texts[file] = read_text(file)
        except (OSError, SyntaxError, ValueError, LookupError):
            texts[file] = ""
    if not file or not texts[file] or not population.attribute:
        return population
    owner = population.owner.removesuffix(population.attribute).removesuffix(".")
    inside = "" if owner == population.owner_module else owner.removeprefix(population.owner_module + ".")
    entry = entries.get(population.owner_module)
    others = None if entry is None else {_FROM_OUTSIDE: entry}
    facts = read_owner(texts[file], file, inside, population.attribute, others)
    if is_standard(file):
        return population if inside else dataclasses.replace(population, source=OwnerFacts(bounds=facts.bounds))
    made = made_at(texts[file], file, population.item_type)
    return dataclasses.replace(population, source=dataclasses.replace(facts, made=made))
