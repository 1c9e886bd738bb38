"""Where captures live: one place, the newest twenty, and an error in time where nothing can be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memdiag.capture import store
from memdiag.capture.store import (
    Retention,
    captures,
    destination,
    expired,
    new_spool,
    prune,
    remove,
    retention,
)
from memdiag.errors import CannotDo, UsageError


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def keep(count: int) -> list[Path]:
    """Captures, the oldest first, whose names sort in another order than their times."""
    store.DIRECTORY.mkdir(exist_ok=True)
    made = []
    for at in range(count):
        path = store.DIRECTORY / f"{(at * 7) % 100:03d}.memdiag"
        path.touch()
        os.utime(path, ns=(at * 10**9, at * 10**9))
        made.append(path)
    return made


# --- destination ----------------------------------------------------------------------------------------------


def test_the_default_place_is_made(tmp_path: Path) -> None:
    place = destination("app", None)
    assert place.parent == tmp_path / ".memdiag"
    assert place.parent.is_dir()
    assert place.suffix == ".memdiag"
    assert "app" in place.name
    assert place.is_absolute()
    assert not place.exists()


def test_it_is_kept_out_of_version_control() -> None:
    destination("app", None)
    assert (store.DIRECTORY / ".gitignore").read_text() == "*\n"


def test_a_gitignore_of_the_users_stays() -> None:
    store.DIRECTORY.mkdir()
    (store.DIRECTORY / ".gitignore").write_text("mine\n")
    destination("app", None)
    assert (store.DIRECTORY / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", "two words", "", "x" * 300, "-rf", "nul\0", "ü.py", "a\nb"]
)
def test_a_name_cannot_lead_elsewhere(name: str, tmp_path: Path) -> None:
    place = destination(name, None)
    assert place.parent == tmp_path / ".memdiag"
    assert place.name.isprintable()
    place.write_bytes(b"x")
    assert captures() == [Path(".memdiag") / place.name]


def test_a_place_of_the_users(tmp_path: Path) -> None:
    assert destination("app", Path("here.memdiag")) == tmp_path / "here.memdiag"
    assert not (tmp_path / ".memdiag").exists()
    (tmp_path / "there").mkdir()
    assert destination("app", tmp_path / "there" / "x") == tmp_path / "there" / "x"


@pytest.mark.parametrize("place", ["no/such/directory/x", ".", "file/x"])
def test_a_place_that_cannot_be(place: str) -> None:
    Path("file").touch()
    with pytest.raises(UsageError) as caught:
        destination("app", Path(place))
    assert place in caught.value.problem
    assert caught.value.next_step
    assert caught.value.exit_status == 2


def test_a_file_in_the_way_of_the_directory() -> None:
    Path(".memdiag").touch()
    with pytest.raises(UsageError) as caught:
        destination("app", None)
    assert "-o" in caught.value.next_step


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(UsageError):
        destination("app", tmp_path / "locked" / "x")


# --- spools ---------------------------------------------------------------------------------------------------


def test_a_spool_is_a_fresh_directory_beside_the_capture() -> None:
    place = destination("app", None)
    one, other = new_spool(place), new_spool(place)
    assert one != other
    assert one.parent == place.parent
    assert list(one.iterdir()) == []
    assert one.stat().st_mode & 0o077 == 0
    assert captures() == []


def test_a_spool_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(CannotDo) as caught:
        new_spool(tmp_path / "gone" / "x.memdiag")
    assert caught.value.exit_status == 3
    assert caught.value.next_step


# --- keeping --------------------------------------------------------------------------------------------------


def test_the_newest_come_first() -> None:
    assert captures() == []
    made = keep(5)
    assert captures() == made[::-1]


def test_the_newest_twenty_are_kept() -> None:
    made = keep(33)
    prune()
    assert sorted(store.DIRECTORY.iterdir()) == sorted(made[-20:])
    prune()
    assert captures() == made[:-21:-1]


@pytest.mark.parametrize("count", [0, 1, 20])
def test_fewer_are_all_kept(count: int) -> None:
    made = keep(count)
    prune()
    assert sorted(captures()) == sorted(made)


def test_only_captures_are_removed() -> None:
    keep(30)
    others = [store.DIRECTORY / name for name in ("notes.txt", ".gitignore", "x.json")]
    for path in others:
        path.touch()
        os.utime(path, ns=(0, 0))
    (store.DIRECTORY / "directory.memdiag").mkdir()
    prune()
    assert all(path.exists() for path in others)
    assert (store.DIRECTORY / "directory.memdiag").is_dir()
    assert len(captures()) == 20


def test_a_link_is_no_capture(tmp_path: Path) -> None:
    """Neither it nor what it leads to is ever removed."""
    elsewhere = tmp_path / "elsewhere.memdiag"
    elsewhere.touch()
    os.utime(elsewhere, ns=(0, 0))
    made = keep(25)
    link = store.DIRECTORY / "link.memdiag"
    link.symlink_to(elsewhere)
    (store.DIRECTORY / "nowhere.memdiag").symlink_to("absent")
    prune()
    assert elsewhere.exists()
    assert link.is_symlink()
    assert captures() == made[:-21:-1]


def test_nothing_is_removed_where_a_link_leads(tmp_path: Path) -> None:
    made = keep(25)
    store.DIRECTORY.rename(tmp_path / "elsewhere")
    store.DIRECTORY.symlink_to("elsewhere")
    assert expired(Retention(0)) == []
    prune(retained=Retention(0))
    assert captures() == made[::-1]


# --- how many, and how long -----------------------------------------------------------------------------------


def test_too_many_and_too_old() -> None:
    made = keep(10)  # recorded at seconds 0 to 9
    assert expired(Retention(4), now=100) == made[5::-1]
    assert expired(Retention(20, 3.0), now=10) == made[6::-1]
    assert expired(Retention(2, 3.0), now=10) == made[7::-1]
    assert expired(Retention(4, 1000.0), now=10) == made[5::-1]
    assert expired(Retention(20, 3.0), now=9) == made[5::-1]  # to the second is not older
    assert expired(Retention(0), now=0) == made[::-1]
    assert expired(Retention(), now=10) == []


def test_pruning_removes_what_has_expired() -> None:
    made = keep(10)
    prune(retained=Retention(3))
    assert captures() == made[:-4:-1]
    remove(made)
    assert captures() == []
    remove(made)  # gone meanwhile


def test_what_a_configuration_says() -> None:
    assert retention({}) == Retention() == Retention(20)
    assert retention({"keep": 5, "target": "x.py"}) == Retention(5)
    assert retention({"keep-days": 30}) == Retention(20, 30 * 86_400)
    assert retention({"keep": 7, "keep-days": 0.5}) == Retention(7, 43_200)


@pytest.mark.parametrize(
    "settings",
    [
        *({"keep": value} for value in (0, -1, 2.5, "20", True, None)),
        *({"keep-days": value} for value in (0, -1, "7d", True, float("nan"), float("inf"))),
    ],
)
def test_what_a_configuration_cannot_say(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        retention(settings)
    assert next(iter(settings)) in caught.value.problem
    assert next(iter(settings)) in caught.value.next_step


def test_a_directory_that_is_not_there_has_no_captures(tmp_path: Path) -> None:
    assert captures(tmp_path / "none") == []
    prune(tmp_path / "none")
