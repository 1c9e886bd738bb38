"""Cyclic garbage that was there at the end: late where the collector will come for it, lost where it is turned off."""

from __future__ import annotations

from memdiag.analysis.fingerprint import fingerprint
from memdiag.model import Finding, Growing, HeapEvidence
from memdiag.units import counted, format_bytes

_MANY = 500  # objects
_SHARE = 0.05  # of all objects
_LATE_BYTES = 1_000_000


def findings(evidence: HeapEvidence) -> list[Finding]:
    """At most one: what awaits the collector, if there is enough of it to be asked about."""
    objects = evidence.garbage_objects
    if objects < _MANY or objects < _SHARE * evidence.objects[-1]:
        return []
    if evidence.collector_on and evidence.garbage_bytes < _LATE_BYTES:
        return []
    kinds = [(kind, count) for kind, count in evidence.garbage_types if "." in kind] or list(evidence.garbage_types)
    kind, count = kinds[0] if kinds else ("object", objects)
    size = format_bytes(evidence.garbage_bytes)
    share = f"{objects / max(1, evidence.objects[-1]):.0%} of all objects"
    many = counted(objects, "object")
    if evidence.collector_on:
        title = f"{size} of cyclic garbage awaits the collector: {counted(count, kind)} and what they hold"
        why = f"Nothing reaches {many} any more ({share}), so the collector will free them: late, not leaked."
    else:
        title = f"the collector is off, and {size} of cyclic garbage is never freed: {counted(count, kind)}"
        why = f"Nothing reaches {many} any more ({share}), but they hold each other, and gc.disable() was called."
    return [
        Finding(
            id=fingerprint("garbage", kind),
            kind="cycle",
            pattern="cycle",
            rule="MEM-001",
            verdict="info" if evidence.collector_on else "suspect",
            confidence=0.9 if evidence.collector_on else 0.7,
            title=title,
            why=why,
            fix="Break the cycle when an object is done with (a weak reference back, or clear it in close()), so that"
            " it is freed at once. memdiag cycles shows the references that form it.",
            growing=Growing(kind, (count,), (evidence.garbage_bytes,)),
        )
    ]
