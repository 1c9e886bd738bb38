"""The parent's side of a series of heap snapshots: reads what the images write, asks them for names, and ends them.

Of the samples the newest two are kept alive, and what was heard at an end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from memdiag.capture import heap_file, spool
from memdiag.capture.ends import Standing, settled
from memdiag.launch.free_memory import Watchman
from memdiag.launch.image import Image
from memdiag.model import Answers, HeapEvidence, HeapGraph

if TYPE_CHECKING:
    from memdiag.analysis.census import Census
    from memdiag.analysis.holders import Inquiry
    from memdiag.analysis.recall import Remembered

_KEPT_SAMPLES = 2
_LARGE_FILE = 4 << 20  # bytes
_MOST_UNREAD = 256 << 20  # bytes of files; beyond them some are read while the program runs, which slows it
_LESS = 0.97  # of the bytes of a file: an end at which much less is there
_NICE = 12
_UNSEEN = 0.25  # of the program's work, after the last sample
_MUCH = 0.3  # of the objects, or bytes, that came during the run
_LEAST_GARBAGE = 64 << 10  # bytes


@dataclass
class _Image(Image):
    reading: Future[tuple[Census, Remembered] | None] | None = None

    @property
    def at_an_end(self) -> bool:
        return self.label != "sample"


@dataclass
class ImageDesk:
    """Follows the images of one run, and makes evidence of what they say."""

    recording: spool.Recording
    directory: Path
    _images: list[_Image] = field(default_factory=list)
    _reader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, initializer=_give_way))
    _asked: dict[int, tuple[Inquiry, Answers]] = field(default_factory=dict)
    _watchman: Watchman = field(init=False)

    def __post_init__(self) -> None:
        self._watchman = Watchman(self.directory)

    def tend(self, resident_bytes: int | None) -> None:
        """To be called often while the target runs; ``resident_bytes`` is its resident set."""
        self._note_new()
        if self._watchman.mind(resident_bytes or 0):
            for image in self._images[:-1]:
                image.end()
        samples = [one for one in self._images if not one.at_an_end and one.is_there]
        for image in samples[:-_KEPT_SAMPLES]:
            image.end()
        self._read_some([image for image in samples[:-_KEPT_SAMPLES] if image.reading is None])
        for image in self._images:
            waits = image.pid == 0 and image.at_an_end
            if waits and image.number not in self._asked and image.is_there:
                self._inquire(image)

    def _read_some(self, unread: list[_Image]) -> None:
        excess = sum(image.bytes for image in unread) - _MOST_UNREAD
        for image in unread:
            if excess > 0:
                image.reading = self._reader.submit(self._read, image)
                excess -= image.bytes

    def conclude(self) -> HeapEvidence | None:
        """What the snapshots of the whole run show; ``None`` without any. Afterwards no image is left."""
        try:
            self._note_new()
            self._wait_for_files()
            last = self._last()
            evidence = None if last is None else self._evidence(last)
            if last is None or evidence is None:
                return None
            sample = self._in_use_before(last, evidence)
            before = None if sample is None else self._evidence(sample)
            return before if before is not None and before.garbage_bytes * 2 < evidence.garbage_bytes else evidence
        finally:
            self.dismiss()

    def _evidence(self, last: _Image) -> HeapEvidence | None:
        from memdiag.analysis.holders import populations
        from memdiag.analysis.types import type_series

        if last.number not in self._asked and not self._inquire(last):
            return None
        on = next((one["collector"] for one in self.recording.headers("image") if one["number"] == last.number), True)
        how = "image" if last.pid else "paused"
        inquiry, answers = self._asked.pop(last.number)
        evidence = populations(inquiry, answers)
        types = type_series(inquiry.series, inquiry.own_types)
        return dataclasses.replace(evidence, types=types, collector_on=bool(on), how=how)

    def _in_use_before(self, end: _Image, evidence: HeapEvidence) -> _Image | None:
        """The last sample, if much of what had come is garbage at the end, and may have been in use until then.

        Where no end of the program's own was heard, but that of a library's function, as asyncio.run() is, or none:
        what its functions had held is let go of by then, and waits for the collector where it is cyclic.
        """
        samples = [image for image in self._images if not image.at_an_end and image.number < end.number]
        late = "." in end.label or end.label == "exit"
        if not late or not samples or samples[-1].gone or not samples[-1].is_there:
            return None
        come = (
            evidence.heap_bytes[-1] - evidence.heap_bytes[len(evidence.heap_bytes) // 4]
        )  # modules are loaded by then
        return samples[-1] if evidence.garbage_bytes >= max(_MUCH * come, _LEAST_GARBAGE) else None

    def dismiss(self) -> None:
        """End all images, whether or not there was anything to conclude."""
        self._note_new()
        for image in self._images:
            image.end()
        for image in self._images:
            image.bury()
        self._reader.shutdown()

    def _note_new(self) -> None:
        for header in self.recording.headers("image")[len(self._images) :]:
            for image in self._images:
                if image.number in header["given_up"] and not image.is_there:
                    image.end()
            self._images.append(_Image.noted(self.directory, header))

    def _wait_for_files(self) -> None:
        for image in self._images:
            image.wait_for_file()

    def _last(self) -> _Image | None:
        """The snapshot to judge by: the first of the last ends, after which little was done, else the last there is."""
        there = [image for image in self._images if image.is_there]
        ends = [image for image in there if image.at_an_end]
        if any(image.label != "exit" for image in ends):
            first = next(image for image in self._images if image.bytes)
            over = {end["worked"] for end in self.recording.headers("moment") if end.get("loop_over")}
            standing = [Standing(image.worked, image.bytes, image.worked in over) for image in (first, *ends)]
            end = ends[settled(standing[1:], standing[0])]
            return self._with_threads(there, end) or end
        if len(there) > 1 and (self.recording.first("left") or ends) and self._fell(*there[-2:]):
            return there[-2]  # the locals were gone before the probe heard of their end: SystemExit, and 3.10
        return there[-1] if there else None

    def _with_threads(self, there: list[_Image], end: _Image) -> _Image | None:
        """The last sample, if threads of the program have ended since, and with them much of what had come by then.

        In a program that goes on they would, too: a worker is told to end only where the program does.
        """
        samples = [image for image in there if not image.at_an_end and image.number < end.number]
        if len(samples) < 2 or end.worked - samples[-1].worked > _UNSEEN * (end.worked - samples[0].worked):
            return None  # it tells nothing of how the work went on
        if end.bytes > max(_LARGE_FILE, _LESS * samples[-1].bytes):
            return None  # without a look inside, which takes its time where they are large
        first, last = self._reading(samples[0]), self._reading(samples[-1])
        if first is None or last is None or _threads(last) < 2:
            return None
        at_end = self._reading(end)
        if at_end is None or _threads(at_end) >= _threads(last):
            return None
        much = _MUCH * (last[0].objects - first[0].objects)
        return samples[-1] if last[0].objects - at_end[0].objects >= much else None

    def _fell(self, earlier: _Image, later: _Image) -> bool:
        """Whether the program held less at the later one."""
        before, after = self._reading(earlier), self._reading(later)
        return before is not None and after is not None and after[0].objects < before[0].objects

    def _read(self, image: _Image) -> tuple[Census, Remembered] | None:
        """One snapshot, as far as a series needs it; a sample's file is not kept."""
        from memdiag.analysis.census import census
        from memdiag.analysis.recall import remember

        graph = self._graph(image)
        if not image.at_an_end and image.gone:
            image.file.unlink(missing_ok=True)
        return None if graph is None else (census(graph), remember(graph))

    def _graph(self, image: _Image) -> HeapGraph | None:
        from memdiag.analysis.own import without_probe

        graph = heap_file.read_heap(image.file)
        return None if graph is None else without_probe(graph)

    def _inquire(self, last: _Image) -> bool:
        """Work out what may grow up to this snapshot, and have the image name what it needs."""
        from memdiag.analysis.census import census
        from memdiag.analysis.holders import inquire
        from memdiag.analysis.recall import recall

        # The moment of another end is not one of the program's going on.
        samples = [image for image in self._images if image.number < last.number and not image.at_an_end]
        before = self._readings(samples)
        graph = self._graph(last)
        if graph is None:
            return False
        reduced = [found for found in before if found is not None]
        recalled = (recall(graph, remembered) for _, remembered in reversed(reduced))
        graph = next((found for found in recalled if found is not graph), graph)
        inquiry = inquire([*(one for one, _ in reduced), census(graph)], graph)
        self._asked[last.number] = (inquiry, last.ask(inquiry.questions))
        return True

    def _readings(self, images: list[_Image]) -> list[tuple[Census, Remembered] | None]:
        """Of all: the reader goes on from the first one, and this thread towards it from the last."""
        for image in images:
            self._begin_reading(image)
        return [self._reading(image) for image in reversed(images)][::-1]

    def _reading(self, image: _Image) -> tuple[Census, Remembered] | None:
        self._begin_reading(image)
        if image.reading is not None and image.reading.cancel():  # the reader has not come to it yet
            image.reading = Future()
            image.reading.set_result(self._read(image))
        return image.reading.result() if image.reading is not None else None

    def _begin_reading(self, image: _Image) -> None:
        if image.reading is None and image.is_there:
            image.reading = self._reader.submit(self._read, image)


def _give_way() -> None:
    """Let the program have the processor first: this thread has time, as the images have."""
    if sys.platform == "linux":  # elsewhere it would be the priority of the whole process
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _threads(reading: tuple[Census, Remembered]) -> int:
    return len({frame.thread for frame, _ in reading[1]})
