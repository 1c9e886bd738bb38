"""What the probe told of the collector, turned into the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdiag.model import CollectorCost, GenerationCost


def cost_of(header: Mapping[str, Any]) -> CollectorCost:
    """From what the probe's ``Pauses.tell`` gave; empty where it gave nothing."""
    return CollectorCost(
        generations=tuple(
            GenerationCost(int(generation), int(count), float(seconds), float(longest), int(collected))
            for generation, count, seconds, longest, collected in header.get("generations", ())
        ),
        active_s=float(header.get("active", 0.0)),
        thresholds=tuple(int(one) for one in header.get("thresholds", ())),
        frozen=int(header.get("frozen", 0)),
    )
