"""The keys of a running server: a rotation is followed without a restart, and a torn file loses nothing."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.kits import chat_kit, in_loop
from tornado_wssec.errors import KeyFileError
from tornado_wssec.keeper import KeyKeeper
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.kit import HeldKeys

DAY = 86_400.0


def ring() -> KeyRing:
    """One key, current."""
    return KeyRing().generate(now=NOON)


def keeper_of(source: Any, compromised: list[frozenset[str]] | None = None) -> KeyKeeper:
    """A keeper that has started."""
    keeper = KeyKeeper(source, (compromised if compromised is not None else []).append)
    keeper.start()
    return keeper


@in_loop
async def test_keeper_follows_a_rotation() -> None:
    """The next look takes over what the file says; what has not changed is not read again."""
    source = HeldKeys(ring())
    keeper = keeper_of(source)
    first = keeper.ring.current
    assert await keeper.look()
    source.ring = source.ring.rotate(NOON, DAY)
    assert first.kid == keeper.ring.current.kid
    assert await keeper.look()

    assert source.ring.current.kid == keeper.ring.current.kid
    assert keeper.ring.verifying(first.kid, NOON + 1) is not None


TORN = ["", "{", '{"keys": ', "[]", '{"keys": [{"kty": "oct"}]}', "\x00" * 64]


@pytest.mark.parametrize("torn", TORN, ids=ascii)
@in_loop
async def test_keeper_torn_file(torn: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that cannot be read leaves the last good keys in force and says so; a whole one is taken over again."""
    file = KeyFile(tmp_path / "keys.json")
    file.create(ring())
    keeper = keeper_of(file)
    kid = keeper.ring.current.kid
    good = (tmp_path / "keys.json").read_text()
    (tmp_path / "keys.json").write_text(torn)

    assert not await keeper.look()
    assert kid == keeper.ring.current.kid
    assert "the keys read before stay in force" in caplog.text
    (tmp_path / "keys.json").write_text(good)
    assert await keeper.look()
    assert kid == keeper.ring.current.kid


@pytest.mark.parametrize("how", ["gone", "open to all"])
@in_loop
async def test_keeper_file_that_is_not_ours_any_more(how: str, tmp_path: Path) -> None:
    """So with a file that is gone, or that others may read."""
    file = KeyFile(tmp_path / "keys.json")
    file.create(ring())
    keeper = keeper_of(file)
    kid = keeper.ring.current.kid
    (tmp_path / "keys.json").unlink() if how == "gone" else (tmp_path / "keys.json").chmod(0o644)

    assert not await keeper.look()
    assert kid == keeper.ring.current.kid


def test_keeper_does_not_start_without_keys(tmp_path: Path) -> None:
    """A missing file at the start is a refusal, not an empty ring."""
    with pytest.raises(KeyFileError):
        keeper_of(KeyFile(tmp_path / "none.json"))


@in_loop
async def test_keeper_takes_over_what_is_published() -> None:
    """A node without a key file verifies by the published halves, and learns of a compromise by them."""
    compromised: list[frozenset[str]] = []
    keeper, own = keeper_of(None, compromised), ring()
    kid = own.current.kid
    await keeper.publish(json.dumps(own.public_document()))
    assert keeper.ring.verifying(kid, NOON) is not None
    withdrawn = own.rotate(NOON, DAY).retire(kid, NOON, compromised=True)
    await keeper.publish(json.dumps(withdrawn.public_document()))

    assert None is keeper.ring.verifying(kid, NOON)
    assert frozenset({kid}) == compromised[-1]


@in_loop
async def test_keeper_trusts_no_compromised_key_again() -> None:
    """Neither an older file nor an older document brings it back."""
    own = ring()
    kid = own.current.kid
    withdrawn = own.rotate(NOON, DAY).retire(kid, NOON, compromised=True)
    source = HeldKeys(withdrawn)
    keeper = keeper_of(source)
    await keeper.publish(json.dumps(own.public_document()))
    assert None is keeper.ring.verifying(kid, NOON)
    source.ring = own
    await keeper.look()

    assert None is keeper.ring.verifying(kid, NOON)


FOREIGN = [
    "",
    "x",
    "null",
    "[]",
    "1",
    '{"keys": 1}',
    '{"keys": [1]}',
    '{"keys": [{"kty": "oct", "k": "AAAA"}]}',
    "[" * 99_999,
]


@pytest.mark.parametrize("document", FOREIGN, ids=lambda text: ascii(text)[:40])
@in_loop
async def test_k14_document_that_is_not_ours(document: str, caplog: pytest.LogCaptureFixture) -> None:
    """What somebody else has put there changes nothing, and is told."""
    keeper = keeper_of(HeldKeys(ring()))
    before = keeper.ring
    await keeper.publish(document)

    assert before is keeper.ring
    assert ["tornado_wssec.keeper"] == [record.name for record in caplog.records if record.levelno == logging.ERROR]


@in_loop
async def test_keeper_rotation_while_connected_loses_nobody() -> None:
    """Sockets, tokens and tickets of the old key go on; new tokens are signed by the new one."""
    async with chat_kit() as kit:
        token, ticket = kit.token("ann"), await kit.ticket("/ws", "bob")
        ann = await kit.connect("/ws", token=token)
        for _ in range(3):
            kit.keys.ring = kit.keys.ring.rotate(kit.clock.wall, kit.guard.rules.max_lifetime)
            await kit.advance(1)
            await ann.assert_nothing_received()
        await kit.connect("/ws", token=token)
        await kit.connect(f"/ws?ticket={ticket}", token="")
        await ann.request("wssec.refresh", {"token": kit.token("ann")})
        kids = {live.session.identity.key_id for live in kit.guard.hub}

        assert kit.keys.ring.current.kid in kids
        assert 4 == len(kit.guard.public_keys()["keys"])
