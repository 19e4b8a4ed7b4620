"""The key file: what it reads, what it refuses, and how it follows changes."""

import json
import os
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.policy.rings import NOW, key, material, ring
from tornado_wssec.errors import ConfigurationError, KeyFileError
from tornado_wssec.policy.keys import KeyRing, KeyState
from tornado_wssec.settings import Secret
from tornado_wssec.stores import seal
from tornado_wssec.stores.keyfile import KeyFile

RING = ring("EdDSA", "ES256", "HS256")
PASSPHRASE = Secret("correct horse battery staple")


@pytest.fixture(autouse=True)
def _cheap_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a seal costs is test_seal's subject."""
    monkeypatch.setattr(seal, "SCRYPT_N", 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is; it is not there yet."""
    return tmp_path / "keys.json"


@pytest.fixture
def file(path: Path) -> KeyFile:
    """A key file with the ring in it."""
    made = KeyFile(path)
    made.create(RING)
    return made


def refusal(act: Callable[[], object]) -> str:
    """What the KeyFileError says, without the path."""
    with pytest.raises(KeyFileError) as caught:
        act()
    return str(caught.value).partition(": ")[2]


def overwrite(path: Path, text: str | bytes) -> None:
    """Put something else into the file, its mode as it is."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)


# --- reading and writing ---


@pytest.mark.parametrize(
    "change", [lambda file: file.edit(lambda ring: ring), lambda file: file.reseal(PASSPHRASE)], ids=["edit", "reseal"]
)
def test_file_that_is_missing_is_not_changed(path: Path, change: Callable[[KeyFile], object]) -> None:
    """Where its name was misspelt, nothing is left: no lock either."""
    assert refusal(lambda: change(KeyFile(path))).startswith("is missing")
    assert [] == list(path.parent.iterdir())


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_file_comes_back_as_it_was_written(path: Path, passphrase: Secret | None) -> None:
    """In another process, with private halves, sealed or not."""
    KeyFile(path, passphrase).create(RING)
    read = KeyFile(path, passphrase).load()

    assert (RING, RING.to_jwks()) == (read, read.to_jwks())
    assert (passphrase is None) is (key("EdDSA").kid in path.read_text())


def test_file_is_a_jwk_set(file: KeyFile, path: Path) -> None:
    """Other tools can read it."""

    assert RING.to_jwks() == json.loads(path.read_text())


def test_create_refuses_to_overwrite(file: KeyFile, path: Path) -> None:
    """Keys that are in use are not replaced by a slip."""

    assert "is there already; choose another name, or remove it if no token of its keys is in use" == refusal(
        lambda: KeyFile(path).create(KeyRing())
    )
    assert RING == file.load()


def test_edit_writes_what_the_change_returns(file: KeyFile, path: Path) -> None:
    """And returns it."""
    after = file.edit(lambda before: before.rotate(NOW))

    assert RING.rotate(NOW) == after == KeyFile(path).load()


def test_edit_that_changes_nothing_writes_nothing(file: KeyFile, path: Path) -> None:
    """Nobody else has to read it again."""
    before = path.stat()

    assert RING == file.edit(lambda ring: ring)
    assert (before.st_ino, before.st_mtime_ns) == (path.stat().st_ino, path.stat().st_mtime_ns)


def test_edit_passes_on_what_the_change_raises(file: KeyFile) -> None:
    """With nothing written and the lock released."""
    with pytest.raises(ValueError, match="there is no key 'kid'"):
        file.edit(lambda ring: ring.retire("kid", NOW))

    assert RING == file.edit(lambda ring: ring)


def test_edit_writes_only_what_can_be_read_back(file: KeyFile, path: Path) -> None:
    """A ring whose current key is elsewhere is for verifying, not for the file."""
    elsewhere = ring("EdDSA").rotate(NOW).public_document()
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match="is current, but its private half is not here"):
        file.edit(lambda ring: ring.merge_public(elsewhere))
    assert before == path.read_bytes()


def test_edit_by_many_threads_loses_nothing(file: KeyFile, path: Path) -> None:
    """The lock is between threads, too; one file object may serve several."""
    makers = [threading.Thread(target=file.edit, args=(lambda ring: ring.generate(now=NOW),)) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert len(RING.keys) + 8 == len(KeyFile(path).load().keys)


# --- what is refused ---


@pytest.mark.parametrize(
    "text",
    ["", "\n", "{", '{"keys"', '{"keys":[],"keys":[]}', "\x00" * 300, b"\xff\xfe", "[" * 10_000, "null"],
    ids=["empty", "newline", "torn", "torn later", "twice", "zeros", "UTF-16", "deep", "null"],
)
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_load_refuses_torn_content(path: Path, text: str | bytes, passphrase: Secret | None) -> None:
    """It says the remedy, and the file is left as it is."""
    made = KeyFile(path, passphrase)
    made.create(RING)
    overwrite(path, text)

    assert (
        "is torn, or not one of ours; restore it from a backup; if there is none, make new keys under another name"
        == refusal(made.load)
    )
    assert text == (path.read_bytes() if isinstance(text, bytes) else path.read_text())


@pytest.mark.parametrize("cut", range(1, 12))
def test_load_refuses_what_is_cut_off(file: KeyFile, path: Path, cut: int) -> None:
    """Wherever the end is missing."""
    text = path.read_text()
    overwrite(path, text[: len(text) * cut // 12])

    assert refusal(file.load).startswith("is torn, or not one of ours; ")


@pytest.mark.parametrize("text", ["[]", "7", '"keys"', "{}", '{"keys":{}}', '{"users":[]}'])
def test_load_refuses_foreign_content(file: KeyFile, path: Path, text: str) -> None:
    """Well-formed, and not a JWK Set."""
    overwrite(path, text)

    assert refusal(file.load).startswith("cannot be used; mend it, or restore it from a backup; ")
    assert "is no JWK Set of at most 1,000 keys" in refusal(file.load)


def test_load_tells_every_problem_of_the_keys(file: KeyFile, path: Path) -> None:
    """By place, without quoting a key."""
    document = RING.to_jwks()
    document["keys"][0]["kid"] = "edited"
    document["keys"][1]["state"] = "active"
    overwrite(path, json.dumps(document))

    assert "key file[0]: has no thumbprint for a kid" in refusal(file.load)
    assert "key file[1]: has no state of next, current, retired, compromised" in refusal(file.load)


def test_load_of_a_sealed_file_needs_its_passphrase(path: Path) -> None:
    """None, another, and an empty one are three errors."""
    KeyFile(path, PASSPHRASE).create(RING)

    assert "is sealed; set WSSEC_KEYS_PASSPHRASE or WSSEC_KEYS_PASSPHRASE_FILE" == refusal(KeyFile(path).load)
    assert refusal(KeyFile(path, Secret("another")).load).startswith(
        "does not open: its passphrase is another, or it is damaged; check WSSEC_KEYS_PASSPHRASE, or restore"
    )
    assert "its passphrase is empty; give one, or none at all" == refusal(lambda: KeyFile(path, Secret("")))


def test_load_refuses_plain_text_where_a_passphrase_is_set(file: KeyFile, path: Path) -> None:
    """Whoever could put it there would choose our keys; and a seal that was forgotten is noticed."""

    assert "is not sealed, though a passphrase is set; unset WSSEC_KEYS_PASSPHRASE, or use KeyFile.reseal" == refusal(
        KeyFile(path, PASSPHRASE).load
    )


def test_load_refuses_a_seal_over_something_else(path: Path) -> None:
    """What was sealed is judged like what was not."""
    KeyFile(path, PASSPHRASE).create(RING)
    for text, said in ((b"torn", "is torn, or not one of ours; "), (b"[]", "cannot be used; ")):
        overwrite(path, seal.seal(text, PASSPHRASE))

        assert refusal(KeyFile(path, PASSPHRASE).load).startswith(said)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
@pytest.mark.parametrize(
    "broken",
    [
        lambda text: text[:-1],
        lambda text: text.replace('"kid": "', '"kid": "x'),
        lambda text: text.replace("current", ""),
    ],
    ids=["torn", "kid", "state"],
)
def test_load_leaves_nothing_private_in_a_traceback(
    path: Path, passphrase: Secret | None, broken: Callable[[str], str]
) -> None:
    """Some loggers print the locals of every frame, and a server looks at this file again and again."""
    KeyFile(path, passphrase).create(RING)
    plain = broken(json.dumps(RING.to_jwks())).encode()
    overwrite(path, plain if passphrase is None else seal.seal(plain, passphrase))
    with pytest.raises(KeyFileError) as caught:
        KeyFile(path, passphrase).load()
    caught.value.__traceback__ = caught.value.__traceback__ and caught.value.__traceback__.tb_next
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())

    secrets = [material("EdDSA").private_jwk()["d"], material("HS256").private_jwk()["k"], PASSPHRASE.reveal()]
    assert "in load" in shown
    assert [] == [secret for secret in secrets if secret in shown]


# --- seals ---


@pytest.mark.parametrize("before", [None, PASSPHRASE])
@pytest.mark.parametrize("after", [None, PASSPHRASE, Secret("another")])
def test_reseal_changes_the_seal_and_nothing_else(path: Path, before: Secret | None, after: Secret | None) -> None:
    """From plain to sealed, from one passphrase to another, and back; the file object goes on with it."""
    made = KeyFile(path, before)
    made.create(RING)
    made.reseal(after)

    assert RING == KeyFile(path, after).load() == made.edit(lambda ring: ring)
    assert (after is None) is (key("EdDSA").kid in path.read_text())


def test_reseal_refuses_an_empty_passphrase(file: KeyFile) -> None:
    """An empty seal is none, and nothing was done."""

    assert "its passphrase is empty; give one, or none at all" == refusal(lambda: file.reseal(Secret("")))
    assert RING == file.load()


def test_reseal_that_fails_goes_on_with_the_old_seal(
    file: KeyFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full: the file is as it was, and is read as it was."""
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        assert refusal(lambda: file.reseal(PASSPHRASE)).startswith("cannot be written: ")

    assert RING == file.load() == KeyFile(path).load()


def fail(*_: object) -> None:
    """What a full disk says."""
    raise OSError(28, "No space left on device")


# --- following changes ---


def test_changed_before_the_first_look(file: KeyFile, path: Path) -> None:
    """Nothing was read yet, so everything is new."""
    other = KeyFile(path)

    assert [True, False] == [other.changed(), other.load() == RING and other.changed()]


def test_changed_after_somebody_else_wrote(file: KeyFile, path: Path) -> None:
    """Until it has been read again."""
    other = KeyFile(path)
    other.load()
    file.edit(lambda ring: ring.rotate(NOW))

    assert [False, True] == [file.changed(), other.changed()]
    assert RING.rotate(NOW) == other.load()
    assert not other.changed()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.chmod(0o644), lambda path: path.write_text("{")])
def test_changed_to_something_unreadable(file: KeyFile, path: Path, spoil: Callable[[Path], object]) -> None:
    """Gone, opened to others, torn: it goes on being changed, and refused, until it is mended."""
    kept = path.read_bytes()
    last_good = file.load()
    spoil(path)

    assert file.changed()
    refusal(file.load)
    assert file.changed()

    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    overwrite(path, kept)
    assert (True, last_good) == (file.changed(), file.load())
    assert not file.changed()


def test_changed_costs_one_system_call(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server asks four times a second."""
    monkeypatch.setattr(os, "open", None)

    assert not file.changed()


def test_file_says_where_it_is(file: KeyFile, path: Path) -> None:
    """For messages of whoever holds it; its repr is no place for a passphrase."""

    assert path == file.path
    assert PASSPHRASE.reveal() not in repr(KeyFile(path, PASSPHRASE))
    assert KeyState.CURRENT is file.load().current.state
