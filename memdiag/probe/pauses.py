"""What collections cost the program: by generation how often, how long, the longest pause, and what they freed."""

from __future__ import annotations

from gc import get_freeze_count as _get_freeze_count
from gc import get_threshold as _get_threshold

_GENERATIONS = 3  # that gc.callbacks speak of, whatever the collector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Pauses:
    """Sums of what ``gc.callbacks`` tell. Their entry sets ``begun`` as it leaves at a start, the last thing it does.

    At a stop it reads the clock before all else, so nothing of the probe's own is in a pause. What the collection
    itself runs is: finalizers, callbacks of weak references, and the program's own entries behind ours at a start.
    """

    def __init__(self) -> None:
        self._frozen = _get_freeze_count()  # 3.12 begins with some hundreds
        self.begun = 0.0  # by ``perf_counter``; 0 while none is under way that counts
        self._counts = [0] * _GENERATIONS
        self._seconds = [0.0] * _GENERATIONS
        self._longest = [0.0] * _GENERATIONS
        self._collected = [0] * _GENERATIONS

    def count(self, info: dict[str, int], stopped: float) -> None:
        """A collection has stopped, at this moment of ``perf_counter``; one whose start was not seen is left out."""
        begun, self.begun = self.begun, 0.0
        if not begun:
            return
        generation, took = min(info["generation"], _GENERATIONS - 1), stopped - begun
        self._counts[generation] += 1
        self._seconds[generation] += took
        self._collected[generation] += info["collected"]
        if took > self._longest[generation]:
            self._longest[generation] = took

    def tell(self, active: float) -> dict[str, Any]:
        """For a record's header: rows of generation, collections, seconds, longest and collected, and how it is set.

        ``active`` are the seconds of the program's own time in which that was.
        """
        columns = (self._counts, self._seconds, self._longest, self._collected)
        return {
            "generations": [list(row) for row in zip(range(_GENERATIONS), *columns, strict=True)],
            "active": active,
            "thresholds": list(_get_threshold()),
            "frozen": max(0, _get_freeze_count() - self._frozen),
        }
