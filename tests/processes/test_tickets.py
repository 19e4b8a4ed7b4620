"""Line T02 with servers that are processes: each of them has a store of its own kind open, and the tickets are one."""

import asyncio

import pytest

from tests.kits import CHAT, GENEROUS
from tests.stores.kit import PATIENT, in_loop
from tornado_wssec import Guard
from tornado_wssec.testing import RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

from .sharing import make_store, several

TICKETS = 40
RACERS = 3
"""Handshakes with one ticket at each server, all at once."""


async def knock(port: int, ticket: str) -> tuple[RawSocket, int]:
    """A connection, made with a ticket, and the status of its handshake."""
    raw = await RawSocket.open(port)
    answer = await raw.upgrade(f"/ws?ticket={ticket}", handshake_headers(f"127.0.0.1:{port}", origin=ORIGIN))
    return raw, answer.status


@pytest.mark.requirement("R019")
@in_loop
async def test_t02_one_ticket_at_two_servers(environment: dict[str, str]) -> None:
    """Of the handshakes that arrive together at two processes exactly one is let in; so for every ticket."""
    await make_store(environment)
    async with (
        several(2, environment) as servers,
        Guard.from_env(environment, registry=CHAT, limits=GENEROUS, timeouts=PATIENT) as issuer,
    ):
        ports = [server.port for server in servers]
        for number in range(TICKETS):
            ticket = await issuer.issue_ticket(f"u{number}", path="/ws", origin=ORIGIN)
            asked = ports * RACERS if number % 2 else ports[::-1] * RACERS
            came = await asyncio.gather(*(knock(port, ticket) for port in asked))
            statuses = [status for _, status in came]
            assert (1, len(asked) - 1) == (statuses.count(101), statuses.count(401))
            for raw, _ in came:
                await raw.close()
        for port in ports:
            raw, status = await knock(port, await issuer.issue_ticket("eve", path="/ws", origin=ORIGIN))
            await raw.close()
            assert 101 == status
