"""Line T02 with servers that are processes: each of them has a store of its own kind open, and the tickets are one."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.kits import CHAT, GENEROUS
from tests.stores.kit import PATIENT, in_loop
from tests.stores.redis_kit import prefix_of
from tornado_wssec import Guard
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.url import open_store
from tornado_wssec.testing import RawSocket
from tornado_wssec.testing.kit import AUDIENCE, ISSUER, ORIGIN
from tornado_wssec.testing.raw import handshake_headers

from .sharing import several

TICKETS = 40
RACERS = 3
"""Handshakes with one ticket at each server, all at once."""


@pytest.fixture(params=["sqlite", "redis"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """What the servers and the issuer of the tickets have in common; the store and the keys are made."""
    url = f"sqlite:///{tmp_path}/store.db"
    if request.param == "redis":
        url = f"{request.getfixturevalue('redis_url')}?prefix={prefix_of(tmp_path)}"
    keys = tmp_path / "keys.json"
    KeyFile(keys, None).create(KeyRing().generate(now=time.time()))
    return {
        "WSSEC_STORE": url,
        "WSSEC_KEYS": str(keys),
        "WSSEC_ISSUER": ISSUER,
        "WSSEC_AUDIENCE": AUDIENCE,
        "WSSEC_ORIGINS": ORIGIN,
    }


async def make_store(environment: dict[str, str]) -> None:
    """As `wssec store migrate` does."""
    store = open_store(environment["WSSEC_STORE"], timeouts=PATIENT)
    await store.migrate(time.time())
    await store.close()


async def knock(port: int, ticket: str) -> tuple[RawSocket, int]:
    """A connection, made with a ticket, and the status of its handshake."""
    raw = await RawSocket.open(port)
    answer = await raw.upgrade(f"/ws?ticket={ticket}", handshake_headers(f"127.0.0.1:{port}", origin=ORIGIN))
    return raw, answer.status


@in_loop
async def test_t02_one_ticket_at_two_servers(environment: dict[str, str]) -> None:
    """Of the handshakes that arrive together at two processes exactly one is let in; so for every ticket."""
    await make_store(environment)
    async with (
        several(2, environment) as ports,
        Guard.from_env(environment, registry=CHAT, limits=GENEROUS, timeouts=PATIENT) as issuer,
    ):
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
