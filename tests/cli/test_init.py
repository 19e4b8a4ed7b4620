"""`wssec init` makes what a deployment needs, for its owner alone, and touches nothing that exists."""

import json
import os
import stat
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal, read_environment


def test_init_json_says_what_was_made(tmp_path: Path, bare: Terminal) -> None:
    """The shape of --json is stable, and every path in it is absolute."""
    made = bare.json("init", str(tmp_path / "chat"))

    assert {"directory", "environment", "keys", "store", "kid"} == set(made)
    assert str(tmp_path / "chat") == made["directory"]
    assert f"sqlite:///{tmp_path}/chat/wssec.db" == made["store"]


def test_init_makes_everything_for_its_owner_alone(place: Path) -> None:
    """The directory is 0700 and each file in it 0600."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [place, *place.iterdir()]}

    assert 0o700 == modes.pop("deployment")
    assert {"keys.json", "wssec.db", "wssec.env"} <= set(modes)
    assert {0o600} == set(modes.values())


def test_init_environment_works_from_elsewhere(place: Path, tmp_path: Path) -> None:
    """A shell that sources the file has the settings, wherever it stands."""
    script = (
        'set -a; . ./deployment/wssec.env; cd /; printf %s "$WSSEC_STORE $WSSEC_KEYS $WSSEC_ISSUER $WSSEC_AUDIENCE"'
    )

    printed = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert f"sqlite:///{place}/wssec.db {place}/keys.json https://auth.example.com chat" == printed


def test_init_environment_survives_a_blank_in_the_path(tmp_path: Path, bare: Terminal) -> None:
    """What a shell would split is quoted."""
    bare.done("init", str(tmp_path / "my chat"))

    script = 'set -a; . "./my chat/wssec.env"; printf %s "$WSSEC_KEYS"'
    printed = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert f"{tmp_path}/my chat/keys.json" == printed


def test_init_names_issuer_and_audience_after_the_directory(tmp_path: Path, bare: Terminal) -> None:
    """Two deployments that say nothing do not accept each other's tokens."""
    bare.done("init", str(tmp_path / "chat (old)"))

    found = read_environment(tmp_path / "chat (old)" / "wssec.env")

    assert ("chat-old", "chat-old") == (found["WSSEC_ISSUER"], found["WSSEC_AUDIENCE"])


def test_init_leaves_the_origins_to_be_filled_in(place: Path) -> None:
    """Nobody's page may connect until somebody says so."""
    assert "#WSSEC_ORIGINS=https://app.example.com\n" in (place / "wssec.env").read_text()


def test_init_takes_the_current_directory(tmp_path: Path, bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """DIR may be left out."""
    monkeypatch.chdir(tmp_path)

    assert str(tmp_path) == bare.json("init")["directory"]


@pytest.mark.parametrize("name", ["keys.json", "wssec.db", "wssec.env"])
def test_init_refuses_to_overwrite(tmp_path: Path, bare: Terminal, name: str) -> None:
    """A file that exists, or a link to nowhere, is named and stays; nothing else is made."""
    (tmp_path / name).symlink_to("nowhere")

    refused = bare("init", str(tmp_path))

    assert 1 == refused.code
    assert f"{tmp_path / name} exists already" in refused.err
    assert [name] == os.listdir(tmp_path)


def test_init_names_all_that_exists(place: Path, bare: Terminal) -> None:
    """A second run names each of the three, and changes none of them."""
    before = {path.name: path.read_bytes() for path in place.iterdir()}

    refused = bare("init", str(place))

    assert all(f"{place / name}" in refused.err for name in ("keys.json", "wssec.db", "wssec.env"))
    assert before == {path.name: path.read_bytes() for path in place.iterdir()}


def test_init_takes_back_what_it_made_when_it_fails(
    tmp_path: Path, bare: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure half-way leaves the names free for a second try, and other files alone."""
    (tmp_path / "app.py").write_text("")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "wssec.env")

    with monkeypatch.context() as broken:
        broken.setattr(import_module("tornado_wssec.cli.init"), "_write_private", full)
        failed = bare("init", str(tmp_path))

    assert (1, "wssec: wssec.env: No space left on device\n") == (failed.code, failed.err)
    assert ["app.py"] == os.listdir(tmp_path)
    assert 0 == bare("init", str(tmp_path)).code


@pytest.mark.parametrize("name", ["what?", "a#b", "it's", "two\nlines"])
def test_init_refuses_a_directory_that_no_url_can_hold(tmp_path: Path, bare: Terminal, name: str) -> None:
    """A name that would be cut in the store's URL, or end a quote, is a usage error of one line."""
    refused = bare("init", str(tmp_path / name))

    assert (2, 1) == (refused.code, refused.err.count("\n"))
    assert [] == os.listdir(tmp_path)


def test_init_seals_the_keys_with_a_passphrase(tmp_path: Path, bare: Terminal) -> None:
    """WSSEC_KEYS_PASSPHRASE seals the key file, and stands nowhere afterwards."""
    passphrase = "correct horse battery staple"
    (tmp_path / "passphrase").write_text(passphrase + "\n")

    printed = bare.done("init", str(tmp_path / "chat"), WSSEC_KEYS_PASSPHRASE_FILE=str(tmp_path / "passphrase"))

    written = b"".join(path.read_bytes() for path in (tmp_path / "chat").iterdir())
    assert passphrase not in printed
    assert passphrase.encode() not in written
    assert "sealed" in json.loads((tmp_path / "chat" / "keys.json").read_text())


def test_init_ignores_settings_that_it_does_not_use(tmp_path: Path, bare: Terminal) -> None:
    """A command demands only the settings that it uses: another's fault does not stop it."""
    assert 0 == bare("init", str(tmp_path / "chat"), WSSEC_COOKIE_SECRET="short", WSSEC_STORE="nonsense").code
