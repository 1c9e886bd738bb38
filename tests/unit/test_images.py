"""What the probe knows of the images that are still being walked."""

from __future__ import annotations

from collections.abc import Callable

from memdiag.probe.image import Images
from memdiag.probe.recorder import Recorder


class Contended(Images):
    """Whose other thread asks the same question whenever this one looks at a file."""

    def __init__(self, recorder: Recorder, there: Callable[[str], bool]) -> None:
        super().__init__(recorder, [], "none")
        self._there, self._nested = there, False

    def _is_there(self, name: str) -> bool:
        if not self._nested:
            self._nested = True
            self._unfinished()
            self._nested = False
        return self._there(name)


def test_both_threads_may_see_that_an_image_is_done(tmp_path: object) -> None:
    images = Contended(Recorder(str(tmp_path), 0.0), lambda name: not name.endswith(".part"))
    images._walked = {1: False, 2: True}
    assert images._unfinished() == 0
