"""The plain programs set themselves up, and an interrupted set-up leaves nothing broken."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

import bootstrap

PROJECT = """
[build-system]
requires = ["setuptools"]
[project]
name = "x"
dependencies = ["tornado>=6"]
[tool.ruff]
line-length = 120
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project's folder with nothing but its metadata."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return tmp_path


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that were set up, by a set-up that only writes the marker."""
    folders: list[Path] = []

    def make(folder: Path, python: Path, tree: Path, lock: int) -> None:
        folders.append(folder)
        folder.mkdir(exist_ok=True)
        (folder / bootstrap.MARKER).touch()

    monkeypatch.setattr(bootstrap, "_make", make)
    return folders


def test_bootstrap_sets_up_once(tree: Path, made: list[Path]) -> None:
    """The second run finds what the first has made."""
    first = bootstrap._environment(tree, tree / ".venvs")
    second = bootstrap._environment(tree, tree / ".venvs")

    assert [first.parent.parent] == made
    assert first == second


def test_bootstrap_makes_anew_what_was_interrupted(
    tree: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without its marker is no environment, however much stands in it."""

    def interrupted(folder: Path, *rest: object) -> NoReturn:
        (folder / "bin").mkdir(parents=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "_make", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bootstrap._environment(tree, tree / ".venvs")
    bootstrap._environment(tree, tree / ".venvs")

    assert 1 == len(made)


@pytest.mark.parametrize(
    ("old", "new", "is_kept"),
    [("tornado>=6", "tornado>=7", False), ("setuptools", "hatchling", False), ("120", "100", True)],
)
def test_bootstrap_follows_the_dependencies(tree: Path, made: list[Path], old: str, new: str, is_kept: bool) -> None:
    """A changed dependency asks for another environment, and nothing else in the file does."""
    first = bootstrap._environment(tree, tree / ".venvs")
    (tree / "pyproject.toml").write_text(PROJECT.replace(old, new))
    second = bootstrap._environment(tree, tree / ".venvs")

    assert is_kept == (first == second)


@pytest.mark.parametrize("lacking", ["venv", "ensurepip"])
def test_bootstrap_names_the_command_that_brings_what_is_missing(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a Python comes in pieces, the refusal names the piece and the command."""
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None if name == lacking else name)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "apt-get" else None)
    monkeypatch.setattr(sys, "platform", "linux")

    with pytest.raises(SystemExit, match=rf"without {lacking}\..*\n  apt-get install python3[.0-9]*-venv"):
        bootstrap._refuse_lacking_python()


def test_bootstrap_refuses_an_older_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older Python is told which one is wanted."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))

    with pytest.raises(SystemExit, match=r"Python 3\.11 or later is needed; .* is 3\.10\.1"):
        bootstrap._refuse_lacking_python()


def test_bootstrap_can_be_read_by_an_older_python() -> None:
    """The file parses as Python 3.8 did, or it could not say what is wanted."""
    source = Path(bootstrap.__file__).read_text(encoding="utf-8")

    assert ast.Module is type(ast.parse(source, feature_version=(3, 8)))


def test_bootstrap_works_in_a_copy_where_it_may_not_write(
    tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A tree of somebody else is copied to a private folder, without its environments and its history."""
    home = tmp_path_factory.mktemp("home")
    (tree / ".git").mkdir()
    monkeypatch.setattr(bootstrap, "ROOT", tree)
    monkeypatch.setattr(os, "access", lambda path, mode: path == home)
    monkeypatch.setenv("HOME", str(home))
    copy, environments = bootstrap._places()

    assert home / ".cache" / "tornado_wssec" / "tree" == copy
    assert ["pyproject.toml"] == os.listdir(copy)
    assert environments.parent == copy.parent


@pytest.mark.parametrize("fault", ["link", "open", "stranger"])
def test_bootstrap_refuses_a_private_folder_that_is_not(
    fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder that another user has prepared in /tmp is refused: what lies in it would be run."""
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    user = os.getuid() + (fault == "stranger")
    monkeypatch.setattr(os, "getuid", lambda: user)
    folder = tmp_path / f"wssec-{user}"
    if fault == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777 if fault == "open" else 0o700)

    with pytest.raises(SystemExit, match="belongs to somebody else or others may write to it"):
        bootstrap._private_folder()


def test_bootstrap_hands_on_the_exit_code() -> None:
    """What the program ends with is what the caller sees."""
    program = "import bootstrap, sys; bootstrap._environment = lambda *_: __import__('pathlib').Path(sys.executable)\n"
    program += "bootstrap.run_in_environment('-c', 'raise SystemExit(7)')"
    ended = subprocess.run([sys.executable, "-c", program], cwd=bootstrap.ROOT, check=False)

    assert 7 == ended.returncode


def test_bootstrap_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that fails is shown as it was run; there is no traceback."""
    with pytest.raises(SystemExit, match=r"The set-up failed.*\n  pip install x\n"), bootstrap._telling_failures():
        raise subprocess.CalledProcessError(1, ["pip", "install", "x"])
