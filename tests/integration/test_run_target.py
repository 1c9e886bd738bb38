"""What ``memdiag run`` is given, and where it puts things: scripts, modules, code, their arguments; the captures."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from memdiag.capture.load import load
from tests.integration.cli import Cli, checked
from tests.integration.programs import Setting


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = Cli(tmp_path)
    made.write("echo.py", "import sys\nprint(sys.argv[1:], sys.stdin.read())\n")
    return made


# --- the target and its arguments -----------------------------------------------------------------------------


def test_what_follows_the_script_is_the_scripts(cli: Cli) -> None:
    ran = cli(
        "run", "--tracer", "none", "echo.py", "--tracer", "x", "--help", "-o", "--", "-h", setting=Setting(stdin=b"in")
    )
    assert ran.status == 0
    assert ran.stdout == "['--tracer', 'x', '--help', '-o', '--', '-h'] in\n"


@pytest.mark.parametrize("named", [["-m", "package"], ["-m", "package.inner"], ["-mpackage"], ["--module=package"]])
def test_a_module(cli: Cli, named: list[str]) -> None:
    cli.write("package/__init__.py", "")
    cli.write("package/__main__.py", "import sys\nfrom . import inner\nprint(__package__, sys.argv[1:])\n")
    cli.write("package/inner.py", "import sys\nif __name__ == '__main__':\n    print(__package__, sys.argv[1:])\n")
    ran = cli.reported("run", "--tracer", "none", *named, "--json", "x", "--help")
    assert (ran.status, ran.stdout) == (0, "package ['--json', 'x', '--help']\n")
    assert ran.report["target"]["argv"][0] == "-m"


def test_code(cli: Cli) -> None:
    ran = cli.reported("run", "--tracer", "none", "-c", "import sys; print(sys.argv)", "-m", "--limit", "0")
    assert (ran.status, ran.stdout) == (0, "['-c', '-m', '--limit', '0']\n")


def test_a_directory_and_a_zip_with_a_main(cli: Cli) -> None:
    cli.write("application/__main__.py", "print('application')")
    with zipfile.ZipFile(cli.directory / "packed.pyz", "w") as archive:
        archive.writestr("__main__.py", "print('packed')")
    assert cli("run", "--tracer", "none", "application").stdout == "application\n"
    assert cli("run", "--tracer", "none", "packed.pyz").stdout == "packed\n"


# --- where it is put ------------------------------------------------------------------------------------------


def test_json_to_standard_output(cli: Cli) -> None:
    ran = cli("run", "--tracer", "none", "--json", "-", "-c", "pass")
    assert checked(ran.stdout)["command"] == "run"
    assert "saved: " in ran.stderr


def test_captures_are_kept_in_a_directory_that_git_ignores(cli: Cli) -> None:
    ran = cli.reported("run", "--tracer", "none", "echo.py")
    assert [str(path.relative_to(cli.directory)) for path in cli.captures()] == [ran.report["saved"]]
    assert sorted(path.name for path in (cli.directory / ".memdiag").iterdir())[0] == ".gitignore"
    assert len(list((cli.directory / ".memdiag").iterdir())) == 2  # and nothing of the recording is left behind


def test_the_newest_twenty_captures_are_kept(cli: Cli) -> None:
    directory = cli.directory / ".memdiag"
    directory.mkdir()
    for number in range(25):
        (directory / f"old-{number:02}.memdiag").write_bytes(b"")
        os.utime(directory / f"old-{number:02}.memdiag", (1000 + number, 1000 + number))
    (directory / "notes.txt").write_text("not memdiag's")
    assert cli("run", "--tracer", "none", "echo.py").status == 0
    names = [path.name for path in cli.captures()]
    assert len(names) == 20
    assert [name for name in names if name.startswith("old")] == [f"old-{number:02}.memdiag" for number in range(6, 25)]
    assert (directory / "notes.txt").exists()


def test_a_place_of_ones_own(cli: Cli) -> None:
    (cli.directory / "sub").mkdir()
    ran = cli.reported("run", "--tracer", "none", "-o", "sub/mine", "echo.py")
    assert ran.report["saved"] == os.path.join("sub", "mine")
    assert load(cli.directory / "sub" / "mine").target.argv == ("echo.py",)
    assert [path.name for path in (cli.directory / "sub").iterdir()] == ["mine"]
    assert not (cli.directory / ".memdiag").exists()
