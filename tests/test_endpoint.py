"""What a handler class declares, compiled for one guard."""

from typing import Any

import pytest

from schemas import chat
from tests.kits import CHAT, ChatSocket, in_loop
from tornado_wssec import BearerToken, ConfigurationError, Limits, Registry, SecureWebSocketHandler, Ticket, on
from tornado_wssec.endpoint import Endpoint, handled_by
from tornado_wssec.policy.reserved import RESERVED, Signed
from tornado_wssec.settings import KiB
from tornado_wssec.testing import GuardKit

WAYS = (BearerToken(), Ticket())
SMALL = Limits(message_bytes=8 * KiB - 1)


class Line(chat.Send):
    """A line without a cap of its own."""

    class Meta:
        type = "chat.line"
        permission = "chat:write:{room}"


class Narrow(SecureWebSocketHandler):
    """Narrows everything that it may."""

    limits = Limits(message_bytes=200)
    authenticators = ()
    requires = "room:join:{room}"
    subprotocols = ("chat.v2",)

    @on(Line)
    def take_line(self, data: dict[str, Any]) -> None: ...


def test_endpoint_takes_the_guards_settings() -> None:
    """What a class does not say, the guard does."""
    limits = Limits()
    endpoint = Endpoint.of(ChatSocket, CHAT, WAYS, limits)

    assert (WAYS, limits, None, False, False) == (
        endpoint.authenticators,
        endpoint.limits,
        endpoint.requires,
        endpoint.anonymous,
        endpoint.allow_missing_origin,
    )


def test_endpoint_says_it_itself() -> None:
    """What a class says wins, also when it says that there are none."""
    endpoint = Endpoint.of(Narrow, Registry(Line), WAYS, Limits())

    assert ((), 200, ("chat.v2",)) == (
        endpoint.authenticators,
        endpoint.limits.message_bytes,
        endpoint.subprotocols,
    )
    assert endpoint.requires is not None
    assert ("room",) == endpoint.requires.fields


def test_endpoint_accepts_what_it_handles() -> None:
    """Its own types and the protocol's, and nothing else that is declared."""
    endpoint = Endpoint.of(ChatSocket, CHAT, WAYS, Limits())

    reserved = {message.opts.type for message in RESERVED if message is not Signed}
    assert {"chat.send", *reserved} == set(endpoint.pipeline.accepted)
    assert "send_line" == endpoint.methods["chat.send"]


def test_endpoint_one_method_for_several_types() -> None:
    """`@on` may name more than one."""

    class Several(SecureWebSocketHandler):
        @on(chat.Send, chat.Posted)
        def both(self, data: dict[str, Any]) -> None: ...

    assert {"both"} == {handled_by(Several)[message] for message in (chat.Send, chat.Posted)}


@pytest.mark.requirement("R054")
@in_loop
async def test_f03_cap_of_an_endpoint() -> None:
    """The endpoint's cap closes with 1009; one byte less is read."""
    opened = type("Open", (Narrow,), {"requires": None, "authenticators": None})
    async with GuardKit([("/ws", opened)], registry=Registry(Line)) as kit:
        message = '{"type":"chat.line","id":"a","data":{"room":"lobby","text":"hi"}}'
        client = await kit.connect("/ws", permissions=["chat:**"])
        await client.send_text(message.ljust(200))
        assert "reply" == (await client.answer("a"))["type"]
        await client.send_text(message.ljust(201))

        assert "message too big" == await client.assert_closed(1009)


@pytest.mark.requirement("R054")
@pytest.mark.parametrize(("own", "of_guard"), [(Limits(message_bytes=8 * KiB - 1), Limits()), (None, SMALL)])
def test_endpoint_cap_below_that_of_a_type(own: Limits | None, of_guard: Limits) -> None:
    """A type that may be larger than whatever gets in does not start; the remedy names what to raise."""
    small = type("SmallSocket", (ChatSocket,), {"limits": own})
    kit = GuardKit([("/ws", small)], registry=CHAT, limits=of_guard)
    fault = (
        r"Send.Meta.max_bytes: is 8,192, but at SmallSocket .* than 8,191 bytes .*; lower it, or raise message_bytes"
    )

    with pytest.raises(ConfigurationError, match=fault):
        kit.guard.check(kit.app)


def test_endpoint_cap_as_large_as_that_of_a_type() -> None:
    """What just gets in starts; and an endpoint's own cap counts, not the guard's."""
    own = type("OwnSocket", (ChatSocket,), {"limits": Limits(message_bytes=8 * KiB)})
    kit = GuardKit([("/ws", own)], registry=CHAT, limits=SMALL)

    kit.guard.check(kit.app)
