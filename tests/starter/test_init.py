"""`wssec init --starter` writes the application, touches nothing that exists, and says what to do next."""

import stat
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.starter.running import read_settings
from tornado_wssec.starter import FOLDER, files


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """A terminal in an empty folder, with no settings."""
    monkeypatch.chdir(tmp_path)
    return Terminal()


def test_init_starter_writes_the_very_files(tmp_path: Path, bare: Terminal) -> None:
    """Byte for byte, each for its owner alone."""
    bare.done("init", "demo", "--starter")

    assert [] == [path for path in files() if (tmp_path / "demo" / path).read_bytes() != (FOLDER / path).read_bytes()]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "demo").rglob("*") if path.is_file()}
    assert {0o600} == modes


def test_init_starter_lets_its_own_page_connect(tmp_path: Path, bare: Terminal) -> None:
    """The origins are those of the page, by both names of this machine, and development is switched on by name."""
    bare.done("init", "demo", "--starter")

    written = read_settings(tmp_path / "demo")
    assert "http://127.0.0.1:8888,http://localhost:8888" == written["WSSEC_ORIGINS"]
    assert "1" == written["CHAT_DEVELOPMENT"]


def test_init_starter_says_what_to_do_next(bare: Terminal) -> None:
    """The command to run, where to look, and what to try, ready to be copied."""
    said = bare.done("init", "my demo", "--starter")

    assert "\n  cd 'my demo' && " in said
    assert " app.py\n" in said
    assert "http://127.0.0.1:8888" in said
    assert "wssec revoke subject ann\n" in said


def test_init_starter_needs_no_change_of_folder_in_place(bare: Terminal) -> None:
    """Where DIR is here, nobody is told to go there."""

    assert "cd " not in bare.done("init", "--starter")


def test_init_starter_json_is_json_alone(bare: Terminal) -> None:
    """A program gets the same object as without the application."""

    assert {"directory", "environment", "keys", "store", "kid"} == set(bare.json("init", "demo", "--starter"))


@pytest.mark.parametrize("name", ["app.py", "static", "schemas", "README.md"])
def test_init_starter_refuses_to_overwrite(tmp_path: Path, bare: Terminal, name: str) -> None:
    """A file or a folder of yours is named and stays; nothing else is made."""
    (tmp_path / name).write_text("mine")

    refused = bare("init", ".", "--starter")

    assert 1 == refused.code
    assert f"{tmp_path / name} exists already" in refused.err
    assert [name] == [path.name for path in tmp_path.iterdir()]


def test_init_starter_takes_back_what_it_made_when_it_fails(
    tmp_path: Path, bare: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk half-way leaves the folder as it was, and a second try succeeds."""
    (tmp_path / "notes.txt").write_text("mine")
    module = import_module("tornado_wssec.cli.init")
    write = module._write_private

    def full_at_the_end(path: Path, text: str) -> None:
        if path.name == "wssec.env":
            raise OSError(28, "No space left on device", "wssec.env")
        write(path, text)

    with monkeypatch.context() as broken:
        broken.setattr(module, "_write_private", full_at_the_end)
        failed = bare("init", ".", "--starter")

    assert 1 == failed.code
    assert ["notes.txt"] == [path.name for path in tmp_path.iterdir()]
    assert 0 == bare("init", ".", "--starter").code
