"""What a handler class declares, compiled for one guard."""

from typing import Any

from schemas import chat
from tests.kits import CHAT, ChatSocket, in_loop
from tornado_wssec import BearerToken, Limits, SecureWebSocketHandler, Ticket, on
from tornado_wssec.endpoint import Endpoint, handled_by
from tornado_wssec.policy.reserved import RESERVED, Signed
from tornado_wssec.testing import GuardKit

WAYS = (BearerToken(), Ticket())


class Narrow(ChatSocket):
    """Narrows everything that it may."""

    limits = Limits(message_bytes=200)
    authenticators = ()
    requires = "room:join:{room}"
    subprotocols = ("chat.v2",)


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
    endpoint = Endpoint.of(Narrow, CHAT, WAYS, Limits())

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


@in_loop
async def test_f03_cap_of_an_endpoint() -> None:
    """The endpoint's cap closes with 1009; one byte less is read."""
    async with GuardKit(
        [("/ws", type("Open", (Narrow,), {"requires": None, "authenticators": None}))], registry=CHAT
    ) as kit:
        message = '{"type":"chat.send","id":"a","data":{"room":"lobby","text":"hi"}}'
        client = await kit.connect("/ws", permissions=["chat:**"])
        await client.send_text(message.ljust(200))
        assert "reply" == (await client.answer("a"))["type"]
        await client.send_text(message.ljust(201))

        assert "message too big" == await client.assert_closed(1009)
