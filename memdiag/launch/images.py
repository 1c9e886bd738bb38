"""The parent's side of heap snapshots: reads what the images write, asks them for names, and ends them.

An image is a copy of the target and a child of ours. It must not outlive its use, since while it lives the pages that
the program writes to are there twice: of the samples the newest two are kept alive, and what was heard at an end.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from memdiag.capture import heap_file, spool
from memdiag.capture.ends import Standing, settled
from memdiag.launch.free_memory import room_for_a_copy
from memdiag.model import Answers, HeapEvidence, HeapGraph, Questions

if TYPE_CHECKING:
    from memdiag.analysis.census import Census
    from memdiag.analysis.holders import Inquiry
    from memdiag.analysis.recall import Remembered

_KEPT_SAMPLES = 2
_LARGE_FILE = 4 << 20  # bytes; larger files are read while the program runs, so that they need not all be kept
_STUCK_S = 10.0  # an image that has written nothing for so long is not going to
_UNBORN_S = 1.0  # nor one that has not even begun, and sleeps
_ANSWER_S = 30.0
_POLL_S = 0.005
_LESS = 0.97  # of the bytes of a file: an end at which much less is there
_MUCH = 0.3  # of the objects, or bytes, that came during the run
_LEAST_GARBAGE = 64 << 10  # bytes


@dataclass
class _Image:
    number: int
    pid: int  # 0: no image, the target itself stands still
    label: str
    worked: float
    gone: bool = False
    bytes: int = 0  # of its file, once that is there
    reading: Future[tuple[Census, Remembered] | None] | None = None
    asked: bool = False

    @property
    def at_an_end(self) -> bool:
        return self.label != "sample"


@dataclass
class ImageDesk:
    """Follows the images of one run, and makes evidence of what they say."""

    recording: spool.Recording
    directory: Path
    _images: list[_Image] = field(default_factory=list)
    _reader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _asked: dict[int, tuple[Inquiry, Answers]] = field(default_factory=dict)
    _forbidding: bool = False

    def tend(self, resident_bytes: int | None) -> None:
        """To be called often while the target runs; ``resident_bytes`` is its resident set."""
        self._note_new()
        self._mind_the_memory(resident_bytes or 0)
        samples = [one for one in self._images if not one.at_an_end and self._file(one).exists()]
        for image in samples[:-_KEPT_SAMPLES]:
            self._end(image)
            if image.reading is None and self._bytes(image) > _LARGE_FILE:
                image.reading = self._reader.submit(self._read, image)
        for image in self._images:
            waits = image.pid == 0 and image.at_an_end
            if waits and image.number not in self._asked and self._file(image).exists():
                self._inquire(image)

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
        if not late or not samples or samples[-1].gone or not self._file(samples[-1]).exists():
            return None
        come = (
            evidence.heap_bytes[-1] - evidence.heap_bytes[len(evidence.heap_bytes) // 4]
        )  # modules are loaded by then
        return samples[-1] if evidence.garbage_bytes >= max(_MUCH * come, _LEAST_GARBAGE) else None

    def dismiss(self) -> None:
        """End all images, whether or not there was anything to conclude."""
        self._note_new()
        for image in self._images:
            self._end(image)
        self._reader.shutdown()

    def _note_new(self) -> None:
        for header in self.recording.headers("image")[len(self._images) :]:
            label, worked = str(header["label"]), float(header["worked"])
            for image in self._images:
                if image.number == header["given_up"] and not self._file(image).exists():
                    self._end(image)
            self._images.append(_Image(int(header["number"]), int(header["pid"]), label, worked))

    def _bytes(self, image: _Image) -> int:
        image.bytes = image.bytes or max(0, _size(self._file(image)))
        return image.bytes

    def _file(self, image: _Image) -> Path:
        return self.directory / f"heap-{image.number}"

    def _mind_the_memory(self, resident_bytes: int) -> None:
        """A copy costs what the program then writes to, at worst all of it: none is made where that is not free."""
        short = not room_for_a_copy(resident_bytes)
        if short != self._forbidding:
            self._forbidding = short
            sign = self.directory / "no-images"
            sign.touch() if short else sign.unlink(missing_ok=True)
        if short:
            for image in self._images[:-1]:
                self._end(image)

    def _end(self, image: _Image) -> None:
        if image.pid and not image.gone:
            with suppress(ProcessLookupError):
                os.kill(image.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(image.pid, 0)
        image.gone = True

    def _wait_for_files(self) -> None:
        """Until every image has written its file, or is gone, or is stuck."""
        for image in self._images:
            size, since = -1, time.monotonic()
            while not image.gone and not self._file(image).exists():
                with suppress(ChildProcessError):
                    image.gone = os.waitpid(image.pid, os.WNOHANG)[0] != 0
                now = _size(self._file(image).with_suffix(".part"))
                if now != size:
                    size, since = now, time.monotonic()
                elif time.monotonic() - since > (_STUCK_S if now >= 0 or _runs(image.pid) else _UNBORN_S):
                    self._end(image)
                time.sleep(_POLL_S)

    def _last(self) -> _Image | None:
        """The snapshot to judge by: the first of the last ends, after which little was done, else the last there is."""
        there = [image for image in self._images if self._file(image).exists()]
        ends = [image for image in there if image.at_an_end]
        if any(image.label != "exit" for image in ends):
            first = next(image for image in self._images if self._bytes(image))
            standing = [Standing(image.worked, self._bytes(image)) for image in (first, *ends)]
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
        if len(samples) < 2 or self._bytes(end) > max(_LARGE_FILE, _LESS * self._bytes(samples[-1])):
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
            self._file(image).unlink(missing_ok=True)
        return None if graph is None else (census(graph), remember(graph))

    def _graph(self, image: _Image) -> HeapGraph | None:
        from memdiag.analysis.own import without_probe

        graph = heap_file.read_heap(self._file(image))
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
        self._asked[last.number] = (inquiry, self._ask(last, inquiry.questions))
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
        if image.reading is None and self._file(image).exists():
            image.reading = self._reader.submit(self._read, image)

    def _ask(self, image: _Image, questions: Questions) -> Answers:
        place = self.directory / f"questions-{image.number}"
        partial = place.with_suffix(".part")
        partial.write_text(heap_file.questions_text(questions))
        os.replace(partial, place)
        answers = self.directory / f"answers-{image.number}"
        deadline = time.monotonic() + _ANSWER_S
        while not image.gone and time.monotonic() < deadline:
            if answers.exists():
                return heap_file.read_answers(answers) or Answers()
            time.sleep(_POLL_S)
        return Answers()


def _threads(reading: tuple[Census, Remembered]) -> int:
    return len({frame.thread for frame, _ in reading[1]})


def _size(file: Path) -> int:
    """In bytes; -1 where there is none, or none any more: it may be renamed at any time."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return -1


def _runs(pid: int) -> bool:
    """Whether a process has, or waits for, a processor: it may merely be slow."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_SLEEPING
    except psutil.Error:
        return False
