"""What the probe knows of the images that are still being walked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memdiag.launch.image import failures
from memdiag.probe import image
from memdiag.probe.image import Images
from memdiag.probe.native import present
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


def test_what_both_threads_see_to_be_done_is_charged_once(tmp_path: Path) -> None:
    native = present()
    if native is None:
        pytest.skip("there are no images here")
    images = Contended(Recorder(str(tmp_path), 0.0, native), lambda name: not name.endswith(".part"))
    (tmp_path / "walked-1").write_text("0.125")
    images._walked = {1: True}
    images._walks.begin(1, 100_000, 0.5)
    assert images._unfinished() == 0
    assert images._walks.spent == 0.125


def test_what_walks_cost_beside_the_program_bounds_how_many_there_are(tmp_path: Path) -> None:
    native = present()
    if native is None or not native.can_copy:
        pytest.skip("there are no images here")
    recorder = Recorder(str(tmp_path), 0.0, native)
    recorder._started = recorder.now() - 2.0  # the run began two seconds ago
    images = Images(recorder, [], "auto")
    assert images.due()
    for number, cost in ((1, "0.125"), (2, "75")):
        (tmp_path / f"walked-{number}").write_text(cost)
        (tmp_path / f"heap-{number}").touch()
        images._walked[number] = True
        images._walks.begin(number, 10**6, 0.5)
        assert images._unfinished() == 0
        assert images.due() == (number == 1)
    assert images._walks.spent == 75.125


def test_blocks_are_counted_the_more_seldom_the_more_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = Images(Recorder(str(tmp_path), 0.0), [], "none")
    counts = iter((1_000_000, 3_000_000))
    monkeypatch.setattr(image, "_getallocatedblocks", lambda: next(counts))
    assert [images._blocks_in_use(now) for now in (1.0, 1.05, 1.2, 1.4)] == [1_000_000] * 2 + [3_000_000] * 2


def test_an_image_that_was_given_up_is_charged_all_the_same(tmp_path: Path) -> None:
    images = Contended(Recorder(str(tmp_path), 0.0), lambda _: True)
    images._walked = {1: False}
    images._walks.begin(1, 10**6, 0.5)
    assert images._give_up() == 1
    assert images._walks.spent > 0


def test_what_copies_say_of_their_failures(tmp_path: Path) -> None:
    for number, text in enumerate(
        ('{"type": "KeyError", "line": 7}', '{"type": "KeyError", "line": 7}', "{", "[]", "{}")
    ):
        (tmp_path / f"failed-{number}").write_text(text)
    assert failures(tmp_path) == ["a heap snapshot failed (KeyError, line 7): please report it"]
