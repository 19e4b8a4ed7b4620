"""The page on cookies: its handlers run as they stand, and its table of refusals is what a socket is told."""

import asyncio
import json
import re
from types import SimpleNamespace
from typing import Any

from tests.attacks.logins import FROM_US, JSON, SECRET, WANTS, Browser, cookie_kit, shown, signed
from tests.docs.pages import DOCS, blocks
from tests.kits import CHAT, ChatSocket
from tornado_wssec import BearerToken, SessionCookie
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON

PAGE = DOCS / "cookies.md"
PEOPLE = {"ann": SimpleNamespace(name="ann", roles=["writer"], company="acme")}


def page_names() -> dict[str, Any]:
    """What the page's Python defines, with what it says is yours."""

    async def find_person(value: str) -> SimpleNamespace | None:
        return PEOPLE.get(value)

    def password_is_right(name: str, password: str) -> bool:
        return password == "correct horse"

    names: dict[str, Any] = {"find_person": find_person, "password_is_right": password_is_right}
    for block in blocks(PAGE):
        if block.language != "js":
            assert block.language == "python", f"nothing reads the block at line {block.line}"
            exec(block.text, names)  # noqa: S102  # the page is ours
    return names


def kit_of(names: dict[str, Any], socket: type, *ways: Any) -> GuardKit:
    """The page's handlers, and a chat."""
    routes: list[Any] = [("/ws", socket), ("/login", names["Login"]), ("/logout", names["Logout"])]
    settings = {"cookie_secret": SECRET}
    return GuardKit(routes, registry=CHAT, settings=settings, authenticators=ways, roles={"writer": ["chat:*:*"]})


def test_cookies_login_and_logout_run() -> None:
    """They sign in who is right, refuse who is not, and sign out."""

    async def run() -> list[int]:
        names = page_names()
        async with kit_of(names, ChatSocket, SessionCookie()) as kit:
            browser = Browser(kit)
            wrong = json.dumps({"name": "ann", "password": "x"})
            statuses = [(await browser.send("POST", "/login", wrong, JSON, FROM_US)).status]
            await browser.sign_in("ann", password="correct horse")
            statuses.append(await browser.handshake())
            stolen = Browser(kit, value=browser.value, csrf=browser.csrf)
            statuses.append((await browser.send("POST", "/logout", "", FROM_US)).status)
            return [*statuses, await stolen.handshake()]

    assert [401, 101, 200, 401] == asyncio.run(run())


def test_cookies_ticket_beside_a_cookie_runs() -> None:
    """The page's socket takes the ticket that the login has bought, and the cookie beside it is no second one."""

    async def run() -> int:
        names = page_names()
        async with kit_of(names, names["ChatSocket"], SessionCookie()) as kit:
            browser = Browser(kit)
            await browser.sign_in("ann", password="correct horse")
            given = json.loads((await browser.send("POST", "/wssec/ticket", WANTS, JSON, FROM_US)).body)
            return await browser.handshake(path=f"/ws?ticket={given['ticket']}")

    assert 101 == asyncio.run(run())


def test_cookies_of_an_application_run() -> None:
    """The page's `identify` names who is known, with roles and tenant, and nobody else."""

    async def run() -> tuple[int, int, Any]:
        names = page_names()
        async with kit_of(names, ChatSocket, names["way"]) as kit:
            known, unknown = (shown(kit, signed(name, NOON, name="user"), "user") for name in ("ann", "eve"))
            statuses = await known.handshake(), await unknown.handshake()
            (live,) = kit.guard.hub
            who = live.session.identity
            return *statuses, (who.subject, who.tenant, list(who.permissions))

    assert (101, 401, ("ann", "acme", ["chat:*:*"])) == asyncio.run(run())


def test_cookies_page_says_what_is_set() -> None:
    """The attributes of the page are those of the header."""

    async def run() -> str:
        async with kit_of(page_names(), ChatSocket, SessionCookie()) as kit:
            browser = Browser(kit)
            await browser.sign_in("ann", password="correct horse")
            assert browser.set_by is not None
            return browser.set_by.headers["set-cookie"]

    header = asyncio.run(run())
    (told,) = re.findall(r"sets the cookie: ([^;.]*?), and no\s", PAGE.read_text())

    assert set(re.findall(r"`([^`]+)`", told)) == {
        header.partition("=")[0],
        *(part for part in header.split("; ")[1:] if not part.startswith("Max-Age")),
    }


class Native(ChatSocket):
    allow_missing_origin = True


async def refusals() -> list[int]:
    """The status of each row of the page's table, in order."""
    async with cookie_kit(SessionCookie(), BearerToken(), socket=Native) as kit:
        browser, left = Browser(kit), Browser(kit)
        await browser.sign_in()
        await left.sign_in()
        signed_out = Browser(kit, value=left.value, csrf=left.csrf)
        await left.send("POST", "/logout", "", FROM_US)
        twice = Browser(kit, value=f"{browser.value}; __Host-wssec=x", csrf=browser.csrf)
        embedded = ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")
        told = [
            await shown(kit, "forged").handshake(),
            await signed_out.handshake(),
            await twice.handshake(),
            await browser.handshake(token=kit.token()),
            await browser.handshake(""),
            await browser.handshake(origin=None),
            (await browser.send("GET", "/me", "", *embedded)).status,
        ]
        kit.store.find_record = _down  # type: ignore[method-assign, assignment]
        return [*told, await browser.handshake()]


async def _down(*arguments: Any) -> str | None:
    raise StoreUnavailable("did not answer within 0.25 s")


def test_cookies_are_refused_as_the_page_says() -> None:
    """Every row of the table, tried: it has the status that a socket or a page gets."""
    rows = re.findall(r"^\| [^|]+ \| (\d{3}) \|$", PAGE.read_text(), re.MULTILINE)

    assert [int(status) for status in rows] == asyncio.run(refusals())
