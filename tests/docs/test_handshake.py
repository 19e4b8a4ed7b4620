"""The page on the handshake tells the order in which the door decides."""

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests.docs.pages import DOCS
from tests.kits import CHAT, ChatSocket
from tornado_wssec import Limits
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.raw import handshake_headers

Decision = tuple[int, str]

SLOW = Limits(attempts_burst=1, attempts_per_second=1.0, connections_per_subject=1)


class Room(ChatSocket):
    requires = "chat:join:{room}"


def told() -> list[Decision]:
    """Status and stage of each row of the page's first table."""
    rows = re.findall(r"^\|[^|]+\|[^|]+\| (\d{3}) \| `(\w+)` \|$", (DOCS / "handshake.md").read_text(), re.MULTILINE)
    return [(int(status), stage) for status, stage in rows]


class Faulty:
    """A request with every fault there is, which are mended one after the other."""

    def __init__(self, kit: GuardKit) -> None:
        self.kit = kit
        self.method = "POST"
        self.version, self.key = "12", "short"
        self.host, self.origin, self.token = "evil.example", "https://evil.example", "none"
        self.extra: Sequence[tuple[str, str]] = (("X-Forwarded-For", "203.0.113.7"),)

    async def send(self) -> int:
        """Send it as it stands; return the status."""
        headers = dict(handshake_headers(self.host, origin=self.origin, token=self.token, extra=self.extra))
        headers |= {"Sec-WebSocket-Version": self.version}
        headers |= {"Sec-WebSocket-Key": self.key} if self.key else {}
        answer = await (await self.kit.raw()).upgrade("/ws/lobby", headers.items(), method=self.method)
        return answer.status


async def mend_one_by_one() -> list[int]:
    """The status after each mending; the last is 101."""
    async with GuardKit([(r"/ws/(?P<room>[a-z]+)", Room)], registry=CHAT, limits=SLOW) as kit:
        faulty = Faulty(kit)
        there = await kit.connect("/ws/lobby", permissions=["chat:join:lobby"])
        kit.clock.advance(31)  # and the store is not looked at
        kit.guard.tick(kit.clock.monotonic)
        statuses = [await faulty.send()]

        async def mended(**changes: Any) -> None:
            vars(faulty).update(changes)
            statuses.append(await faulty.send())

        await mended(method="GET")
        await mended(version="13")
        await mended(key="")
        await mended(host=kit.host)
        await mended(extra=())
        await mended(origin="https://app.example.com")
        await kit.advance(0)
        assert 401 == await faulty.send()  # takes the only attempt of this second
        await mended()
        await kit.advance(1)
        await mended()
        await kit.advance(1)
        await mended(token=kit.token())
        await there.close()
        await kit.advance(1)
        await mended()
        await kit.advance(1)
        await mended(token=kit.token(permissions=["chat:join:lobby"]))
        return statuses


def test_handshake_order_is_that_of_the_page(caplog: pytest.LogCaptureFixture) -> None:
    """A request with all faults, mended one by one, is refused by each step of the table in turn."""
    with caplog.at_level(logging.WARNING, "tornado_wssec"):
        statuses = asyncio.run(mend_one_by_one())
    stages = re.findall(r"refused with (\d{3}) at (\w+):", caplog.text)
    assert ("401", "credential") == stages.pop(7)

    assert [*told(), 101] == [*((int(status), stage) for status, stage in stages), statuses[-1]]
    assert statuses[:-1] == [int(status) for status, _ in stages]


@pytest.mark.requirement("R004", "R082")
def test_handshake_log_says_what_the_operator_looks_for(caplog: pytest.LogCaptureFixture) -> None:
    """Each line of the log that the operator's page quotes is one that such a handshake leaves."""

    async def too_late() -> None:
        async with GuardKit([(r"/ws", ChatSocket)], registry=CHAT) as kit:
            token = kit.token()
            await kit.advance(600)
            await kit.assert_handshake_refused(401, "/ws", token=token)

    with caplog.at_level(logging.WARNING, "tornado_wssec"):
        asyncio.run(mend_one_by_one())
        asyncio.run(too_late())
    quoted = re.findall(r"`(refused with [^`…]*)…`", (DOCS / "operating.md").read_text())

    assert 5 == len(quoted)
    assert [] == [line for line in quoted if line not in caplog.text]
