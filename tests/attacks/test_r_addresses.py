"""Lines R03 and R04: attempts of one address, and addresses that a header invents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from tests.kits import chat_kit, in_loop
from tornado_wssec import Identity, Limits
from tornado_wssec.testing import GuardKit

BURST: Final = 10
FEW: Final = Limits(attempts_burst=BURST, attempts_per_second=0.001)
PROXIED: Final[dict[str, Any]] = {"trusted_proxies": ("127.0.0.1", "10.0.0.0/8")}


async def statuses(kit: GuardKit, forwarded: list[list[tuple[str, str]]], token: str) -> list[int]:
    """What a handshake gets with each of these sets of further headers."""
    return [(await kit.handshake("/ws", token=token, extra=extra))[1].status for extra in forwarded]


@pytest.mark.requirement("R005")
@in_loop
async def test_r03_attempts_of_one_address_end_before_any_crypto(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred at once: what is over the burst gets 429 and a time to wait, and no token of it is looked at."""
    looked_at: list[str] = []
    async with chat_kit(limits=FEW) as kit:
        verify = kit.guard._desk.verify_token

        def verify_seen(token: str) -> Identity:
            looked_at.append(token)
            return verify(token)

        monkeypatch.setattr(kit.guard._desk, "verify_token", verify_seen)
        answers = [(await kit.handshake("/ws", token="none"))[1] for _ in range(100)]

    assert [401] * BURST + [429] * (100 - BURST) == [answer.status for answer in answers]
    assert {True} == {int(answer.headers["retry-after"]) > 0 for answer in answers[BURST:]}
    assert BURST == len(looked_at)


SPOOFED: Final = {
    "X-Forwarded-For": [[("X-Forwarded-For", f"192.0.2.{number}")] for number in range(30)],
    "X-Real-Ip": [[("X-Real-Ip", f"192.0.2.{number}"), ("X-Forwarded-For", "198.51.100.1")] for number in range(30)],
    "further left": [[("X-Forwarded-For", f"192.0.2.{number}, 198.51.100.1, 10.0.0.7")] for number in range(30)],
    "two lines": [
        [("X-Forwarded-For", f"192.0.2.{number}"), ("X-Forwarded-For", "198.51.100.1")] for number in range(30)
    ],
    "ports": [[("X-Forwarded-For", f"198.51.100.1:{number}")] for number in range(30)],
    "other spellings": [[("X-Forwarded-For", f"0x7f.{number}")] for number in range(30)],
    "short spellings": [[("X-Forwarded-For", f"127.{number}")] for number in range(30)],
    "zones": [[("X-Forwarded-For", f"fe80::1%{number}")] for number in range(30)],
    "one /64": [[("X-Forwarded-For", f"2001:db8::{number:x}")] for number in range(30)],
}


@pytest.mark.parametrize("what", SPOOFED)
@in_loop
async def test_r04_nobody_becomes_many_by_a_header(what: str) -> None:
    """Whatever a client writes into its headers, it has one budget; a trusted proxy stands between, where one does."""
    settings = {} if what == "X-Forwarded-For" else PROXIED
    https = [] if what == "X-Forwarded-For" else [("X-Forwarded-Proto", "https")]
    async with chat_kit(limits=FEW, settings={"insecure": True, **settings}) as kit:
        got = await statuses(kit, [extra + https for extra in SPOOFED[what]], "none")

    assert [401] * BURST + [429] * (30 - BURST) == got


@in_loop
async def test_r04_clients_of_a_proxy_have_budgets_of_their_own() -> None:
    """The right-most hop that is no proxy of ours is who asks."""
    forwarded = [[("X-Forwarded-For", f"192.0.2.{number}"), ("X-Forwarded-Proto", "https")] for number in range(30)]
    async with chat_kit(limits=FEW, settings=PROXIED) as kit:
        assert [401] * 30 == await statuses(kit, forwarded, "none")


@asynccontextmanager
async def behind_a_believer(**options: Any) -> AsyncIterator[GuardKit]:
    """A chat behind a server of the application's own, which believes whatever headers say (`xheaders`)."""
    async with chat_kit(**options) as kit:
        listener, kit.port = bind_unused_port()
        server = HTTPServer(kit.app, xheaders=True)
        server.add_sockets([listener])
        try:
            yield kit
        finally:
            server.stop()
            await server.close_all_connections()


@pytest.mark.parametrize("name", ["X-Real-Ip", "X-Forwarded-For"])
@in_loop
async def test_r04_server_that_believes_an_address(name: str) -> None:
    """We ask the socket who it is, also where the application has told Tornado to ask the headers."""
    async with behind_a_believer(limits=FEW, settings={"insecure": True}) as kit:
        claims = [[(name, f"192.0.2.{number}")] for number in range(30)]
        assert [101] * 5 + [429] * 25 == await statuses(kit, claims, kit.token())  # five connections of an identity
        assert 429 == (await kit.handshake("/ws", token=kit.token("bob")))[1].status


@pytest.mark.parametrize("name", ["X-Scheme", "X-Forwarded-Proto"])
@in_loop
async def test_r04_server_that_believes_a_scheme(name: str) -> None:
    """Nor does such a header encrypt anything."""
    async with behind_a_believer() as kit:
        claim = [(name, "https"), ("X-Forwarded-For", "192.0.2.1")]
        assert [403] == await statuses(kit, [claim], kit.token())
