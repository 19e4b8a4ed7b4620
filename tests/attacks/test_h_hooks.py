"""Authenticators of an application that answer what they should not, and those who show what nobody looks at."""

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from tests.attacks.logins import JSON, WANTS, Browser
from tests.kits import CHAT, GENEROUS, V1, ChatSocket, chat_kit, in_loop, settled
from tornado_wssec import ApiKey, Assertion, Authenticator, BearerToken, FirstMessage, Ticket
from tornado_wssec.auth import Credential, Desk, ProxyHeader, RequestView
from tornado_wssec.policy.identity import Identity
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.raw import CLOSE

SHOWN = [("X-Shown", "something")]


class Anybody(ChatSocket):
    """The chat for everybody."""

    anonymous = True


class Answering:
    """An authenticator that makes this of whatever is shown."""

    name = "answering"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def find(self, request: RequestView) -> Credential | None:
        value = request.header("x-shown")
        return None if value is None else Credential(value, "header")

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        answer: Identity = self.answer
        return answer


@pytest.mark.parametrize("answer", [None, False, "ann", {"subject": "ann"}, Identity], ids=repr)
@pytest.mark.parametrize("ways", [(), (FirstMessage(),)], ids=["alone", "beside a first message"])
@in_loop
async def test_h26_credential_that_proves_nobody_is_refused(answer: Any, ways: tuple[Authenticator, ...]) -> None:
    """What is no identity is 401, like any bad credential: it is not taken for nothing shown, nor is it a failure."""
    handler = ChatSocket if ways else Anybody
    kit = GuardKit([("/ws", handler)], registry=CHAT, limits=GENEROUS, authenticators=[Answering(answer), *ways])
    async with kit:
        await kit.connect("/ws", token="")
        await kit.assert_handshake_refused(401, "/ws", extra=SHOWN)
        await settled(kit, 0 if ways else 1)


@pytest.mark.parametrize(
    "identity",
    [Identity(subject="ann", expires_at=math.inf), Identity(subject="ann", session_id="\ud800")],
    ids=["without an end", "half a surrogate pair"],
)
@in_loop
async def test_h22_connection_that_cannot_be_greeted_is_counted_out(
    identity: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    """An identity that no JSON can tell of ends its connection with 1011, and no place is lost by it."""
    async with chat_kit(limits=GENEROUS, authenticators=[Answering(identity)]) as kit:
        for _ in range(3):
            socket, answer = await kit.handshake("/ws", extra=SHOWN, subprotocols=V1)
            frame = await socket.receive_frame()
            assert (101, CLOSE, 1011) == (answer.status, frame and frame.opcode, frame and _code(frame.payload))
            await socket.send_frame(CLOSE, frame.payload if frame else b"")
        await settled(kit, 0)
        assert (0, 0) == (kit.guard.hub.at_address("127.0.0.1"), kit.guard.hub.of_identity(identity))
    assert 3 == sum("cannot be greeted" in record.message for record in caplog.records)


def _code(payload: bytes) -> int:
    return int.from_bytes(payload[:2])


@pytest.mark.parametrize("seconds", [math.inf, -math.inf, math.nan, True, "1", 10**400], ids=str)
@pytest.mark.parametrize("field", ["issued_at", "expires_at"])
@in_loop
async def test_j07_look_up_that_answers_no_time(field: str, seconds: Any) -> None:
    """An assertion whose times are none names nobody: at the door, and where a ticket is asked for."""

    async def look_up(digest: str) -> Assertion:
        return Assertion(subject="ann", **{field: seconds})

    async with chat_kit(limits=GENEROUS, authenticators=[ApiKey(lookup=look_up)]) as kit:
        key = ("X-Api-Key", "k" * 20)
        await kit.assert_handshake_refused(401, "/ws", extra=[key], subprotocols=V1)
        assert 401 == (await Browser(kit).send("POST", "/wssec/ticket", WANTS, JSON, key)).status
        await settled(kit, 0)


class Cancelling(MemoryStore):
    """Lets out that something of its own was cancelled: at once, or after a while."""

    is_slow = False

    async def take_ticket(self, digest: str, now: float) -> str | None:
        if self.is_slow:
            await asyncio.sleep(0)
        raise asyncio.CancelledError("of something else")


@pytest.mark.parametrize("is_slow", [False, True])
@in_loop
async def test_j26_cancellation_that_a_back_end_lets_out(is_slow: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It is a failure like any other: 401, or 4401 to a first message; nobody is left waiting, and no place is lost."""
    store = Cancelling(wall=lambda: NOON)
    store.is_slow = is_slow
    async with chat_kit(limits=GENEROUS, authenticators=[Ticket(), FirstMessage()], store=store) as kit:
        await kit.assert_handshake_refused(401, "/ws?ticket=x")
        client = await kit.connect("/ws", token="")
        await client.send("wssec.auth", {"ticket": "x"})
        await client.assert_closed(4401)
        await client.close()
        await settled(kit, 0)
        assert (0, 0) == (len(kit.guard.doorstep), kit.guard.doorstep.at_address("127.0.0.1"))
    assert 2 == sum(record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.parametrize("lifetime", [0, -1, math.inf, math.nan])
def test_r022_word_of_a_proxy_ends(lifetime: float) -> None:
    """Nothing that a proxy has vouched for goes on for ever."""
    with pytest.raises(ValueError, match="lifetime"):
        ProxyHeader(lifetime=lifetime)


@in_loop
async def test_h25_credential_where_nobody_looks(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever shows a credential wants to be somebody: where it is switched off he does not come in as nobody."""
    caplog.set_level(logging.DEBUG)

    class Tickets(Anybody):
        authenticators: ClassVar[Sequence[Authenticator]] = (Ticket(query=False),)

    class Headers(Anybody):
        authenticators: ClassVar[Sequence[Authenticator]] = (BearerToken(subprotocol=False),)

    async with GuardKit([("/t", Tickets), ("/h", Headers)], registry=CHAT, limits=GENEROUS) as kit:
        token, ticket = kit.token(), await kit.ticket("/t")
        for path in ("/t", "/h"):
            await kit.connect(path, token="")
            await kit.assert_handshake_refused(401, f"{path}?token={token}")
            await kit.assert_handshake_refused(401, f"{path}?token=")
            await kit.assert_handshake_refused(401, f"{path}?ticket={ticket}")
            await kit.assert_handshake_refused(401, path, subprotocols=[*V1, f"wssec.bearer.{token}"])
        await kit.connect("/t", token="", subprotocols=[*V1, f"wssec.ticket.{ticket}"])
    assert (False, False) == (token in caplog.text, ticket in caplog.text)


@in_loop
async def test_z10_namesake_of_nobody() -> None:
    """Revoking a person who is called `anonymous` closes to nobody what is open to everybody."""
    async with GuardKit([("/ws", Anybody)], registry=CHAT, limits=GENEROUS) as kit:
        namesake = kit.token("anonymous")
        there = await kit.connect("/ws", token="", subprotocols=V1)
        await kit.guard.revoke(subject="anonymous")
        await there.assert_closed(4403)

        await kit.advance(1.0)
        await kit.assert_handshake_refused(401, "/ws", token=namesake)
        client = await kit.connect("/ws", token="", subprotocols=V1)
        await client.assert_refused("unknown_type", "no.such", {})
