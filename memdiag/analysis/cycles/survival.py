"""What a run's looks come to: how many objects were created in cycles, which pass reclaimed them, and what survives."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from memdiag.analysis.cycles.telling import Ids, Stage, Told
from memdiag.model import CollectorCost, CycleCluster, CycleEvidence, Moment, PassResult, TypeSurvival

_Key = tuple[object, ...]


@dataclass(frozen=True)
class Pass:
    """One collection at a look: what ``gc.collect()`` returned, the types in ``gc.garbage`` after it, and their ids."""

    number: int
    freed: int
    kept: tuple[str, ...] = ()
    kept_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Look:
    """A moment, its stages (0, and one after each pass that freed something) and passes.

    ``reclaimed`` are members of cycles, by type, that earlier collections did away with; ``seen`` what was told of the
    garbage just before some of these.
    """

    moment: Moment
    stages: Mapping[int, Stage]
    passes: Sequence[Pass]
    reclaimed: Mapping[str, int]
    gc_enabled: bool = True
    gc_debug: int = 0
    unwatched: int = 0
    disturbed: int = 0
    collector: CollectorCost = field(default_factory=CollectorCost)
    seen: Sequence[Stage] = ()


def conclude(look: Look) -> CycleEvidence:
    """Everything one look says. ``stages[0]`` must be there."""
    results, last = [], 0
    for one in look.passes:
        before, last = last, one.number if one.number in look.stages else last
        results.append(_pass(one, look.stages[before], look.stages[last]))
    first, surviving = look.stages[0], look.stages[last]
    uncollectable = Counter(look.passes[-1].kept if look.passes else ())
    reclaimed = sum(look.reclaimed.values())
    return CycleEvidence(
        moment=look.moment,
        created=reclaimed + first.members,
        passes=tuple(results),
        by_type=_by_type(look.reclaimed, first, surviving),
        clusters=tuple(_clusters(look, last)),
        uncollectable=sum(uncollectable.values()),
        uncollectable_types=tuple(uncollectable.most_common()),
        reclaimed_before=reclaimed,
        library_objects=surviving.library,
        gc_enabled=look.gc_enabled,
        gc_debug=look.gc_debug,
        unwatched=look.unwatched,
        disturbed=look.disturbed,
        collector=look.collector,
        cleanup_effectiveness=_cleanup(first, surviving),
    )


def _pass(one: Pass, before: Stage, after: Stage) -> PassResult:
    """A pass reclaimed the members that were garbage and are gone; a finalizer may have revived or made others.

    What died is told by id only where something did not: an id may have been given to a new object meanwhile.
    """
    if after is before:
        return PassResult(one.number, 0, after.members, one.freed)
    collected = len(before.waiting)
    if one.kept or one.freed < before.garbage:
        collected -= int(np.isin(before.waiting, after.ids).sum())
    return PassResult(one.number, collected, after.members, one.freed)


def _cleanup(first: Stage, last: Stage) -> float:
    """Of the bytes that cycles kept at the look, with all that hangs on them, the share that the passes gave back.

    1 where they kept nothing.
    """
    given_back = max(0, first.heap_bytes - last.heap_bytes) if first.members else 0
    return given_back / (given_back + last.kept_bytes) if given_back + last.kept_bytes else 1.0


def _by_type(reclaimed: Mapping[str, int], first: Stage, last: Stage) -> tuple[TypeSurvival, ...]:
    created = Counter(reclaimed) + first.waiting_types + first.living_types
    surviving = last.waiting_types + last.living_types
    ordered = sorted(created, key=lambda name: (name in first.built_in, -surviving[name], -created[name], name))
    return tuple(TypeSurvival(name, created[name], surviving[name]) for name in ordered)


def reclaimed_by_passes(look: Look) -> Counter[str]:
    """Members of cycles, by type, that the passes of one look reclaimed: for later looks they are gone already."""
    found: Counter[str] = Counter()
    freed = {one.number: one.freed for one in look.passes if not one.kept}
    for before, after in pairwise(sorted(look.stages)):
        one = look.stages[before]
        if freed.get(after, 0) >= one.garbage:
            found += one.waiting_types
            continue
        alive = look.stages[after].ids
        for told in one.clusters:
            gone = len(told.ids) - int(np.isin(told.ids, alive).sum())
            if told.cluster.state == "waiting" and len(told.ids):
                found += Counter({name: round(count * gone / len(told.ids)) for name, count in told.types.items()})
    return found


# --- clusters ---------------------------------------------------------------------------------------------------


def _clusters(look: Look, last: int) -> list[CycleCluster]:
    """What survives, then what several passes were needed for, what one freed, and what went during the run."""
    in_garbage = np.array(sorted(look.passes[-1].kept_ids if look.passes else ()), dtype=np.uint64)
    first_waiting = look.stages[0].waiting
    frozen = look.collector.frozen > 0
    final = [_surviving(told, in_garbage, first_waiting, frozen) for told in look.stages[last].clusters]
    if last == 0:
        final = [told.cluster for told in look.stages[0].clusters]
    stuck = {_shape(one) for one in final if one.state == "uncollectable" or one.revived}
    late = [one for one in _reclaimed(look, last) if _shape(one) not in stuck] if last else []
    known = {_shape(one) for one in (*final, *late)}
    seen = [
        dataclasses.replace(told.cluster, passes=1, during_run=True)
        for stage in look.seen
        for told in stage.clusters
        if told.cluster.state == "waiting" and _shape(told.cluster) not in known
    ]
    return [*_together(final), *_together(late), *_largest(seen)]


def _surviving(told: Told, in_garbage: Ids, first_waiting: Ids, frozen: bool) -> CycleCluster:
    """What is garbage still, and was so from the first, is not touched by the collector: ``frozen``, as a rule."""
    revived = int(np.isin(told.ids, first_waiting).sum())
    if frozen and told.cluster.state == "waiting" and revived == len(told.ids):
        return dataclasses.replace(told.cluster, state="uncollectable")
    if np.isin(told.ids, in_garbage).any():
        return dataclasses.replace(told.cluster, state="uncollectable")
    if told.cluster.state == "waiting":
        return dataclasses.replace(told.cluster, state="slow", revived=revived)
    return dataclasses.replace(told.cluster, revived=revived)


def _reclaimed(look: Look, last: int) -> list[CycleCluster]:
    """What was garbage at a stage and is gone: ``slow`` where cycles of the same make came again after a pass."""
    stages = sorted(look.stages)
    latest: dict[_Key, int] = {}
    clusters: dict[_Key, CycleCluster] = {}
    for at, stage in enumerate(stages):
        if stage == last and stage == stages[-1] and at:
            break
        for one in _together([told.cluster for told in look.stages[stage].clusters]):
            if one.state == "waiting":
                latest[_shape(one)] = stages[at + 1] if at + 1 < len(stages) else stage
                clusters.setdefault(_shape(one), one)
    return [
        dataclasses.replace(one, state="slow" if latest[key] > 1 else "waiting", passes=latest[key])
        for key, one in clusters.items()
    ]


def _shape(one: CycleCluster) -> _Key:
    return one.shape, one.edges


def _together(clusters: Iterable[CycleCluster]) -> list[CycleCluster]:
    """Those that read the same are one; what keeps the rest of the garbage first, then the largest."""
    found: dict[_Key, CycleCluster] = {}
    for one in clusters:
        key = (one.shape, one.edges, one.state, one.holder)
        same = found.get(key)
        found[key] = one if same is None else _sum(same, one)
    return sorted(found.values(), key=lambda one: (not one.is_key, -one.objects, one.shape, one.edges, one.holder))


def _sum(one: CycleCluster, other: CycleCluster) -> CycleCluster:
    return dataclasses.replace(
        one,
        count=one.count + other.count,
        objects=one.objects + other.objects,
        size_bytes=one.size_bytes + other.size_bytes,
        retained_objects=one.retained_objects + other.retained_objects,
        retained_bytes=one.retained_bytes + other.retained_bytes,
        revived=one.revived + other.revived,
    )


def _largest(clusters: Iterable[CycleCluster]) -> list[CycleCluster]:
    """Of those seen in several collections the one of which there were most."""
    found: dict[_Key, CycleCluster] = {}
    for one in clusters:
        same = found.get(_shape(one))
        found[_shape(one)] = one if same is None or one.objects > same.objects else same
    return sorted(found.values(), key=lambda one: (-one.objects, one.shape, one.edges))
