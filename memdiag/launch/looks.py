"""The parent's side of a look: reads the heap that the target has written down, and asks for the names it needs.

The target waits for the questions, paused at its end or by the look's own thread, so they are worked out at once.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memdiag.capture import spool
from memdiag.model import CycleEvidence, Moment

_UNWINDING = 0.05  # of the members of cycles: what frameworks and the interpreter make as they end


class LookDesk:
    """Examines each stage of each look as it comes in, and keeps what came of it."""

    def __init__(self, recording: spool.Recording, directory: Path) -> None:
        self._recording = recording
        self._directory = directory
        self._stages: dict[tuple[int, int], Any] = {}
        self._answered = 0

    def answer(self) -> None:
        """Answer the stages that have been written down since the last call."""
        asked = self._recording.headers("ask")
        for header in asked[self._answered :]:
            self._answered += 1
            look, stage, which = int(header["look"]), int(header["stage"]), str(header["which"])
            edges, objects = self._questions(look, stage, which)
            text = " ".join(f"{a}:{b}" for a, b in edges) + "\n" + " ".join(map(str, objects)) + "\n"
            place = self._directory / f"questions-{look}-{stage}-{which}"
            partial = place.with_suffix(".part")
            partial.write_text(text)
            os.replace(partial, place)

    def _questions(self, look: int, stage: int, which: str) -> tuple[list[tuple[int, int]], list[int]]:
        from memdiag.analysis import cycles

        if (look, stage) not in self._stages:
            heap = spool.heap(self._recording, look, stage)
            self._recording.by_kind.pop("heap", None)  # hundreds of megabytes on a large heap; the model has them now
            if heap is None:
                return [], []
            self._stages[look, stage] = cycles.examine(heap)
        return cycles.questions(self._stages[look, stage], waiting_only=which == "waiting")

    def evidence(self) -> list[CycleEvidence]:
        """What each look says, up to the one that counts: the last before which the program still made cycles.

        When a program ends, its long-lived functions do so one after the other, and each takes what it held with it;
        a look after that tells less, and finds next to nothing that is new.
        """
        looks = list(self._each())
        counts, made = 0, 0
        for at, one in enumerate(looks):
            auto = sum(_by_name(self._recording.headers("look")[at]["reclaimed"]).values())
            there = one.created - one.reclaimed_before
            surviving = looks[at - 1].surviving if at else 0
            fresh = auto - made + max(0, there - surviving)
            counts = at if fresh > _UNWINDING * one.created else counts
            made = auto
        ends = [at for at, one in enumerate(looks) if one.moment.label != "every"]
        return looks[: max(counts, *ends[:1], 0) + 1]

    def _each(self) -> Iterator[CycleEvidence]:
        if not self._recording.headers("look"):
            return
        from memdiag.analysis import cycles

        before: Counter[str] = Counter()  # what the passes of earlier looks reclaimed
        for header in self._recording.headers("look"):
            look = int(header["look"])
            stages = {stage: found for (number, stage), found in self._stages.items() if number == look}
            if 0 not in stages:
                continue
            records = [record for record in self._recording.by_kind.get("pass", []) if record.header["look"] == look]
            passes = [
                (int(one["number"]), int(one["freed"]), [(str(module), str(name)) for module, name in one["garbage"]])
                for one in (record.header for record in records)
            ]
            yield cycles.conclude(
                moment=Moment(float(header["t"]), str(header["label"]), float(header["worked"])),
                stages=stages,
                labels=self._labels(look),
                passes=passes,
                reclaimed=_by_name(header["reclaimed"]) + before,
                gc_enabled=bool(header["gc_enabled"]),
                gc_debug=int(header["gc_debug"]),
                in_garbage=records[-1].arrays["garbage"].tolist() if records else (),
            )
            before += cycles.reclaimed_by_passes(stages, passes)

    def _labels(self, look: int) -> dict[int, Any]:
        from memdiag.analysis.paths import Labels

        found: dict[int, Labels] = {}
        for header in self._recording.headers("answers"):
            if header["look"] == look:
                known = found.setdefault(int(header["stage"]), Labels())
                known.edges.update({(source, target): label for source, target, label in header["edges"]})
                known.objects.update(dict(header["objects"]))
        return found


def _by_name(reclaimed: list[tuple[str, str, int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for _, name, count in reclaimed:
        counts[name] += int(count)
    return counts
