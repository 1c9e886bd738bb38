"""The parent's side of a look: reads the heap that the target has written down, asks for the names it needs, and tells.

Each snapshot is examined as it comes in, and its image ended: what is kept of it is free of the graph. Samples in
between are looked at for one thing only: what the variables of the running functions were called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memdiag.capture import heap_file, spool
from memdiag.capture.collector import cost_of
from memdiag.launch.free_memory import Watchman
from memdiag.launch.image import Image
from memdiag.model import CycleEvidence, HeapGraph, Moment, Questions

if TYPE_CHECKING:
    from memdiag.analysis.cycles.survival import Look
    from memdiag.analysis.cycles.telling import Stage
    from memdiag.analysis.cycles.trend import Lengths
    from memdiag.analysis.recall import Remembered

_UNWINDING = 0.05  # of the members of cycles: what frameworks and the interpreter make as they end
_SAMPLE, _GARBAGE = "sample", "garbage"  # labels of snapshots that are no part of a look


@dataclass
class LookDesk:
    """Examines each snapshot as it comes in, and keeps what came of it."""

    recording: spool.Recording
    directory: Path
    _images: list[Image] = field(default_factory=list)
    _stages: dict[int, Stage] = field(default_factory=dict)  # by the number of the image
    _seen: list[Stage] = field(default_factory=list)  # of garbage that was about to go
    _remembered: Remembered = ()  # the running functions at the latest sample
    _lengths: list[Lengths] = field(default_factory=list)  # of the containers, at the samples
    _watchman: Watchman = field(init=False)

    def __post_init__(self) -> None:
        self._watchman = Watchman(self.directory)

    def tend(self, resident_bytes: int | None) -> None:
        """To be called often while the target runs; ``resident_bytes`` is its resident set."""
        self._watchman.mind(resident_bytes or 0)
        self._note_new()
        for image in self._pending():
            if image.is_there:
                self._take(image)

    def conclude(self) -> list[CycleEvidence]:
        """What each look says, up to the one that counts: the last before which the program still made cycles.

        When a program ends, its long-lived functions do so one after the other, and each takes what it held with it;
        a look after that tells less, and finds next to nothing that is new. Afterwards no image is left.
        """
        try:
            self._note_new()
            for image in self._pending():
                image.wait_for_file()
                if image.is_there:
                    self._take(image)
            return self._up_to_the_one_that_counts()
        finally:
            for image in self._images:
                image.bury()

    def _note_new(self) -> None:
        for header in self.recording.headers("image")[len(self._images) :]:
            self._images.append(Image.noted(self.directory, header))

    def _pending(self) -> list[Image]:
        return [image for image in self._images if not image.gone and image.number not in self._stages]

    def _take(self, image: Image) -> None:
        if image.label == _SAMPLE:
            image.end()
            self._note_sample(image)
            image.file.unlink(missing_ok=True)
            return
        self._wait_for_samples(image.number)
        stage = self._examined(image)
        image.end()
        image.gone = True  # the target itself goes on once it has been asked
        image.file.unlink(missing_ok=True)
        if stage is not None and image.label == _GARBAGE:
            self._seen.append(stage)
        elif stage is not None:
            self._stages[image.number] = stage

    def _wait_for_samples(self, number: int) -> None:
        """Those before this one: they tell the names of variables."""
        for image in self._pending():
            if image.number < number and image.label == _SAMPLE:
                image.wait_for_file()
                self._take(image)

    def _note_sample(self, image: Image) -> None:
        from memdiag.analysis.cycles.trend import lengths, thinned
        from memdiag.analysis.recall import remember

        heap = self._heap(image)
        if heap is not None:
            self._remembered = remember(heap)
            self._lengths = thinned([*self._lengths, lengths(heap)])

    def _heap(self, image: Image) -> HeapGraph | None:
        from memdiag.analysis.own import without_probe

        heap = heap_file.read_heap(image.file)
        return None if heap is None else without_probe(heap)

    def _examined(self, image: Image) -> Stage | None:
        from memdiag.analysis.cycles.stage import examine
        from memdiag.analysis.cycles.telling import tell
        from memdiag.analysis.cycles.trend import with_trends
        from memdiag.analysis.recall import recall, remember
        from memdiag.launch.circles import with_lines

        heap = self._heap(image)
        if heap is None:
            image.ask(Questions())  # else the target would wait
            return None
        if image.label == _GARBAGE:
            self._remembered = remember(heap)
        heap = recall(heap, self._remembered)
        found = examine(heap)
        told = with_trends(tell(found, image.ask(found.questions)), heap.moment, self._lengths)
        return with_lines(told, own_files(heap, found.roles.origins))

    # --- looks

    def _up_to_the_one_that_counts(self) -> list[CycleEvidence]:
        looks = list(self._each())
        headers = {int(header["look"]): header for header in self.recording.headers("look")}
        counts, made = 0, 0
        for at, (number, one) in enumerate(looks):
            auto = sum(_by_name(headers[number]["reclaimed"]).values())
            there = one.created - one.reclaimed_before
            surviving = looks[at - 1][1].surviving if at else 0
            fresh = auto - made + max(0, there - surviving)
            counts = at if fresh > _UNWINDING * one.created else counts
            made = auto
        ends = [at for at, (_, one) in enumerate(looks) if one.moment.label != "every"]
        return [one for _, one in looks[: max(counts, *ends[:1], 0) + 1]]

    def _each(self) -> Iterator[tuple[int, CycleEvidence]]:
        if not self.recording.headers("look"):
            return
        from memdiag.analysis.cycles.survival import conclude, reclaimed_by_passes

        before: Counter[str] = Counter()  # what the passes of earlier looks reclaimed
        for header in self.recording.headers("look"):
            look = self._look(header, before)
            if 0 in look.stages:
                yield int(header["look"]), conclude(look)
                before += reclaimed_by_passes(look)

    def _look(self, header: dict[str, Any], before: Counter[str]) -> Look:
        from memdiag.analysis.cycles.survival import Look, Pass

        number = int(header["look"])
        passes = [record for record in self.recording.by_kind.get("pass", []) if record.header["look"] == number]
        return Look(
            moment=Moment(float(header["t"]), str(header["label"]), float(header["worked"])),
            stages={
                int(one["stage"]): self._stages[int(one["image"])]
                for one in self.recording.headers("stage")
                if one["look"] == number and int(one["image"]) in self._stages
            },
            passes=[
                Pass(
                    number=int(one.header["number"]),
                    freed=int(one.header["freed"]),
                    kept=tuple(_bare(str(module), str(name)) for module, name in one.header["garbage"]),
                    kept_ids=tuple(one.arrays["garbage"].tolist()),
                )
                for one in passes
            ],
            reclaimed=_by_name(header["reclaimed"]) + before,
            gc_enabled=bool(header["gc_enabled"]),
            gc_debug=int(header["gc_debug"]),
            unwatched=int(header["unwatched"]),
            disturbed=int(header["disturbed"]),
            collector=cost_of(header["costs"]),
            seen=self._seen,
        )


def own_files(heap: HeapGraph, origins: dict[str, int]) -> list[str]:
    """The source files of the program's own modules."""
    from memdiag.analysis.roles import OWN

    return [module.file for module in heap.modules if module.file and origins.get(module.name) == OWN]


def _bare(module: str, name: str) -> str:
    from memdiag.analysis.cycles.telling import bare_name

    return bare_name(name, module)


def _by_name(reclaimed: list[tuple[str, str, int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for module, name, count in reclaimed:
        counts[_bare(module, name)] += int(count)
    return counts
