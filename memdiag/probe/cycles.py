"""Which reference cycles the program makes, and what the collector does about them.

Collections that happen by themselves are watched: just before one begins, the garbage it will find is worked out in
the same way, and its members of cycles are counted by type, since they are gone afterwards; of cycles of a new make a
snapshot is taken. At a look a snapshot of the heap is taken first; then the passes are performed, with another snapshot
after each that freed anything.
"""

from __future__ import annotations

import gc

from .graph import cycle_members, unreachable
from .image import Images
from .kinds import Homes, is_library, type_name
from .moments import kept_frame
from .recorder import Recorder
from .stillness import briefly

_DEBUG_SAVEALL = gc.DEBUG_SAVEALL
_collect = gc.collect
_get_debug = gc.get_debug
_get_objects = gc.get_objects
_garbage = gc.garbage

_MAX_WATCHED = 3_000_000  # tracked objects
_MOST_MAKES = 6  # of which a snapshot is taken
_MANY = 20  # types in one cycle, from which on they no longer tell its make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _is_own(component: list[object]) -> bool:
    """Whether a cycle is of the program's making: no part of it, or not all of it, comes from the standard library."""
    homes = Homes()
    for item in component:
        homes(item)
    names = [name for name in homes.names if name != "builtins"]
    return not names or not all(map(is_library, names))


class Watch:
    """Counts, by type, the members of cycles that collections during the run reclaim."""

    def __init__(
        self, recorder: Recorder, images: Images, show: Callable[[list[object]], None] = lambda _: None
    ) -> None:
        self._recorder = recorder
        self._images = images
        self._show = show  # to whom else the young objects are of use
        self._reclaimed: dict[tuple[str, str], int] = {}
        self._about_to_go: list[list[tuple[int, tuple[str, str]]]] = []
        self._garbage = 0
        self._makes: set[tuple[tuple[str, str], ...]] = set()
        self.unwatched = 0
        self.disturbed = 0  # collections that came while other threads of the program could run
        self.paused = False

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if self.paused:
            return
        if phase == "start":
            self.disturbed += not briefly(lambda: self._before(info["generation"]))
            if self._is_new() and self._recorder.in_main_thread():
                self._images.garbage()
        else:
            self._after(info["collected"])

    def _before(self, generation: int) -> None:
        objects = _get_objects(generation=0)  # made after the list was filled, so this list is not in it itself
        for older in range(1, generation + 1):
            objects += _get_objects(generation=older)
        if len(objects) > _MAX_WATCHED:
            self.unwatched += 1
            self._about_to_go = []
            return
        self._show(objects)
        garbage = unreachable(objects)
        del objects
        self._garbage = len(garbage)
        self._about_to_go = [
            [(id(item), type_name(type(item))) for item in component]
            for component in cycle_members(garbage)
            if _is_own(component)
        ]

    def _is_new(self) -> bool:
        """Whether there are cycles of a make that was not seen before; nothing of them is held any more."""
        fresh = False
        for component in self._about_to_go:
            if len(self._makes) >= _MOST_MAKES:
                return fresh
            make = tuple(sorted({name for _, name in component}))[:_MANY]
            if make not in self._makes:
                self._makes.add(make)
                fresh = True
        return fresh

    def _after(self, collected: int) -> None:
        components, self._about_to_go = self._about_to_go, []
        if not components:
            return
        all_gone = collected >= self._garbage and not _get_debug() & _DEBUG_SAVEALL
        alive = set() if all_gone else set(map(id, _get_objects()))
        for component in components:
            for key, name in component:
                if key not in alive:
                    self._reclaimed[name] = self._reclaimed.get(name, 0) + 1

    def tell(self) -> list[list[Any]]:
        return [[module, name, count] for (module, name), count in self._reclaimed.items()]


class Looks:
    """Looks at the whole heap, then collects, then looks again."""

    def __init__(self, recorder: Recorder, watch: Watch, images: Images, passes: int) -> None:
        self._recorder = recorder
        self._watch = watch
        self._images = images
        self._passes = passes
        self._number = 0
        self.costs: Callable[[], dict[str, Any]] = dict  # what the collector cost so far

    def look(self, label: str) -> None:
        """Everything the parent needs to judge this moment, in one run of records that carry the look's number."""
        recorder = self._recorder
        self._number += 1
        self._watch.paused = True
        in_use = kept_frame(_get_objects())  # held until the passes are over, as the program held it
        try:
            header = {"look": self._number, "label": label, "t": recorder.active(), "worked": recorder.worked()}
            header.update(gc_enabled=recorder.collector_enabled, gc_debug=_get_debug())
            header.update(unwatched=self._watch.unwatched, disturbed=self._watch.disturbed)
            recorder.write("look", {**header, "costs": self.costs(), "reclaimed": self._watch.tell()})
            self._write_stage(label, 0)
            for number in range(1, self._passes + 1):
                freed = _collect()
                kinds = [type_name(kind) for kind in map(type, _garbage)]
                header = {"look": self._number, "number": number, "freed": freed, "garbage": kinds}
                recorder.write("pass", header, {"garbage": ("Q", list(map(id, _garbage)))})
                if freed or number == 1:  # finalizers may have revived all that it found
                    self._write_stage(label, number)
            recorder.write("looked", {"look": self._number})
        finally:
            self._watch.paused = False
            del in_use

    def _write_stage(self, label: str, stage: int) -> None:
        """The heap as it is now. Where it is walked in place, the program waits for the parent's questions."""
        number = self._images.final(label)
        self._recorder.write("stage", {"look": self._number, "stage": stage, "image": number})
