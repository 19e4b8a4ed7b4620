"""Lines J01 to J26 over real sockets: a token that the verifier refuses opens nothing, and no answer tells why.

The tokens are those that `test_j_tokens.py` shows to the verifier alone.
"""

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.kits import CHAT, GENEROUS, V1, ChatSocket, chat_kit, in_loop, uniform
from tests.policy.rings import ring
from tornado_wssec import Guard, Identity, KeyFileError, TicketRefused, TokenRefused, TokenRules
from tornado_wssec.auth import Credential, Desk, RequestView
from tornado_wssec.policy.key_material import KeyMaterial
from tornado_wssec.testing import GuardKit, Response

from .forgery import b64, forge, good_claims, good_header
from .hostile_tokens import HostileToken, good_token, hostile_tokens

RING = ring()
TRAVELS = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{0,12000}\Z").match
"""What a header and a subprotocol can carry as it stands (RFC 9110 §5.6.2), within the header cap."""


@cache
def tokens(rules: TokenRules, now: float) -> list[HostileToken]:
    """Every hostile token, signed once: a signature by RSA takes its time."""
    return hostile_tokens(RING, rules, now)


def kit_of_all_keys(**options: Any) -> GuardKit:
    """A chat whose guard has a key of each algorithm."""
    kit = chat_kit(limits=GENEROUS, **options)
    kit.keys.ring = RING
    return kit


def as_header(token: str) -> dict[str, Any]:
    """Options of a handshake that shows a token in the Authorization header."""
    return {"extra": [("Authorization", f"Bearer {on_the_wire(token)}")]}


def as_subprotocol(token: str) -> dict[str, Any]:
    """Options of a handshake that shows it beside `wssec.v1`."""
    return {"subprotocols": [*V1, f"wssec.bearer.{on_the_wire(token)}"]}


WAYS: tuple[Callable[[str], dict[str, Any]], ...] = (as_header, as_subprotocol)


def on_the_wire(token: str) -> str:
    """The bytes of a token, as the kit writes headers."""
    return token.encode("utf-8", "surrogatepass").decode("latin-1")


async def asked(kit: GuardKit, **options: Any) -> Response | None:
    """The answer to a handshake; None where the server hung up on it."""
    try:
        _, response = await kit.handshake("/ws", **options)
    except (ConnectionError, EOFError):
        return None
    return response


async def assert_line_refused(line: str) -> None:
    """Claim that every token of a line is refused, with the very answer that no credential at all gets."""
    async with kit_of_all_keys() as kit:
        good, made = good_token(RING, kit.guard.rules, kit.clock.wall), tokens(kit.guard.rules, kit.clock.wall)
        # White space around it is not part of a header's value (RFC 9110 §5.5).
        chosen = [hostile for hostile in made if hostile.line == line and hostile.token.strip() != good]
        nothing = uniform(await kit.assert_handshake_refused(401, "/ws"))

        assert [] != chosen
        for hostile in chosen:
            for way in WAYS:
                answer = await asked(kit, **way(hostile.token))
                if TRAVELS(hostile.token):
                    assert (hostile.what, nothing) == (hostile.what, answer and uniform(answer))
                else:
                    assert (hostile.what, False) == (hostile.what, answer is not None and answer.status == 101)
        assert 0 == len(kit.guard.hub)


@in_loop
async def test_j00_the_token_that_all_are_made_from() -> None:
    """It opens a connection in each of the ways in which the others are shown."""
    async with kit_of_all_keys() as kit:
        answers = [await asked(kit, **way(good_token(RING, kit.guard.rules, kit.clock.wall))) for way in WAYS]

    assert [101, 101] == [answer and answer.status for answer in answers]


@pytest.mark.standard("ASVS 5.0 9.1.2")
@pytest.mark.requirement("R016")
@in_loop
async def test_j01_algorithm_of_nobody() -> None:
    """`none` in any spelling, no algorithm, no signature."""
    await assert_line_refused("J01")


@pytest.mark.standard("ASVS 5.0 9.1.1", "RFC 7515")
@in_loop
async def test_j02_signature_of_something_else() -> None:
    """Another token's, a stranger's, cut, changed, or spelt another way."""
    await assert_line_refused("J02")


@pytest.mark.standard("RFC 8725")
@in_loop
async def test_j03_public_key_as_secret() -> None:
    """What everybody may know signs nothing."""
    await assert_line_refused("J03")


@pytest.mark.standard("ASVS 5.0 9.1.2")
@in_loop
async def test_j04_algorithm_of_another_key() -> None:
    """Allowed somewhere, but not for this key."""
    await assert_line_refused("J04")


@in_loop
async def test_j05_name_of_no_key() -> None:
    """No type but string, no path, no statement, no default."""
    await assert_line_refused("J05")


@pytest.mark.standard("ASVS 5.0 9.1.3")
@in_loop
async def test_j06_header_that_brings_something() -> None:
    """A header beside alg, typ and kid."""
    await assert_line_refused("J06")


@pytest.mark.standard("RFC 7519")
@pytest.mark.requirement("R024")
@in_loop
async def test_j07_end_that_is_none() -> None:
    """Missing, of another type, passed, or too far off."""
    await assert_line_refused("J07")


@pytest.mark.standard("ASVS 5.0 9.2.1")
@pytest.mark.requirement("R016")
@in_loop
async def test_j09_times_that_do_not_fit() -> None:
    """Not yet, or from the future, or from before the store."""
    await assert_line_refused("J09")


@in_loop
async def test_j10_foreign_issuer() -> None:
    """Nearly our issuer is another."""
    await assert_line_refused("J10")


@in_loop
async def test_j11_foreign_audience() -> None:
    """For somebody else, or for whole crowds."""
    await assert_line_refused("J11")


@in_loop
async def test_j12_name_twice() -> None:
    """Two readers could take one each."""
    await assert_line_refused("J12")


@pytest.mark.standard("ASVS 5.0 9.2.2", "RFC 9068")
@pytest.mark.requirement("R016")
@in_loop
async def test_j16_token_of_another_type() -> None:
    """An ID token, a refresh token, a ticket."""
    await assert_line_refused("J16")


@in_loop
async def test_j16_access_token_as_ticket() -> None:
    """A good access token where a ticket belongs is none; nor is a ticket a token, and it is not spent by that."""
    async with chat_kit() as kit:
        token, ticket = kit.token(), await kit.ticket("/ws")
        nothing = uniform(await kit.assert_handshake_refused(401, "/ws"))
        shown = [
            await kit.assert_handshake_refused(401, f"/ws?ticket={token}"),
            await kit.assert_handshake_refused(401, "/ws", subprotocols=[*V1, f"wssec.ticket.{token}"]),
            await kit.assert_handshake_refused(401, "/ws", subprotocols=[*V1, f"wssec.bearer.{ticket}"]),
            await kit.assert_handshake_refused(401, "/ws", token=ticket),
        ]
        bob = await kit.connect("/ws", token="", subprotocols=[*V1, f"wssec.ticket.{ticket}"])

    assert {nothing} == {uniform(answer) for answer in shown}
    assert "wssec.v1" == bob.subprotocol


@in_loop
async def test_j19_subject_that_is_none() -> None:
    """Nothing is normalised; rights that are none refuse the whole token."""
    await assert_line_refused("J19")


@in_loop
async def test_j20_more_than_a_token() -> None:
    """Too large, or too deep."""
    await assert_line_refused("J20")


@in_loop
async def test_j21_identifier_that_is_none() -> None:
    """A jti or sid that a store or a log could misread."""
    await assert_line_refused("J21")


@pytest.mark.parametrize("line", ["J01", "J02", "J03", "J06", "J07", "J10", "J12", "J16", "J19"])
@in_loop
async def test_j24_hostile_refresh(line: str) -> None:
    """In an open connection each of them ends it with 4401, or is no message at all where it could be no token."""
    async with kit_of_all_keys() as kit:
        for hostile in tokens(kit.guard.rules, kit.clock.wall):
            if hostile.line == line:
                client = await kit.connect("/ws", subject="u1")
                await client.send("wssec.refresh", {"token": hostile.token})
                is_text = "\0" not in hostile.token and "\ud800" not in hostile.token
                if is_text and 0 < len(hostile.token) <= 8192:
                    assert (hostile.what, "not authenticated") == (hostile.what, await client.assert_closed(4401))
                else:
                    await client.assert_refused("malformed" if "\ud800" in hostile.token else "invalid")


# --- revocation ---


@pytest.mark.requirement("R076")
@in_loop
async def test_j22_revoked_token() -> None:
    """Its connection closes, it opens none again, and the subject's other token is untouched."""
    async with chat_kit() as kit:
        lost, kept = kit.token("ann", token_id="t-1"), kit.token("ann", token_id="t-2")
        nothing = uniform(await kit.assert_handshake_refused(401, "/ws"))
        first, second = await kit.connect("/ws", token=lost), await kit.connect("/ws", token=kept)
        await kit.guard.revoke(token="t-1")

        assert "access revoked" == await first.assert_closed(4403)
        await second.assert_nothing_received()
        assert nothing == uniform(await kit.assert_handshake_refused(401, "/ws", token=lost))
        await kit.connect("/ws", token=kept)


@in_loop
async def test_j22_revoked_subject() -> None:
    """Tokens up to and including the second of the revocation are refused; a later one is accepted."""
    async with chat_kit() as kit:
        kit.clock.advance(10.2)
        same_second, stranger = kit.token("ann"), await kit.connect("/ws", subject="bob")
        ann = await kit.connect("/ws", token=same_second)
        kit.clock.advance(0.5)
        await kit.guard.revoke(subject="ann")

        await ann.assert_closed(4403)
        await stranger.assert_nothing_received()
        await kit.assert_handshake_refused(401, "/ws", token=same_second)
        await kit.assert_handshake_refused(401, "/ws", token=kit.token("ann"))
        kit.clock.advance(1.0)
        await kit.connect("/ws", subject="ann")


@in_loop
async def test_j22_revoked_key() -> None:
    """Everything that a revoked kid has signed ends, whatever the key file says of it."""
    async with chat_kit() as kit:
        old = kit.keys.ring.current
        before = await kit.connect("/ws", token=kit.token("ann"))
        kit.keys.ring = kit.keys.ring.rotate(kit.clock.wall, kit.guard.rules.max_lifetime)
        await kit.advance(1)
        after = await kit.connect("/ws", token=kit.token("bob"))
        await kit.guard.revoke(key=old.kid)

        await before.assert_closed(4403)
        await after.assert_nothing_received()
        forged = forge(old, good_header(old, kit.guard.rules), good_claims(kit.guard.rules, kit.clock.wall))
        await kit.assert_handshake_refused(401, "/ws", token=forged)


@in_loop
async def test_j22_revoked_between_ticket_and_handshake() -> None:
    """A ticket lets nobody in who has been revoked since it was given."""
    async with chat_kit() as kit:
        ticket = await kit.ticket("/ws", "ann")
        await kit.guard.revoke(subject="ann")

        await kit.assert_handshake_refused(401, f"/ws?ticket={ticket}")


# --- keys ---


@pytest.mark.requirement("R081")
@in_loop
async def test_j23_rotated_key() -> None:
    """A rotation while connected loses nobody; the old key verifies in its overlap and not a second longer."""
    async with chat_kit() as kit:
        old, rules = kit.keys.ring.current, kit.guard.rules
        issued = kit.token("ann")
        ann = await kit.connect("/ws", token=issued)
        kit.keys.ring = kit.keys.ring.rotate(kit.clock.wall, rules.max_lifetime)
        await kit.advance(1)

        await ann.assert_nothing_received()
        await kit.connect("/ws", token=issued)
        assert old.kid != kit.keys.ring.current.kid
        until = kit.keys.ring.verifying(old.kid, kit.clock.wall)
        assert until is not None
        assert until.verify_until is not None
        kit.clock.advance(until.verify_until - kit.clock.wall + 1)
        await kit.guard.watcher.catch_up()
        late = forge(old, good_header(old, rules), good_claims(rules, kit.clock.wall))
        await kit.assert_handshake_refused(401, "/ws", token=late)
        await kit.connect("/ws", token=kit.token("ann"))


@in_loop
async def test_j23_compromised_key() -> None:
    """Live connections of its tokens close with 4403, and nothing that it signed opens another: no token, no ticket."""
    async with chat_kit() as kit:
        old = kit.keys.ring.current
        issued = kit.token("ann")
        ann, ticket = await kit.connect("/ws", token=issued), await kit.ticket("/ws", "ann")
        rotated = kit.keys.ring.rotate(kit.clock.wall, kit.guard.rules.max_lifetime)
        kit.keys.ring = rotated.retire(old.kid, kit.clock.wall, compromised=True)
        await kit.advance(1)

        assert "access revoked" == await ann.assert_closed(4403)
        await kit.assert_handshake_refused(401, "/ws", token=issued)
        await kit.assert_handshake_refused(401, f"/ws?ticket={ticket}")
        await kit.connect("/ws", token=kit.token("ann"))


class SlowBearer:
    """An authenticator that still thinks after the token has been verified."""

    name = "slow"

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    def find(self, request: RequestView) -> Credential | None:
        return Credential(request.query["key"][0], "query") if "key" in request.query else None

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        identity = await desk.identify_token(credential.value)
        self.asked.set()
        await self.go_on.wait()
        return identity


@pytest.mark.parametrize("cause", ["revoked", "compromised"])
@in_loop
async def test_j23_withdrawn_while_the_handshake_runs(cause: str) -> None:
    """What is withdrawn between the verification and 101 is noticed as the connection joins: 4403 at once."""
    slow = SlowBearer()
    async with chat_kit(authenticators=[slow]) as kit:
        kid, token = kit.keys.ring.current.kid, kit.token("ann")
        connecting = asyncio.create_task(kit.connect(f"/ws?key={token}", token=""))
        await slow.asked.wait()
        if cause == "revoked":
            await kit.guard.revoke(subject="ann")
        else:
            rotated = kit.keys.ring.rotate(kit.clock.wall, kit.guard.rules.max_lifetime)
            kit.keys.ring = rotated.retire(kid, kit.clock.wall, compromised=True)
            await kit.advance(1)
        slow.go_on.set()

        assert "access revoked" == await (await connecting).assert_closed(4403)


@pytest.mark.parametrize(
    "secret", [b"secret", bytes(32), b"a" * 64, b"\x01" * 31], ids=["word", "zeros", "letter", "31 bytes"]
)
@in_loop
async def test_j25_weak_secret_in_the_key_file(secret: bytes, tmp_path: Path) -> None:
    """A server whose key file holds one does not start, and says which key."""
    thumbprint = b64(
        hashlib.sha256(json.dumps({"k": b64(secret), "kty": "oct"}, separators=(",", ":")).encode()).digest()
    )
    made = {**RING.current.private_entry(), "kty": "oct", "alg": "HS256", "kid": thumbprint, "k": b64(secret)}
    made = {name: value for name, value in made.items() if name not in ("crv", "x", "d")}
    path = tmp_path / "keys.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"keys": [made]}))
    names = {"issuer": "https://i.example", "audience": "a", "origins": ["https://app.example.com"]}
    guard = Guard.from_env({}, registry=CHAT, keys=str(path), store="memory://", **names)

    with pytest.raises(KeyFileError, match="HS256 secret"):
        await guard.start()
    await guard.stop()


# --- faults of ours ---


@in_loop
async def test_j26_verification_that_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What nobody foresaw is 401 like any other cause, logged once, and the log holds nothing of the token."""

    def fail(_: KeyMaterial, given: str) -> NoReturn:
        raise RuntimeError(given)

    caplog.set_level(logging.DEBUG)
    async with chat_kit() as kit:
        token = kit.token("ann")
        nothing = uniform(await kit.assert_handshake_refused(401, "/ws"))
        monkeypatch.setattr(KeyMaterial, "verify", fail)

        assert nothing == uniform(await kit.assert_handshake_refused(401, "/ws", token=token))
    assert ["tornado_wssec.tokens"] == [record.name for record in caplog.records if record.levelno >= logging.ERROR]
    assert [] == [part for part in token.split(".") if part in caplog.text]


class Failing:
    """An authenticator of the application's own, with a fault."""

    name = "failing"

    def __init__(self, fault: BaseException) -> None:
        self.fault = fault

    def find(self, request: RequestView) -> Credential | None:
        return Credential(request.query["key"][0], "query") if "key" in request.query else None

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        raise self.fault


@pytest.mark.parametrize(
    "fault",
    [RuntimeError("s3cr3t"), KeyError("s3cr3t"), RecursionError("s3cr3t"), TokenRefused("no"), TicketRefused("no")],
    ids=repr,
)
@in_loop
async def test_j26_authenticator_that_fails(fault: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """A fault in an authenticator is answered like any refusal, and logged once, without its message."""
    caplog.set_level(logging.DEBUG)
    async with GuardKit([(r"/ws", ChatSocket)], registry=CHAT, authenticators=[Failing(fault)]) as kit:
        nothing = uniform(await kit.assert_handshake_refused(401, "/ws"))

        assert nothing == uniform(await kit.assert_handshake_refused(401, "/ws?key=s3cr3t"))
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert (0 if isinstance(fault, TokenRefused | TicketRefused) else 1) == len(errors)
    assert "s3cr3t" not in caplog.text
