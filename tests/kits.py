"""Kits, limits and claims shared by the tests that speak to a guard over a real socket."""

import json
import logging
from collections.abc import Iterable
from typing import Any, Final

from schemas import chat
from tests.stores.kit import in_loop
from tornado_wssec import Limits, Registry, SecureWebSocketHandler, on
from tornado_wssec.testing import GuardKit, Response

__all__ = ["CHAT", "GENEROUS", "V1", "ChatSocket", "audited", "chat_kit", "in_loop", "settled", "uniform"]

V1: Final = ("wssec.v1",)
"""What a client offers that speaks the protocol."""

PLENTY: Final = 10**9
GENEROUS: Final = Limits(
    attempts_per_second=PLENTY,
    attempts_burst=PLENTY,
    failed_credentials=PLENTY,
    identity_attempts_per_second=PLENTY,
    identity_attempts_burst=PLENTY,
    frames_per_second=PLENTY,
    frames_burst=PLENTY,
    bytes_per_second=PLENTY,
    bytes_burst=PLENTY,
    identity_messages_per_second=PLENTY,
    identity_messages_burst=PLENTY,
    identity_sends_per_second=PLENTY,
    identity_sends_burst=PLENTY,
    error_budget=PLENTY,
    connections_per_address=PLENTY,
    connections_per_subject=PLENTY,
    pending_requests_per_address=PLENTY,
    refusals_logged=PLENTY,
)
"""Budgets that no list of attacks uses up, so that each is refused for its own fault."""

CHAT: Final = Registry.scan("schemas.chat")


class ChatSocket(SecureWebSocketHandler):
    """The chat of the README."""

    @on(chat.Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        await self.publish(f"room:{data['room']}", chat.Posted, {**data, "author": self.identity.subject})
        return {"delivered": True}


def chat_kit(**options: Any) -> GuardKit:
    """A chat at /ws."""
    return GuardKit([(r"/ws", ChatSocket)], registry=CHAT, **options)


def uniform(response: Response) -> tuple[int, bytes, frozenset[tuple[str, str]]]:
    """An answer as its receiver may compare it with another: everything but the date."""
    return response.status, response.body, frozenset(response.headers.items() - {("date", response.headers["date"])})


async def settled(kit: GuardKit, connections: int) -> None:
    """Return once the hub holds this many connections: each question to the server is a turn of its loop."""
    asking = await kit.raw()
    for _ in range(1_000):
        if len(kit.guard.hub) == connections:
            return
        await asking.upgrade("/wssec/live", [("Host", kit.host)])
    raise AssertionError(f"expected {connections} connections, the hub holds {len(kit.guard.hub)}")


def audited(records: Iterable[logging.LogRecord], event: str) -> list[dict[str, Any]]:
    """What the audit says of an event."""
    lines = [json.loads(record.getMessage()) for record in records if record.name == "tornado_wssec.audit"]
    return [line for line in lines if line["event"] == event]
