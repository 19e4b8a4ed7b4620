"""Twenty thousand refused handshakes from two thousand addresses, and polite clients among them.

The server is one process, the flood another, the polite clients are here. `make soak` does it for longer.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.attacks.test_r_descriptors import connect
from tests.processes.flooding import ADDRESSES, KINDS, flooding
from tests.processes.hardened import LIMITS, Server, running
from tornado_wssec import Timeouts
from tornado_wssec.settings import MiB
from tornado_wssec.testing import Client

FLOOD: Final = 20_000
WARM_UP: Final = 2 * ADDRESSES
"""Twice every address, so that the tables of addresses, which are bounded and kept on purpose, are there before."""
MARGIN_BYTES: Final = 8 * MiB
"""What an allocator keeps of freed memory; a single kilobyte that stayed of each refusal would be 20 MB."""
LINES_A_WINDOW: Final = LIMITS.refusals_logged * (2 * len(KINDS) + len(KINDS) + 1) + 2 * 3 * len(KINDS)
"""Of each kind its lines in the log, the audit and the access log, one kind of Tornado's, and the numbers beside."""
LINES_OF_A_GUEST: Final = 3
"""101, that it came, that it went."""


@dataclass(frozen=True)
class Outcome:
    """What a flood came to."""

    seconds: float
    sent: dict[str, int]
    answered: dict[str, int]
    guests: int
    grown_bytes: int
    before: dict[str, Any]
    after: dict[str, Any]

    def counted(self) -> dict[str, int]:
        """What the server refused meanwhile."""
        before: dict[str, int] = self.before["refusals"]
        return {kind: count - before.get(kind, 0) for kind, count in self.after["refusals"].items()}

    def lines(self) -> int:
        """What it logged meanwhile."""
        before: dict[str, int] = self.before["lines"]
        after: dict[str, int] = self.after["lines"]
        return sum(after.values()) - sum(before.values())

    def most_lines(self) -> float:
        """What it may have logged: in windows that a slow machine has more of."""
        windows = self.seconds // Timeouts().refusal_window + 2
        return windows * LINES_A_WINDOW + self.guests * LINES_OF_A_GUEST


async def be_polite(server: Server, stays: Client, until: asyncio.Future[Any]) -> int:
    """Connect, talk and leave, over and over; how often. One that is refused fails the test.

    Args:
        stays: talks in between.
    """
    guests = 0
    while not until.done():
        client = await connect(server)
        await client.assert_nothing_received()
        await client.close()
        await stays.assert_nothing_received()
        guests += 1
    return guests


async def flood(server: Server, count: int) -> Outcome:
    """What so many refused handshakes come to, with one client that stays and one after another that comes."""
    stays = await connect(server)
    resident, before, began = await server.resident_bytes(), await server.report(), time.monotonic()
    strangers = asyncio.ensure_future(flooding(server.port, count))
    guests = await be_polite(server, stays, strangers)
    told, seconds = strangers.result(), time.monotonic() - began
    await stays.close()
    after, grown = await server.report(), await server.resident_bytes() - resident
    return Outcome(seconds, told["sent"], told["answered"], guests, grown, before, after)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """What the flood came to, once a smaller one had been there."""

    async def scenario() -> Outcome:
        async with running() as server:
            await flood(server, WARM_UP)
            return await flood(server, FLOOD)

    return asyncio.run(scenario())


def test_r03_flood_is_refused_as_it_should_be(outcome: Outcome) -> None:
    """Every handshake got the status of its fault, none was forgotten or hung up on."""
    wanted = {f"{kind} was answered {kind.split()[1]}" for kind, _ in KINDS}

    assert wanted == set(outcome.answered)
    assert FLOOD == sum(outcome.answered.values()) == sum(outcome.sent.values())


@pytest.mark.requirement("R012")
def test_r03_flood_keeps_nobody_out(outcome: Outcome) -> None:
    """Polite clients came, were answered and left all the while; who was in stayed."""
    assert outcome.guests > 10


def test_l02_flood_is_counted_exactly(outcome: Outcome) -> None:
    """By stage and status, as many as were sent."""
    assert outcome.sent == outcome.counted()


def test_l02_flood_leaves_a_bounded_log(outcome: Outcome) -> None:
    """By the time it took, not by how many came."""
    assert outcome.lines() <= outcome.most_lines()
    assert outcome.lines() < FLOOD


def test_r07_flood_leaves_no_memory_behind(outcome: Outcome) -> None:
    """The process is as large as it was before."""
    assert outcome.grown_bytes < MARGIN_BYTES
