"""The account as plain dicts and lists, by the names of the JSON contract."""

from __future__ import annotations

from typing import Any

from memdiag.model import Account, Layer, Limit, TimeToLimit

Json = dict[str, Any]


def account_json(account: Account) -> Json:
    """Layers add up to RSS at each reading: ``layers[*].bytes[i]`` to ``rss_bytes[i]``."""
    until = account.until_limit
    return {
        "times_s": list(account.times),
        "rss_bytes": list(account.rss),
        "layers": [_layer(layer) for layer in account.layers],
        "pss_bytes": account.pss_bytes,
        "uss_bytes": account.uss_bytes,
        "swap_bytes": account.swap_bytes,
        "mappings": account.mappings,
        "limits": [_limit(limit) for limit in account.limits],
        "oom_kills": account.oom_kills,
        "time_to_limit": _until(until) if until else None,
        "handles": [{"kind": kind, "first": first, "last": last} for kind, first, last in account.handles],
        "words": list(account.words),
    }


def _layer(layer: Layer) -> Json:
    return {
        "name": layer.name,
        "words": layer.words,
        "bytes": list(layer.sizes),
        "growth_bytes": layer.growth_bytes,
        "trend": layer.trend,
        "note": layer.note,
    }


def _limit(limit: Limit) -> Json:
    return {
        "what": limit.what,
        "where": limit.where,
        "limit_bytes": limit.limit_bytes,
        "used_bytes": limit.used_bytes,
        "headroom_bytes": limit.headroom_bytes,
    }


def _until(until: TimeToLimit) -> Json:
    return {
        "limit": _limit(until.limit),
        "per_second": until.per_second,
        "expected_s": until.expected_s,
        "earliest_s": until.earliest_s,
        "latest_s": until.latest_s,
    }
