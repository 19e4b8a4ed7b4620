"""Plain requests that ask the guard who sends them: what a crowd, or a page elsewhere, must not do to a person."""

from dataclasses import replace

import pytest

from tests.attacks.logins import FROM_US, Browser, cookie_kit
from tests.kits import GENEROUS, in_loop
from tornado_wssec.auth import SessionCookie

EMBEDDED = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image"))


@pytest.mark.parametrize("caps", [{"connections_per_address": 1}, {"connections": 1}], ids=str)
@in_loop
async def test_r03_full_house_keeps_nobody_signed_in(caps: dict[str, int]) -> None:
    """Where no connection is free, one can still ask who one is, and sign out: the sockets of the login close."""
    async with cookie_kit(SessionCookie(), limits=replace(GENEROUS, **caps)) as kit:
        browser = Browser(kit)
        await browser.sign_in()
        client = await browser.connect()

        assert 200 == (await browser.send("GET", "/me")).status
        assert caps.keys() == {"connections"} or 429 == await browser.handshake()
        assert 200 == (await browser.send("POST", "/logout", "", FROM_US)).status
        await client.assert_closed(4403)


@in_loop
async def test_r06_page_elsewhere_locks_nobody_out() -> None:
    """A thousand images that point to a page of ours come without the cookie: no credential has failed by that."""
    async with cookie_kit(SessionCookie(), limits=replace(GENEROUS, failed_credentials=10)) as kit:
        browser, embedded = Browser(kit), Browser(kit)
        await browser.sign_in()
        for _ in range(20):
            assert 401 == (await embedded.send("GET", "/me", "", *EMBEDDED)).status
        assert 101 == await browser.handshake()


@in_loop
async def test_r06_guessing_by_plain_requests_uses_up_the_budget() -> None:
    """A cookie that is none is a failed credential, wherever it is shown."""
    async with cookie_kit(SessionCookie(), limits=replace(GENEROUS, failed_credentials=10)) as kit:
        guessing = Browser(kit, value=f"{'a' * 22}.{'b' * 43}")
        answers = [(await guessing.send("GET", "/me")).status for _ in range(12)]
        assert [401] * 10 + [429] * 2 == answers
