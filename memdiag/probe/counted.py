"""Looks at the heap on a clock of calls: what is repeated is judged by how much each call leaves behind."""

from __future__ import annotations

from _tracemalloc import is_tracing as _is_tracing
from _tracemalloc import start as _start_tracing
from gc import collect as _collect_once
from os import stat as _stat
from time import perf_counter as _perf_counter
from time import sleep as _sleep

from .recorder import Recorder

_PASSES = 5  # collections after a round, at most
_FRAMES = 6
_PATIENCE = 60.0  # seconds to wait for an image to be written before the next is made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .image import Images


class Counted(Recorder):
    """A recorder both of whose clocks are the judged calls so far."""

    judged = 0

    def active(self) -> float:
        return float(self.judged)

    def worked(self) -> float:
        return float(self.judged)


class Looks:
    """The heap without garbage. The copies are made one after the other: each costs memory while it is walked."""

    def __init__(self, recorder: Counted, images: Images) -> None:
        self._recorder = recorder
        self._images = images
        self._taken = 0
        self._awaited = 0  # the look whose file is not known to be there

    def take(self, label: str) -> None:
        """One look; where it is no ``sample``, whoever reads it may ask what single objects are."""
        recorder = self._recorder
        collect()
        deadline = _perf_counter() + _PATIENCE
        while self._awaited and not self._is_written(self._awaited) and _perf_counter() < deadline:
            _sleep(0.001)
        if not recorder.begin(wait=True):
            return
        self._taken += 1
        self._awaited = self._taken
        try:
            self._images.final(label, asked=label != "sample")
        except Exception as error:
            recorder.fault(label, error)
        finally:
            recorder.end()

    def forget(self) -> None:
        """What was written so far has been read, and may be gone."""
        self._awaited = 0

    def _is_written(self, number: int) -> bool:
        for name in (f"heap-{number}", f"failed-{number}"):
            try:
                _stat(f"{self._recorder.spool.directory}/{name}")
            except OSError:
                continue
            return True
        return False


def collect() -> None:
    """All garbage, also what only finalizers let go of."""
    for _ in range(_PASSES):
        if not _collect_once():
            return


def begin_tracing() -> bool:
    """Trace one round, so that the lines are known; not where the program does so itself."""
    if _is_tracing():
        return False
    _start_tracing(_FRAMES)
    return True
