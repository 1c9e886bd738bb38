"""Which reference cycles the program makes, and what the collector does about them.

Collections that happen by themselves are watched: just before one begins, the garbage it will find is worked out in
the same way, and its members of cycles are counted by type, since they are gone afterwards. At a look the heap is
written down first; then the passes are performed, and it is written down again after each that freed anything.
"""

from __future__ import annotations

import gc
from os import getppid as _getppid
from time import monotonic as _monotonic
from time import sleep as _sleep

from . import heap
from .graph import cycle_members, unreachable
from .kinds import Homes, is_library, type_name
from .moments import kept_frame
from .recorder import Recorder

_collect = gc.collect
_get_debug = gc.get_debug
_get_objects = gc.get_objects
_garbage = gc.garbage

_MAX_WATCHED = 3_000_000  # tracked objects
_PATIENCE = 120.0  # seconds to wait for the parent's questions; it is asked only while it lives

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

    def __init__(self, recorder: Recorder, show: Callable[[list[object]], None] = lambda _: None) -> None:
        self._recorder = recorder
        self._show = show  # to whom else the young objects are of use
        self._reclaimed: dict[tuple[str, str], int] = {}
        self._about_to_go: list[list[tuple[int, tuple[str, str]]]] = []
        self._garbage = 0
        self.unwatched = 0
        self.paused = False

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if self.paused:
            return
        if phase == "start":
            self._before(info["generation"])
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

    def _after(self, collected: int) -> None:
        components, self._about_to_go = self._about_to_go, []
        if not components:
            return
        alive = set() if collected >= self._garbage else set(map(id, _get_objects()))
        for component in components:
            for key, name in component:
                if key not in alive:
                    self._reclaimed[name] = self._reclaimed.get(name, 0) + 1

    def tell(self) -> list[list[Any]]:
        return [[module, name, count] for (module, name), count in self._reclaimed.items()]


class Looks:
    """Looks at the whole heap, then collects, then looks again."""

    def __init__(self, recorder: Recorder, watch: Watch, passes: int) -> None:
        self._recorder = recorder
        self._watch = watch
        self._passes = passes
        self._number = 0
        self._parent = _getppid()
        self._parent_answers = True

    def look(self, label: str) -> None:
        """Everything the parent needs to judge this moment, in one run of records that carry the look's number."""
        recorder = self._recorder
        self._number += 1
        self._watch.paused = True
        in_use = kept_frame(_get_objects())  # held until the passes are over, as the program held it
        try:
            header = {"look": self._number, "label": label, "t": recorder.active()}
            header["worked"] = recorder.worked()
            header.update(gc_enabled=recorder.collector_enabled, gc_debug=_get_debug(), unwatched=self._watch.unwatched)
            recorder.write("look", {**header, "reclaimed": self._watch.tell()})
            self._write_stage(0, in_use)
            last = 0
            for number in range(1, self._passes + 1):
                freed = _collect()
                kinds = [type_name(kind) for kind in map(type, _garbage)]
                header = {"look": self._number, "number": number, "freed": freed, "garbage": kinds}
                recorder.write("pass", header, {"garbage": ("Q", list(map(id, _garbage)))})
                if freed or number == 1:  # finalizers may have revived all that it found
                    last = number
                    self._write_stage(number, in_use)
            self._ask(_get_objects(), last, "living")
            recorder.write("looked", {"look": self._number})
        finally:
            self._watch.paused = False

    def _write_stage(self, stage: int, in_use: object) -> None:
        """The heap as it is now, and what the parent wants to know of single objects in it."""
        objects = _get_objects()
        header = {"look": self._number, "stage": stage}
        roots = [] if in_use is None else [id(in_use)]
        for record in heap.walk(objects, {**header, "roots": roots}):
            self._recorder.spool.write(record)
        self._ask(objects, stage, "waiting")

    def _ask(self, objects: list[object], stage: int, which: str) -> None:
        """Let the parent ask about garbage while it exists, and about what lives when all has been written down.

        To name the attributes of an instance makes a dictionary for it: a later stage would count that as well.
        """
        header = {"look": self._number, "stage": stage, "which": which}
        self._recorder.write("ask", header)
        questions = self._await_questions(f"questions-{self._number}-{stage}-{which}")
        if questions is not None:
            self._recorder.write("answers", {**header, **heap.answers(objects, questions)})

    def _await_questions(self, name: str) -> dict[str, Any] | None:
        deadline = _monotonic() + _PATIENCE
        while self._parent_answers and _getppid() == self._parent and _monotonic() < deadline:
            text = self._recorder.spool.get(name)
            if text is not None:
                return heap.parse_questions(text)
            _sleep(0.001)
        self._parent_answers = False
        return None
