"""A report as JSON, ``memdiag.report/1``: the contract with scripts and CI. Additions are fine, changes are not."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, cast

from memdiag.model import (
    CollectorCost,
    Compared,
    Cut,
    CycleCluster,
    CycleEvidence,
    Finding,
    Gate,
    Held,
    Ignored,
    Report,
    Rounds,
    Row,
    Sample,
    Site,
    TargetInfo,
    TrialRow,
)
from memdiag.report.account_json import account_json
from memdiag.report.text import cycle_line

SCHEMA_NAME = "memdiag.report/1"

Json = dict[str, Any]


def to_json(report: Report) -> str:
    """The report as one JSON object, in ASCII, ending in a line break.

    Strings that are no valid Unicode (names of files that are not UTF-8) have their lone surrogates written out, as
    ``\\udce9``; a float that is not finite becomes null.
    """
    return json.dumps(portable(to_dict(report)), indent=2, allow_nan=False) + "\n"


def schema() -> Json:
    """The JSON Schema (2020-12) of what ``to_json`` gives."""
    from importlib import resources  # dear to import, and few need the schema

    text = resources.files("memdiag.report").joinpath("report.schema.json").read_text("utf-8")
    return cast(Json, json.loads(text))


def to_dict(report: Report) -> Json:
    """The report as plain dicts, lists, strings and numbers, by the names of the contract."""
    return {
        "schema": SCHEMA_NAME,
        "command": report.command,
        "verdict": report.verdict,
        "headline": report.headline,
        "tracer": report.tracer,
        "target": _target(report.target),
        "samples": [_sample(sample) for sample in report.samples],
        "findings": [_finding(finding) for finding in report.findings],
        "rows": [_row(row) for row in (*report.rows, *report.changes)],
        "survival": _survival(report.survival) if report.survival else None,
        "rounds": _rounds(report.rounds) if report.rounds else None,
        "tuning": [_trial(row) for row in report.tuning.rows] if report.tuning else None,
        "tuning_noise": report.tuning.noise if report.tuning else None,
        "advice": list(report.tuning.advice) if report.tuning else [],
        "account": account_json(report.account) if report.account else None,
        "awaiting_bytes": report.awaiting_bytes,
        "gate": _gate(report.gate),
        "baseline": _baseline(report.baseline) if report.baseline else None,
        "ignored": [_ignored(one) for one in report.ignored],
        "held": [_held(one) for one in report.held],
        "before": report.before,
        "after": report.after,
        "before_runs": report.before_runs,
        "after_runs": report.after_runs,
        "notes": list(report.notes),
        "saved": report.saved,
        "next_steps": list(report.next_steps),
    }


def _target(target: TargetInfo) -> Json:
    return {
        "argv": list(target.argv),
        "python": target.python,
        "executable": target.executable,
        "platform": target.platform,
        "directory": target.directory,
        "exit_status": target.exit_status,
        "duration_s": target.duration_s,
    }


def _sample(sample: Sample) -> Json:
    return {
        "t_s": sample.t_s,
        "rss_bytes": sample.rss_bytes,
        "uss_bytes": sample.uss_bytes,
        "heap_objects": sample.heap_blocks,
        "heap_bytes": sample.heap_bytes,
        "tracer_bytes": sample.tracer_bytes,
        "tracked_objects": sample.tracked_objects,
        "gc_collections": sample.gc_collections,
        "gc_collected": sample.gc_collected,
        "fds": sample.fds,
        "threads": sample.threads,
        "children": sample.children,
    }


def _finding(finding: Finding) -> Json:
    holder, growing = finding.holder, finding.growing
    return {
        "id": finding.id,
        "kind": finding.kind,
        "pattern": finding.pattern,
        "rule": finding.rule,
        "verdict": finding.verdict,
        "confidence": finding.confidence,
        "title": finding.title,
        "holder": {"path": holder.path, "type": holder.type, "owner": holder.owner, "module": holder.module}
        if holder
        else None,
        "growing": {
            "type": growing.type,
            "counts": list(growing.counts),
            "bytes": list(growing.bytes),
            "per_second": growing.per_second,
            "per_operation": growing.per_operation,
        },
        "retained_bytes": finding.retained_bytes,
        "sites": [_site(site) for site in finding.sites],
        "cycle": _cluster(finding.cycle) if finding.cycle else None,
        "why": finding.why,
        "fix": finding.fix,
        "known": finding.known,
        "ignored": finding.ignored,
        **({"status": finding.status} if finding.status else {}),
    }


def _site(site: Site) -> Json:
    return {
        "file": site.file,
        "line": site.line,
        "function": site.function,
        "bytes": site.bytes,
        "count": site.count,
        "source": site.source,
    }


def _row(row: Row) -> Json:
    return {
        "kind": row.kind,
        "by": row.kind,
        "name": row.name,
        "fingerprint": row.id,
        "site": _site(row.site),
        "type": row.type,
        "before_bytes": row.before_bytes,
        "after_bytes": row.after_bytes,
        "growth_bytes": row.growth_bytes,
        "before_blocks": row.before_blocks,
        "after_blocks": row.after_blocks,
        "growth_blocks": row.growth_blocks,
        "status": row.status,
        "series_bytes": list(row.series_bytes),
        "trend": row.trend,
        "arena": row.arena,
        "evidence": row.evidence,
        "noise": row.noise,
    }


def _cluster(cluster: CycleCluster) -> Json:
    return {
        "path": cycle_line(cluster),
        "shape": list(cluster.shape),
        "edges": list(cluster.edges),
        "count": cluster.count,
        "objects": cluster.objects,
        "size_bytes": cluster.size_bytes,
        "state": cluster.state,
        "holder": cluster.holder,
        "own": cluster.own,
        "pattern": cluster.pattern,
        "retained_objects": cluster.retained_objects,
        "retained_bytes": cluster.retained_bytes,
        "is_key": cluster.is_key,
        "passes": cluster.passes,
        "during_run": cluster.during_run,
        "revived": cluster.revived,
        "finalizer": cluster.finalizer,
        "others": list(cluster.others),
        "holder_counts": list(cluster.holder_counts),
        "holder_trend": cluster.holder_trend,
        "holder_limit": cluster.holder_limit,
        "cuts": [_cut(cut) for cut in cluster.cuts],
        "sites": [_site(site) for site in cluster.sites],
        "sites_inferred": cluster.sites_inferred,
    }


def _cut(cut: Cut) -> Json:
    return {
        "reference": cut.reference,
        "freed_objects": cut.freed_objects,
        "freed_bytes": cut.freed_bytes,
        "of_objects": cut.of_objects,
        "recommended": cut.recommended,
        "reason": cut.reason,
        "outside": cut.outside,
        "sites": [_site(site) for site in cut.sites],
    }


def _survival(survival: CycleEvidence) -> Json:
    moment = survival.moment
    return {
        "created": survival.created,
        "passes": [
            {
                "pass": one.number,
                "collected": one.collected,
                "surviving": one.surviving,
                "freed_objects": one.freed_objects,
            }
            for one in survival.passes
        ],
        "surviving": survival.surviving,
        "survival_rate": survival.survival_rate,
        "gc_effectiveness": survival.gc_effectiveness,
        "cleanup_effectiveness": survival.cleanup_effectiveness,
        "growth_under_load_bytes": survival.growth_under_load_bytes,
        "passes_needed": survival.passes_needed,
        "uncollectable": survival.uncollectable,
        "uncollectable_types": [{"type": name, "count": count} for name, count in survival.uncollectable_types],
        "by_type": [{"type": row.type, "created": row.created, "surviving": row.surviving} for row in survival.by_type],
        "clusters": [_cluster(cluster) for cluster in survival.clusters],
        "moment": {"t_s": moment.t_s, "label": moment.label, "worked_s": moment.worked_s},
        "reclaimed_before": survival.reclaimed_before,
        "library_objects": survival.library_objects,
        "gc_enabled": survival.gc_enabled,
        "gc_debug": survival.gc_debug,
        "collector": _collector(survival.collector) if survival.collector.generations else None,
    }


def _collector(cost: CollectorCost) -> Json:
    return {
        "share": cost.share,
        "seconds": cost.seconds,
        "active_s": cost.active_s,
        "thresholds": list(cost.thresholds),
        "frozen": cost.frozen,
        "generations": [
            {
                "generation": one.generation,
                "collections": one.collections,
                "seconds": one.seconds,
                "longest_s": one.longest_s,
                "collected": one.collected,
            }
            for one in cost.generations
        ],
    }


def _trial(row: TrialRow) -> Json:
    setting = row.setting
    return {
        "setting": setting.name,
        "thresholds": list(setting.thresholds) or None,
        "freeze": setting.freeze,
        "off": setting.off,
        "repeats": row.repeats,
        "wall_s": row.wall_s,
        "cpu_s": row.cpu_s,
        "wall_ratio": row.wall_ratio,
        "cpu_ratio": row.cpu_ratio,
        "collector_share": row.collector_share,
        "collections": row.collections,
        "longest_pause_s": row.longest_pause_s,
        "pause_ratio": row.pause_ratio,
        "peak_rss_bytes": row.peak_rss_bytes,
        "rss_ratio": row.rss_ratio,
        "frozen": row.frozen,
        "left_out": row.left_out,
    }


def _rounds(rounds: Rounds) -> list[Json]:
    rows = zip(rounds.calls, rounds.heap_objects, rounds.heap_bytes, strict=True)
    return [{"calls": calls, "heap_objects": objects, "heap_bytes": size} for calls, objects, size in rows]


def _gate(gate: Gate) -> Json:
    breaches = [{"limit": one.limit, "measured": one.measured, "where": one.where} for one in gate.breaches]
    return {"passed": gate.passed, "breaches": breaches, "conditions": list(gate.conditions)}


def _baseline(baseline: Compared) -> Json:
    gone = [{"id": name, "title": title} for name, title in baseline.gone]
    return {"name": baseline.name, "known": baseline.known, "gone": gone}


def _held(one: Held) -> Json:
    return {
        "package": one.package,
        "before_bytes": one.before_bytes,
        "after_bytes": one.after_bytes,
        "growth_bytes": one.growth_bytes,
        "where": one.where,
    }


def _ignored(one: Ignored) -> Json:
    return {
        "rule": one.rule,
        "reason": one.reason,
        "hidden": one.hidden,
        "expires": one.expires,
        "expired": one.expired,
    }


def portable(value: Any) -> Any:
    """The value with what JSON cannot carry everywhere put differently (see ``to_json``)."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: portable(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [portable(item) for item in value]
    return value
